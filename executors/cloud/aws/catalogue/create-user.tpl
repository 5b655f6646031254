# AWS create user with access key: the additional information lists up to 10 ARNs of managed policies, with commas between them.
create-user "/cofre/"
attach-policies "[#ADD_INFO#]"
create-access-key
