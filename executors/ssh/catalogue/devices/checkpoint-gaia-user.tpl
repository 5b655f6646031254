# Check Point Gaia user: an administrator sets the password of a user and saves it; Gaia asks for it.
set-read-timeout 15
expect-regex "/>\s*$/"
exec "set user [#USERNAME#] password"
expect-regex "/(?i)password[^\n]*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "CLINFR"
no-expect "do not match"
no-expect "too short"
expect-regex "/(?i)password[^\n]*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "CLINFR"
no-expect "do not match"
no-expect "too short"
expect-regex "/>\s*$/"
exec "save config"
no-expect "CLINFR"
no-expect "do not match"
no-expect "too short"
expect-regex "/>\s*$/"
exec "show version product"
no-expect "CLINFR"
no-expect "do not match"
no-expect "too short"
expect-regex "/(?i)gaia[\s\S]*>\s*$/"
end
