# Windows create local user for a session (WinRM): what an earlier attempt left is removed first. The additional information is the
# name of a group whose members may log in.
powershell if (Get-LocalUser | Where-Object Name -eq "[#USERNAME#]") { Remove-LocalUser -Name "[#USERNAME#]" }
powershell New-LocalUser -Name "[#USERNAME#]" -Password ([Net.NetworkCredential]::new("", "[#NEW_PASSWORD#]").SecurePassword)
powershell Add-LocalGroupMember -Group "[#ADD_INFO#]" -Member "[#USERNAME#]"
