# Linux passwd (sudo with a password): a manager account, which sudo asks for its password, sets the password of another account.
# It needs one line in sudoers: manager ALL=(root) /usr/bin/passwd
set-read-timeout 15
expect-regex "/[$#>%]\s*$/"
exec "LC_ALL=C sudo -k -p 'sudo password:' /usr/bin/passwd '[#USERNAME#]'; echo RC=$?."
expect-regex "/sudo password:\s*$/"
exec [#AUTH_PASSWORD#]
expect-regex "/(?i)new password:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "RC=1"
no-expect "RC=2"
no-expect "RC=9"
expect-regex "/(?i)new password:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "RC=1"
no-expect "RC=2"
no-expect "RC=9"
expect-regex "/RC=0\./"
end
