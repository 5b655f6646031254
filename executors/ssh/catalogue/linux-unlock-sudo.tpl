# Linux unlock account (sudo): a manager account unlocks the password of another account and ends its expiry. It needs a line
# in sudoers:
#   manager ALL=(root) NOPASSWD: /usr/sbin/usermod
set-read-timeout 15
expect-regex "/[$#>%]\s*$/"
exec "if LC_ALL=C sudo -n /usr/sbin/usermod -U -e '' '[#USERNAME#]'; then echo R''C=0.; else echo R''C=1.; fi"
no-expect "RC=1."
expect "RC=0."
end
