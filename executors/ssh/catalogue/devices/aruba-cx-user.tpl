# HPE Aruba CX local user: an administrator sets the password of a local user and saves it.
set-read-timeout 60
expect-regex "/#\s*$/"
exec "configure terminal"
expect-regex "/\(config[^)]*\)#\s*$/"
exec "user [#USERNAME#] password plaintext [#NEW_PASSWORD#]"
no-expect "Invalid"
no-expect "Error"
expect-regex "/\(config[^)]*\)#\s*$/"
exec "end"
no-expect "Invalid"
no-expect "Error"
expect-regex "/#\s*$/"
exec "write memory"
no-expect "Invalid"
no-expect "Error"
expect-regex "/Success[\s\S]*#\s*$/"
end
