# VMware ESXi account: an administrator of the host sets the password of an account. esxcli asks for the password, because -p and
# -c stand without a value, so that it never stands in an argument.
set-read-timeout 30
expect-regex "/[$#>%\]]\s*$/"
# The host's shell may show what it is given: the empty quotes keep that from being the answer.
exec "esxcli system account set -i '[#USERNAME#]' -p -c; echo R''C=$?."
no-expect "RC="
expect-regex "/(?i)password[^\n]*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "RC="
expect-regex "/(?i)password[^\n]*:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "RC=1"
expect "RC=0."
end
