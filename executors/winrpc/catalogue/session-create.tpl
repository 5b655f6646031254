# An account for a session: what an earlier attempt left is removed first.
net user [#USERNAME#] /delete
net user [#USERNAME#] [#NEW_PASSWORD#] /add
