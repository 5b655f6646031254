# The user name of the credential is the DN of its entry. The server hashes the new password (RFC 3062).
bind "[#AUTH_USER#]"
find "[#USERNAME#]" "(objectClass=*)"
password-modify "[#NEW_PASSWORD#]"
