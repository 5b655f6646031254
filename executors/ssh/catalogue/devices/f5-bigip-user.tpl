# F5 BIG-IP user: an administrator, whose shell is tmsh, sets the password of a user and saves it; tmsh asks for it.
set-read-timeout 60
expect-regex "/#\s*$/"
exec "modify auth password [#USERNAME#]"
expect-regex "/(?i)password[^\n]*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "Error:"
no-expect "error:"
no-expect "Syntax Error"
expect-regex "/(?i)password[^\n]*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "Error:"
no-expect "error:"
no-expect "Syntax Error"
expect-regex "/#\s*$/"
exec "save sys config"
no-expect "Error:"
no-expect "error:"
no-expect "Syntax Error"
expect-regex "/(?i)saving running configuration[\s\S]*#\s*$/"
end
