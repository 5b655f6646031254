# HPE iLO user: an administrator sets the password of a user by the commands of SMASH.
set-read-timeout 60
expect-regex "/>\s*$/"
exec "set /map1/accounts1/[#USERNAME#] password=[#NEW_PASSWORD#]"
no-expect "status=1"
no-expect "status=2"
no-expect "status=3"
expect-regex "/status=0\s[\s\S]*>\s*$/"
end
