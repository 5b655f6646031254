# Windows enable local user (WinRM): an account that is enabled stays so.
powershell Enable-LocalUser -Name "[#USERNAME#]"
