# Linux remove user (sudo): a manager account ends the processes of another account and removes it with its home. One that
# is not there is no error. It needs lines in sudoers:
#   manager ALL=(root) NOPASSWD: /usr/sbin/userdel, /usr/bin/pkill
set-read-timeout 30
expect-regex "/[$#>%]\s*$/"
exec "if id -u '[#USERNAME#]' >/dev/null 2>&1; then LC_ALL=C sudo -n /usr/bin/pkill -KILL -u '[#USERNAME#]'; LC_ALL=C sudo -n /usr/sbin/userdel -f -r '[#USERNAME#]' >/dev/null 2>&1; fi; if id -u '[#USERNAME#]' >/dev/null 2>&1; then echo R''C=1.; else echo R''C=0.; fi"
no-expect "RC=1."
expect "RC=0."
end
