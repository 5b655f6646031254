# VMware ESXi passwd: root of a host sets the password of a local account in the dialogue of passwd.
set-read-timeout 15
expect-regex "/\]\s*$/"
exec "passwd '[#USERNAME#]'; echo RC=$?."
expect-regex "/(?i)new password:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "RC=1"
no-expect "RC=2"
expect-regex "/(?i)new password:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "RC=1"
no-expect "RC=2"
expect-regex "/RC=0\./"
end
