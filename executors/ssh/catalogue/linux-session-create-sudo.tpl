# Linux create user for a session (sudo): a manager account creates another account with a password, or gives the one that an earlier
# attempt left that password, unlocked. It needs lines in sudoers:
#   manager ALL=(root) NOPASSWD: /usr/sbin/useradd, /usr/sbin/usermod, /usr/sbin/chpasswd
# The password is read from the terminal by the shell itself and goes to standard input, never to an argument.
set-read-timeout 15
expect-regex "/[$#>%]\s*$/"
exec "printf 'READY%s' .; IFS= read -r COFRE; if { id -u '[#USERNAME#]' >/dev/null 2>&1 && LC_ALL=C sudo -n /usr/sbin/usermod -e '' '[#USERNAME#]' || LC_ALL=C sudo -n /usr/sbin/useradd -m -s /bin/bash '[#USERNAME#]'; } && printf '%s:%s\n' '[#USERNAME#]' \"$COFRE\" | LC_ALL=C sudo -n /usr/sbin/chpasswd; then echo R''C=0.; else echo R''C=1.; fi"
expect "READY."
exec [#NEW_PASSWORD#]
no-expect "RC=1."
expect "RC=0."
end
