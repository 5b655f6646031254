# Azure remove client secret: the additional information is the object id of the application; a secret that is not there counts as removed.
remove-password "[#ADD_INFO#]"
