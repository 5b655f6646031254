# Windows local user password (WinRM): a manager sets the password of another local account (Windows Server 2016 and later).
powershell Set-LocalUser -Name "[#USERNAME#]" -Password ([Net.NetworkCredential]::new("", "[#NEW_PASSWORD#]").SecurePassword)
