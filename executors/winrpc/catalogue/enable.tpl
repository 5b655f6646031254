net user [#USERNAME#] /active:yes
