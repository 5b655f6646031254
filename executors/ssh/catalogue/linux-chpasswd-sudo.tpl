# Linux chpasswd (sudo): a manager account sets the password of another account. It needs one line in sudoers:
#   manager ALL=(root) NOPASSWD: /usr/sbin/chpasswd
# The password is read from the terminal by the shell itself and goes to standard input, never to an argument.
set-read-timeout 15
expect-regex "/[$#>%]\s*$/"
exec "printf 'READY%s' .; IFS= read -r COFRE; printf '%s:%s\n' '[#USERNAME#]' \"$COFRE\" | LC_ALL=C sudo -n /usr/sbin/chpasswd; echo RC=$?."
expect "READY."
exec [#NEW_PASSWORD#]
no-expect "RC=1"
expect "RC=0."
end
