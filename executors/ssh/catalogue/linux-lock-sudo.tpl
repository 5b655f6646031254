# Linux lock account (sudo): a manager account locks the password of another account, lets the account expire, which SSH keys
# feel too, and ends its processes. It needs lines in sudoers:
#   manager ALL=(root) NOPASSWD: /usr/sbin/usermod, /usr/bin/pkill
set-read-timeout 15
expect-regex "/[$#>%]\s*$/"
exec "if LC_ALL=C sudo -n /usr/sbin/usermod -L -e 1 '[#USERNAME#]'; then LC_ALL=C sudo -n /usr/bin/pkill -KILL -u '[#USERNAME#]'; echo R''C=0.; else echo R''C=1.; fi"
no-expect "RC=1."
expect "RC=0."
end
