# Arista EOS local user: an account of privilege 15 sets the secret of a local user and saves it.
set-read-timeout 15
expect-regex "/#\s*$/"
exec "configure"
expect-regex "/\(config[^)]*\)#\s*$/"
exec "username [#USERNAME#] secret [#NEW_PASSWORD#]"
no-expect "% "
expect-regex "/\(config[^)]*\)#\s*$/"
exec "end"
no-expect "% "
expect-regex "/#\s*$/"
exec "write memory"
no-expect "% "
expect-regex "/(?i)completed successfully[\s\S]*#\s*$/"
end
