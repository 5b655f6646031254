# Cisco ASA local user: an account logs in, enters privileged mode with its own password, sets the password of a local user and saves it.
set-read-timeout 15
expect-regex "/>\s*$/"
exec "enable"
expect-regex "/(?i)password[^\n]*:\s*$/"
exec [#AUTH_PASSWORD#]
expect-regex "/#\s*$/"
exec "configure terminal"
expect-regex "/\(config[^)]*\)#\s*$/"
exec "username [#USERNAME#] password [#NEW_PASSWORD#]"
no-expect "ERROR"
no-expect "% "
expect-regex "/\(config[^)]*\)#\s*$/"
exec "end"
no-expect "ERROR"
no-expect "% "
expect-regex "/#\s*$/"
exec "write memory"
no-expect "ERROR"
no-expect "% "
expect-regex "/\[OK\][\s\S]*#\s*$/"
end
