# Whoever logs in gives the account a new password; an account that logs in by itself changes its own.
!netsmb-password
