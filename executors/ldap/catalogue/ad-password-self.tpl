# The user itself changes its password: deleting the old one and adding the new one are one request. The additional
# information is the DN of the branch that holds it.
bind "[#AUTH_USER#]@[#AUTH_DOMAIN#]"
find "[#ADD_INFO#]" "(sAMAccountName=[#USERNAME#])"
mod-del unicodePwd "u([#CURRENT_PASSWORD#])"
mod-add unicodePwd "u([#NEW_PASSWORD#])"
