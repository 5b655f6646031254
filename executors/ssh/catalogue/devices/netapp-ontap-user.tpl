# NetApp ONTAP user: a cluster administrator sets the password of a user; ONTAP asks for it.
set-read-timeout 15
expect-regex "/>\s*$/"
exec "security login password -username [#USERNAME#]"
expect-regex "/(?i)new password:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "Error:"
expect-regex "/(?i)again:\s*$/"
exec [#NEW_PASSWORD#]
no-expect "Error:"
expect-regex "/>\s*$/"
exec "version"
no-expect "Error:"
expect-regex "/NetApp Release[\s\S]*>\s*$/"
end
