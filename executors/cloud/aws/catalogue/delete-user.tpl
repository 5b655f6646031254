# AWS remove user: with its keys and policies; one that is not there counts as removed.
delete-user
