# Dell iDRAC user: an administrator sets the password of a user, whose number is the additional information of the credential.
set-read-timeout 60
expect-regex "/>\s*$/"
exec "racadm set iDRAC.Users.[#ADD_INFO#].Password [#NEW_PASSWORD#]"
no-expect "ERROR"
expect-regex "/(?i)modified successfully/"
end
