# Linux passwd (Telnet): the account changes its own password in the dialogue of passwd, in clear text on the wire.
set-read-timeout 15
expect-regex "/[$#>%]\s*$/"
# A Telnet terminal shows what is typed; without that, nothing of ours is taken for an answer.
exec "stty -echo; echo READY."
expect-regex "/READY\.\s+[^\n]*[$#>%]\s*$/"
exec "LC_ALL=C passwd; echo R''C=$?."
no-expect "RC="
expect-regex "/(?i)current\)?( unix)? password:/"
exec [#CURRENT_PASSWORD#]
no-expect "RC="
expect-regex "/(?i)new( unix)? password:/"
exec [#NEW_PASSWORD#]
# A weak password is asked for again instead of being confirmed.
no-expect "New password:"
no-expect "Enter new"
no-expect "RC="
expect-regex "/(?i)retype (new )?(unix )?password:/"
exec [#NEW_PASSWORD#]
no-expect "New password:"
no-expect "Enter new"
no-expect "RC=1"
expect "RC=0."
end
