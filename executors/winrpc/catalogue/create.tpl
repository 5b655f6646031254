net user [#USERNAME#] [#NEW_PASSWORD#] /add
