# The additional information of the credential is the DN of the branch that holds it, its user name the uid.
bind "[#AUTH_USER#]"
find "[#ADD_INFO#]" "(uid=[#USERNAME#])"
password-modify "[#NEW_PASSWORD#]"
