# Ends the user's connections as well.
acl deluser [#USERNAME#]
acl save
