# The additional information is the DN of the branch that holds the users. The server hashes the password (RFC 3062).
bind "[#AUTH_USER#]"
add "uid=[#USERNAME#],[#ADD_INFO#]" objectClass inetOrgPerson uid "[#USERNAME#]" cn "[#USERNAME#]" sn "[#USERNAME#]"
find "uid=[#USERNAME#],[#ADD_INFO#]" (objectClass=*)
password-modify "[#NEW_PASSWORD#]"
