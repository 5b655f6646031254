# Redis ACL user: an administrator gives a user one new password, which leaves as its SHA-256, and saves the ACL file.
acl setuser [#USERNAME#] resetpass ">[#NEW_PASSWORD#]"
acl save
end
