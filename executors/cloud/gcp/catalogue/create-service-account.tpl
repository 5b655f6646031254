# Google create service account with key: the additional information says where, and which roles it gets: project=ID,role=ROLE and so on.
create-service-account "[#ADD_INFO#]"
