# The additional information is the pattern of the keys that the user may read and write, such as shop:*
acl setuser [#USERNAME#] reset on ">[#NEW_PASSWORD#]" "~[#ADD_INFO#]" +@read +@write +@connection
acl save
