# Windows local user password, by itself (WinRM): the account changes its own password; a manager who logs in sets it.
!change-password
