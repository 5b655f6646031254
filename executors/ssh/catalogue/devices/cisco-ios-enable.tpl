# Cisco IOS enable secret: an account of privilege 15 sets the enable secret and saves it.
# The secret stands in the command line, so it must be made of letters, digits and plain symbols.
set-read-timeout 15
expect-regex "/#\s*$/"
exec "configure terminal"
expect-regex "/\(config[^)]*\)#\s*$/"
exec "enable secret [#NEW_PASSWORD#]"
no-expect "% "
no-expect "Invalid"
expect-regex "/\(config[^)]*\)#\s*$/"
exec "end"
no-expect "% "
no-expect "Invalid"
expect-regex "/#\s*$/"
exec "write memory"
no-expect "% "
no-expect "Invalid"
expect-regex "/\[OK\][\s\S]*#\s*$/"
end
