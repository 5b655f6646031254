# Cisco IOS XR local user: an administrator sets the secret of a local user and commits.
set-read-timeout 60
expect-regex "/#\s*$/"
exec "configure"
expect-regex "/\(config[^)]*\)#\s*$/"
exec "username [#USERNAME#] secret 0 [#NEW_PASSWORD#]"
no-expect "% "
no-expect "Failed to commit"
expect-regex "/\(config[^)]*\)#\s*$/"
exec "commit"
no-expect "% "
no-expect "Failed to commit"
expect-regex "/\(config[^)]*\)#\s*$/"
exec "end"
no-expect "% "
no-expect "Failed to commit"
expect-regex "/[^)]#\s*$/"
end
