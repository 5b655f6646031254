bind "[#AUTH_USER#]"
delete "uid=[#USERNAME#],[#ADD_INFO#]"
