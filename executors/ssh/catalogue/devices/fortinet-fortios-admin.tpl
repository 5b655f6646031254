# Fortinet FortiOS administrator: an administrator of profile super_admin sets the password of another one.
# The secret stands in the command line, so it must be made of letters, digits and plain symbols.
set-read-timeout 15
expect-regex "/#\s*$/"
exec "config system admin"
expect-regex "/\(admin\) #\s*$/"
exec "edit [#USERNAME#]"
expect-regex "/\) #\s*$/"
exec "set password [#NEW_PASSWORD#]"
no-expect "Command fail"
no-expect "Unknown action"
no-expect "node_check_object fail"
expect-regex "/\) #\s*$/"
exec "end"
no-expect "Command fail"
no-expect "Unknown action"
no-expect "node_check_object fail"
expect-regex "/[^)] #\s*$/"
end
