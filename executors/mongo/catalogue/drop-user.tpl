# MongoDB drop user: one that is not there counts as removed.
use [#ADD_INFO#]
{"dropUser": "[#USERNAME#]"}
