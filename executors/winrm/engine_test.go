package winrm_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// statement is one that the double's engine knows, with what it does; its groups are numbers of variables or texts.
type statement struct {
	is *regexp.Regexp
	do func(d *double, who string, v []string) (exception string)
}

const variable = `"\$\{cofre(\d+)\}"`

func exactly(pattern string) *regexp.Regexp { return regexp.MustCompile(`^` + pattern + `$`) }

const secure = `\(\[Net\.NetworkCredential\]::new\("", ` + variable + `\)\.SecurePassword\)`

const (
	noUser   = "Microsoft.PowerShell.Commands.UserNotFoundException 80131501 User was not found."
	noRight  = "Microsoft.PowerShell.Commands.AccessDeniedException 80131501 Access denied."
	tooShort = "Microsoft.PowerShell.Commands.InvalidPasswordException 80131501 Unable to update the password. "
)

// on runs something on an account of the device, for administrators.
func on(do func(u *user, v []string) string) func(*double, string, []string) string {
	return func(d *double, who string, v []string) string {
		switch u := d.users[v[0]]; {
		case who != admin:
			return noRight
		case u == nil:
			return noUser
		default:
			return do(u, v)
		}
	}
}

// set gives an account a password. The refusal repeats it, as some programs do.
func set(u *user, password string) string {
	if len(password) < 8 {
		return tooShort + "The value '" + password + "' does not meet the requirements."
	}
	u.password = password
	return ""
}

// statements is all that the engine knows.
var statements = []statement{
	{exactly(`Set-LocalUser -Name ` + variable + ` -Password ` + secure), on(func(u *user, v []string) string { return set(u, v[1]) })},
	{exactly(`\(\[ADSI\]"WinNT://\./\$\{cofre(\d+)\},user"\)\.SetPassword\(` + variable + `\)`), on(func(u *user, v []string) string { return set(u, v[1]) })},
	{exactly(`\(\[ADSI\]"WinNT://\./\$\{cofre(\d+)\},user"\)\.ChangePassword\(` + variable + `, ` + variable + `\)`), func(d *double, _ string, v []string) string {
		u := d.users[v[0]]
		switch {
		case u == nil:
			return "System.Runtime.InteropServices.COMException 800708AD The user name could not be found."
		case u.password != v[1]:
			return "System.Runtime.InteropServices.COMException 80070056 The specified network password is not correct."
		case len(v[2]) < 8:
			return "System.Runtime.InteropServices.COMException 800708C5 '" + v[2] + "' does not meet the password policy requirements."
		}
		u.password = v[2]
		return ""
	}},
	{exactly(`Enable-LocalUser -Name ` + variable), on(func(u *user, _ []string) string { u.off = false; return "" })},
	{exactly(`Disable-LocalUser -Name ` + variable), on(func(u *user, _ []string) string { u.off = true; return "" })},
	{exactly(`New-LocalUser -Name ` + variable + ` -Password ` + secure), func(d *double, who string, v []string) string {
		switch {
		case who != admin:
			return noRight
		case d.users[v[0]] != nil:
			return "Microsoft.PowerShell.Commands.UserExistsException 80131501 User already exists."
		}
		u := &user{}
		if e := set(u, v[1]); e != "" {
			return e
		}
		d.users[v[0]] = u
		return ""
	}},
	{exactly(`Add-LocalGroupMember -Group ` + variable + ` -Member ` + variable), func(d *double, who string, v []string) string {
		if who != admin || v[0] != "Remote Management Users" {
			return noRight
		}
		if d.users[v[1]] == nil {
			return "Microsoft.PowerShell.Commands.PrincipalNotFoundException 80131501 Principal was not found."
		}
		return ""
	}},
	{exactly(`if \(Get-LocalUser \| Where-Object Name -eq ` + variable + `\) \{ Remove-LocalUser -Name ` + variable + ` \}`), func(d *double, who string, v []string) string {
		if who != admin || v[0] != v[1] {
			return noRight
		}
		delete(d.users, v[0])
		return ""
	}},
}

var netUser = regexp.MustCompile(`^net user (?:/add )?"?([^" ]+)"? ([^ /"]+)$`)

// listing is the one script whose output counts.
var listing = exactly(`Get-LocalUser \| Where-Object \{ \$_\.Name\.StartsWith\(` + variable + `, \[StringComparison\]::OrdinalIgnoreCase\) \} \| ForEach-Object \{ \[Console\]::Out\.WriteLine\(\$_\.Name\) \}`)

// run runs a command line, and says what it writes and how it ends.
func (d *double) run(p *process) (stdout, stderr string, exit int) {
	if d.says != "" {
		return "", d.says, 1
	}
	if m := netUser.FindStringSubmatch(p.line); m != nil {
		u := d.users[m[1]]
		switch {
		case strings.Contains(p.line, "/add"):
			d.users[m[1]] = &user{password: m[2]}
			return "", "", 0
		case u == nil:
			return "", "The user name could not be found.\r\n\r\nMore help is available by typing NET HELPMSG 2221.\r\n", 2
		case len(m[2]) < 8:
			return "", "The password " + m[2] + " does not meet the password policy requirements.\r\n\r\nMore help is available by typing NET HELPMSG 2245.\r\n", 2
		}
		u.password = m[2]
		return "", "", 0
	}
	lines := strings.Split(strings.TrimSuffix(string(p.input), "\n"), "\n")
	if !strings.HasPrefix(p.line, "powershell.exe -NoProfile -NonInteractive -OutputFormat Text -EncodedCommand ") || len(lines) < 2 || lines[len(lines)-1] != "." {
		return "", "'" + p.line + "' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n", 9009
	}
	var values []string
	for _, l := range lines[:len(lines)-1] {
		raw, err := base64.StdEncoding.DecodeString(l)
		if err != nil {
			return "", "System.FormatException 80131537 The input is not a valid Base-64 string.", 1
		}
		values = append(values, string(raw))
	}
	if m := listing.FindStringSubmatch(values[0]); m != nil && m[1] == "1" && len(values) == 2 {
		var out strings.Builder
		for name := range d.users {
			if len(name) >= len(values[1]) && strings.EqualFold(name[:len(values[1])], values[1]) {
				out.WriteString(name + "\r\n")
			}
		}
		return out.String(), "", 0
	}
	for _, s := range statements {
		m := s.is.FindStringSubmatch(values[0])
		if m == nil {
			continue
		}
		var v []string
		for _, n := range m[1:] {
			i, err := strconv.Atoi(n)
			if err != nil || i >= len(values) {
				return "", fmt.Sprintf("System.Exception 80131500 there is no variable %s", n), 1
			}
			v = append(v, values[i])
		}
		if e := s.do(d, p.who, v); e != "" {
			return "", e + "\r\n", 1
		}
		return "", "", 0
	}
	return "", "System.Management.Automation.CommandNotFoundException 80131501 the double does not know: " + strings.Join(values, " "), 1
}
