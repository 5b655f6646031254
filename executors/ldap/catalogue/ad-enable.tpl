# The account is switched on (its other flags stay). The additional information of the credential is the DN of the branch that holds it.
bind "[#AUTH_USER#]@[#AUTH_DOMAIN#]"
find "[#ADD_INFO#]" "(sAMAccountName=[#USERNAME#])"
clear-bits userAccountControl 2
