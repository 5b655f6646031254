bind "[#AUTH_USER#]@[#AUTH_DOMAIN#]"
delete "CN=[#USERNAME#],[#ADD_INFO#]"
