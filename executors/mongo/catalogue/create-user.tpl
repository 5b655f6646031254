# MongoDB create user: the additional information is the database, which the user may read and write.
use [#ADD_INFO#]
{"createUser": "[#USERNAME#]", "pwd": "[#NEW_PASSWORD#]", "mechanisms": ["SCRAM-SHA-256"], "roles": [{"role": "readWrite", "db": "[#ADD_INFO#]"}]}
