# Google remove service account: with its roles and keys; the additional information says where. One that is not there counts as removed.
delete-service-account "[#ADD_INFO#]"
