# OpenBSD passwd (doas): a manager account sets the password of another account. It needs one line in doas.conf:
#   permit nopass manager as root cmd passwd
set-read-timeout 15
expect-regex "/[$#>%]\s*$/"
exec "doas passwd '[#USERNAME#]'; echo RC=$?."
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
