package all

import (
	"fmt"
	"strings"

	"cofre/fsm/model"
)

// label is an executor as the vendor's product and its template library write it.
type label struct {
	text string             // lower case, without spaces, hyphens and underscores
	name model.ExecutorName // ours; empty: not offered
	why  string             // it is not offered
}

const (
	runsCode = "its templates are programs that would run on the appliance"
	terminal = "it needs a mainframe's terminal"
	noTarget = "no real server and no faithful double could be had to prove it"
)

// labels lists every executor of the vendor (product.md 1.5), and words that people use for ours.
var labels = []label{
	{"ssh", "ssh", ""}, {"sshlegacy", "ssh-legacy", ""}, {"vmwareesxi", "esxi", ""}, {"curl", "curl", ""}, {"sqlserver", "sqlserver", ""}, {"mssql", "sqlserver", ""}, {"redis", "redis", ""},
	{"telnet", "telnet", ""}, {"ldap", "ldap", ""}, {"postgresql", "postgres", ""}, {"mysql", "mysql", ""}, {"mariadb", "mysql", ""},
	{"selenium", "", runsCode}, {"seleniumpython", "", runsCode}, {"tkexpect", "", runsCode + "; use ssh or telnet"}, {"ansible", "", runsCode},
	{"x3270", "", terminal}, {"ibm3270terminal", "", terminal}, {"s3270", "", terminal}, {"3270", "", terminal},
	{"elasticsearch", "curl", ""},
	{"cassandra", "", noTarget}, {"oracle", "oracle", ""}, {"mongodb", "mongodb", ""},
	{"windowsrm", "winrm", ""}, {"windowsrpc", "windows-rpc", ""}, {"http", "browser", ""}, {"windowssmb", "", "the vendor gave it up"},
}

var plain = strings.NewReplacer(" ", "", "-", "", "_", "", "/", "", "(", "", ")", "", ".", "")

// NotOffered says that the vendor's product has an executor that Cofre has not, and why.
type NotOffered struct{ Executor, Why string }

func (e *NotOffered) Error() string {
	return fmt.Sprintf("Cofre does not offer the executor %q: %s", e.Executor, e.Why)
}

// spellings is how the vendor's template library writes our executors, where it has a folder for them.
var spellings = map[model.ExecutorName]string{
	"ssh": "SSH", "ssh-legacy": "SSH Legacy", "esxi": "VMWare ESXi", "telnet": "Telnet", "ldap": "LDAP", "postgres": "PostgreSQL", "mysql": "MySQL", "sqlserver": "SQL Server", "oracle": "Oracle", "curl": "cURL",
	"winrm": "Windows RM", "mongodb": "MongoDB", "browser": "HTTP", "windows-rpc": "Windows RPC",
}

// Label is an executor as the vendor's template library writes it; our name if it has none.
func Label(name model.ExecutorName) string {
	if l, ok := spellings[name]; ok {
		return l
	}
	return string(name)
}

// Named finds an executor by our name, or by the vendor's in any spelling. The error says whether Cofre does not offer it, and
// why, or that nobody knows it.
func Named(text string) (model.ExecutorName, error) {
	if e := Find(model.ExecutorName(strings.ToLower(text))); e != nil {
		return e.Name(), nil
	}
	word := plain.Replace(strings.ToLower(text))
	for _, l := range labels {
		if l.text != word {
			continue
		}
		if l.name == "" {
			return "", &NotOffered{text, l.why}
		}
		return l.name, nil
	}
	return "", fmt.Errorf("there is no executor %q: %s", text, strings.Join(Names(), ", "))
}

// Names lists the names of the executors.
func Names() []string {
	var names []string
	for _, e := range List() {
		names = append(names, string(e.Name()))
	}
	return names
}
