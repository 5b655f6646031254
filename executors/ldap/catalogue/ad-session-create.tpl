# An account for a session: what an earlier attempt left is removed first. The user logs in as name@domain.
# The additional information is the DN of the branch that holds the users.
bind "[#AUTH_USER#]@[#AUTH_DOMAIN#]"
delete "CN=[#USERNAME#],[#ADD_INFO#]"
add "CN=[#USERNAME#],[#ADD_INFO#]" objectClass user userPrincipalName "[#USERNAME#]@[#DOMAIN#]" unicodePwd "u([#NEW_PASSWORD#])" userAccountControl 512
