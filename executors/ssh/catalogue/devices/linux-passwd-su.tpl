# Linux passwd (su to root): an account that may become root by the password of root, which is the credential that logs in, sets the password of another account.
set-read-timeout 15
expect-regex "/[$#>%]\s*$/"
exec "LC_ALL=C su -c \"passwd '[#USERNAME#]'\"; echo RC=$?."
expect-regex "/(?i)password[^\n]*:\s*$/"
exec [#AUTH_PASSWORD#]
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
