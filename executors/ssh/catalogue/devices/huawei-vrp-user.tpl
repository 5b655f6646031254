# Huawei VRP local user: an account of level 15 sets the password of a local user and saves it.
# The secret stands in the command line, so it must be made of letters, digits and plain symbols.
set-read-timeout 60
expect-regex "/>\s*$/"
exec "system-view"
expect-regex "/\]\s*$/"
exec "aaa"
expect-regex "/\]\s*$/"
exec "local-user [#USERNAME#] password irreversible-cipher [#NEW_PASSWORD#]"
no-expect "Error:"
expect-regex "/\]\s*$/"
exec "return"
no-expect "Error:"
expect-regex "/>\s*$/"
exec "save"
no-expect "Error:"
expect-regex "/(?i)\[y.n\][^\n]*$/"
exec "y"
no-expect "Error:"
expect-regex "/(?i)success[\s\S]*>\s*$/"
end
