# Azure add client secret: the additional information is the object id of the application in Entra.
add-password "[#ADD_INFO#]"
