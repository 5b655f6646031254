net user [#USERNAME#] /delete
