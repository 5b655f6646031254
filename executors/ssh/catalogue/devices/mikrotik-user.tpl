# MikroTik RouterOS user: a user of the group full sets the password of a user.
# The secret stands in the command line, so it must be made of letters, digits and plain symbols.
set-read-timeout 15
expect-regex "/>\s*$/"
exec "/user set [#USERNAME#] password=[#NEW_PASSWORD#]"
no-expect "failure"
no-expect "no such item"
no-expect "syntax error"
no-expect "expected end"
expect-regex "/>\s*$/"
exec ":put \"done\""
no-expect "failure"
no-expect "no such item"
no-expect "syntax error"
no-expect "expected end"
expect-regex "/done[\s\S]*>\s*$/"
end
