# The account is switched off (its other flags stay). The additional information of the credential is the DN of the branch that holds it.
bind "[#AUTH_USER#]@[#AUTH_DOMAIN#]"
find "[#ADD_INFO#]" "(sAMAccountName=[#USERNAME#])"
set-bits userAccountControl 2
