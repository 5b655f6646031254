# Palo Alto PAN-OS administrator: a superuser sets the password of an administrator and commits; PAN-OS asks for it.
set-read-timeout 300
expect-regex "/>\s*$/"
exec "configure"
expect-regex "/#\s*$/"
exec "set mgt-config users [#USERNAME#] password"
expect-regex "/(?i)enter password\s*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "Invalid"
no-expect "do not match"
no-expect "failed"
expect-regex "/(?i)confirm password\s*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "Invalid"
no-expect "do not match"
no-expect "failed"
expect-regex "/#\s*$/"
exec "commit"
no-expect "Invalid"
no-expect "do not match"
no-expect "failed"
expect-regex "/(?i)committed successfully[\s\S]*#\s*$/"
end
