# The user logs in as name@domain: names before Windows 2000 are too short for it, so that one is left to the directory.
# The additional information is the DN of the branch that holds the users.
bind "[#AUTH_USER#]@[#AUTH_DOMAIN#]"
add "CN=[#USERNAME#],[#ADD_INFO#]" objectClass user userPrincipalName "[#USERNAME#]@[#DOMAIN#]" unicodePwd "u([#NEW_PASSWORD#])" userAccountControl 512
