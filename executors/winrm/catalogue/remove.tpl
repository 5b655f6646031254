# Windows remove local user (WinRM): one that is not there counts as removed.
powershell if (Get-LocalUser | Where-Object Name -eq "[#USERNAME#]") { Remove-LocalUser -Name "[#USERNAME#]" }
