# Juniper Junos root: an account of class super-user sets the password of root; Junos asks for it.
set-read-timeout 90
expect-regex "/>\s*$/"
exec "configure"
expect-regex "/#\s*$/"
exec "set system root-authentication plain-text-password"
expect-regex "/(?i)password[^\n]*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "error:"
expect-regex "/(?i)password[^\n]*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "error:"
expect-regex "/#\s*$/"
exec "commit and-quit"
no-expect "error:"
expect-regex "/commit complete[\s\S]*>\s*$/"
end
