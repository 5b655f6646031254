# IBM AIX passwd (root): root sets the password of another account, which need not change it at its next login.
set-read-timeout 15
expect-regex "/[$#>%]\s*$/"
exec "LC_ALL=C passwd '[#USERNAME#]' && pwdadm -c '[#USERNAME#]'; echo RC=$?."
expect-regex "/(?i)new password:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "RC=1"
no-expect "RC=2"
no-expect "RC=9"
expect-regex "/(?i)again:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "RC=1"
no-expect "RC=2"
no-expect "RC=9"
expect-regex "/RC=0\./"
end
