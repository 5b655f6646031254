# The additional information of the credential is the DN of the branch that holds it; the domain is the credential's or the device's.
bind "[#AUTH_USER#]@[#AUTH_DOMAIN#]"
find "[#ADD_INFO#]" "(sAMAccountName=[#USERNAME#])"
mod-replace unicodePwd "u([#NEW_PASSWORD#])"
