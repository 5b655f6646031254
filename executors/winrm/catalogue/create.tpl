# Windows create local user (WinRM): the additional information is the name of a group whose members may log in.
powershell New-LocalUser -Name "[#USERNAME#]" -Password ([Net.NetworkCredential]::new("", "[#NEW_PASSWORD#]").SecurePassword)
powershell Add-LocalGroupMember -Group "[#ADD_INFO#]" -Member "[#USERNAME#]"
