# FreeBSD pw (root): root sets the password of another account; pw reads it from the terminal, not from an argument.
set-read-timeout 15
expect-regex "/[$#>%]\s*$/"
exec "pw usermod '[#USERNAME#]' -h 0; echo RC=$?."
expect-regex "/(?i)password for user [^\n]*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "RC=1"
no-expect "RC=2"
no-expect "RC=9"
expect-regex "/RC=0\./"
end
