# MongoDB user: the additional information is the database that knows the user. The manager is a user of admin.
use [#ADD_INFO#]
{"updateUser": "[#USERNAME#]", "pwd": "[#NEW_PASSWORD#]", "mechanisms": ["SCRAM-SHA-256"]}
