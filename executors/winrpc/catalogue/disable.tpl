net user [#USERNAME#] /active:no
