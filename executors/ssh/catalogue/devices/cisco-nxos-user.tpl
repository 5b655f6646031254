# Cisco NX-OS local user: a network administrator sets the password of a local user and saves it.
set-read-timeout 60
expect-regex "/#\s*$/"
exec "configure terminal"
expect-regex "/\(config[^)]*\)#\s*$/"
exec "username [#USERNAME#] password [#NEW_PASSWORD#]"
no-expect "% "
no-expect "rejected"
expect-regex "/\(config[^)]*\)#\s*$/"
exec "end"
no-expect "% "
no-expect "rejected"
expect-regex "/#\s*$/"
exec "copy running-config startup-config"
no-expect "% "
no-expect "rejected"
expect-regex "/(?i)copy complete[\s\S]*#\s*$/"
end
