# Brocade Fabric OS user: an administrator sets the password of a user; the switch asks for it.
set-read-timeout 15
expect-regex "/>\s*$/"
exec "passwd [#USERNAME#]"
expect-regex "/(?i)new password:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "Error"
no-expect "mismatch"
expect-regex "/(?i)new password:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "Error"
no-expect "mismatch"
expect-regex "/(?i)updated successfully[\s\S]*>\s*$/"
end
