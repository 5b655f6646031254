# Windows disable local user (WinRM): an account that is disabled stays so.
powershell Disable-LocalUser -Name "[#USERNAME#]"
