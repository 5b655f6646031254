# macOS dscl (sudo): an administrator sets the password of a local account. It needs one line in sudoers:
#   manager ALL=(root) NOPASSWD: /usr/bin/dscl . -passwd /Users/*
set-read-timeout 15
expect-regex "/[$#>%]\s*$/"
exec "sudo -n /usr/bin/dscl . -passwd '/Users/[#USERNAME#]'; echo RC=$?."
expect-regex "/(?i)password[^\n]*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "RC=1"
no-expect "RC=2"
no-expect "RC=9"
expect-regex "/RC=0\./"
end
