# Oracle Solaris passwd (root): root sets the password of another account.
set-read-timeout 15
expect-regex "/[$#>%]\s*$/"
exec "LC_ALL=C passwd '[#USERNAME#]'; echo RC=$?."
expect-regex "/(?i)password[^\n]*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "RC=1"
no-expect "RC=2"
no-expect "RC=9"
expect-regex "/(?i)password[^\n]*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "RC=1"
no-expect "RC=2"
no-expect "RC=9"
expect-regex "/RC=0\./"
end
