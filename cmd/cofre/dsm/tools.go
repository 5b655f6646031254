package dsm

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// tool writes one variable for those who read the file.
type tool struct {
	name string
	help string
	line func(name, value string) string
	// single tells that a value of several lines cannot be said, unless the variable says that the reader takes it.
	single bool
	unless string
	// shell tells that a shell itself takes the variable.
	shell bool
	// plain tells that no shell reads the file.
	plain bool
}

// quiet ends the tracing of the shell that reads the file: it would print every value, as in Jenkins, which runs its scripts with
// "sh -xe" and masks only what it knows itself. It stays off, since what follows uses the values.
const quiet = "set +xv\n"

var tools = []tool{
	{name: "linux", help: "declare -x NAME='value', for bash", line: func(n, v string) string { return "declare -x " + n + "=" + quote(v) }, shell: true},
	{name: "jenkins", help: "export NAME='value', for every POSIX shell", line: export, shell: true},
	{name: "gitlab", help: "the same", line: export, shell: true},
	{name: "bitbucket", help: "the same", line: export, shell: true},
	{name: "github", help: "commands that mask the value and append it to $GITHUB_ENV", line: github},
	{name: "azure-devops", help: "commands that print ##vso[task.setvariable ...], as a secret variable; of several lines only if " + multiline + " is true", line: azure, single: true, unless: multiline},
	{name: "circleci", help: "commands that append an export to $BASH_ENV", line: func(n, v string) string {
		return printed(export(n, v)) + ` >> "$BASH_ENV"`
	}, shell: true},
	{name: "teamcity", help: "commands that print ##teamcity[setParameter ...] for env.NAME", line: teamcity},
	{name: "bamboo", help: "NAME=value, a properties file for the task Inject variables", line: bamboo, plain: true},
}

const (
	custom    = "custom"
	multiline = "SYSTEM_UNSAFEALLOWMULTILINESECRET" // with which the agent of Azure DevOps takes a secret of several lines; else it fails the step
)

func toolHelp() string {
	var b strings.Builder
	for _, t := range tools {
		fmt.Fprintf(&b, "  %-13s %s\n", t.name, t.help)
	}
	return b.String() + "  custom        the line of --format"
}

// toolOf finds a tool; lookup reads the environment that its job has.
func toolOf(name, format string, lookup func(string) (string, bool)) (tool, error) {
	if (name == custom) != (format != "") {
		return tool{}, fmt.Errorf("--format goes with --tool custom, and with it only")
	}
	if name == custom {
		part := strings.Split(format, "%s")
		if len(part) != 3 {
			return tool{}, fmt.Errorf("--format holds %%s twice, for the name and the value")
		}
		return tool{name: custom, single: true, plain: true, line: func(n, v string) string { return part[0] + n + part[1] + v + part[2] }}, nil
	}
	for _, t := range tools {
		if t.name == name {
			if v, _ := lookup(t.unless); strings.EqualFold(v, "true") {
				t.single = false
			}
			return t, nil
		}
	}
	return tool{}, fmt.Errorf("the tool %q is not known: use one of %s, custom", name, strings.Join(toolNames(), ", "))
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// readonly are variables of bash itself: setting one ends the shell that reads the file.
var readonly = map[string]bool{"UID": true, "EUID": true, "PPID": true, "BASHOPTS": true, "SHELLOPTS": true, "BASH_VERSINFO": true}

// lines writes all variables; what cannot be one is named in left, without its value.
func (t tool) lines(all []Variable) (lines, left []string) {
	for _, v := range all {
		switch {
		case !variable.MatchString(v.Name):
			left = append(left, fmt.Sprintf("%q is not the name of a variable: give the value another name in the secret", v.Name))
		case t.shell && readonly[v.Name]:
			left = append(left, v.Name+" cannot be set in bash: give the value another name in the secret")
		case strings.ContainsRune(v.Value, 0):
			left = append(left, v.Name+": its value holds a zero byte")
		case t.single && strings.ContainsAny(v.Value, "\r\n"):
			remark := fmt.Sprintf("%s: its value has several lines, which the tool %s cannot take", v.Name, t.name)
			if t.unless != "" {
				remark += " unless " + t.unless + " is true"
			}
			left = append(left, remark)
		default:
			lines = append(lines, t.line(v.Name, v.Value)+"\n")
		}
	}
	if len(lines) > 0 && !t.plain {
		lines = append([]string{quiet}, lines...)
	}
	return lines, left
}

// quote writes a text as one word of every POSIX shell.
func quote(v string) string { return "'" + strings.ReplaceAll(v, "'", `'\''`) + "'" }

func export(n, v string) string { return "export " + n + "=" + quote(v) }

// split gives the lines of a value that are not empty: logs are masked line by line.
func split(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == '\r' || r == '\n' })
}

// printed writes a command that prints a line.
func printed(line string) string { return "printf '%s\\n' " + quote(line) }

// github masks each line and uses the form for several lines, whose delimiter no value holds.
func github(n, v string) string {
	var b strings.Builder
	for _, l := range split(v) {
		b.WriteString(printed("::add-mask::"+strings.ReplaceAll(l, "%", "%25")) + "\n")
	}
	end := "COFRE_END"
	for strings.Contains(v, end) {
		end += "_"
	}
	b.WriteString(printed(n+"<<"+end) + " " + quote(v) + " " + end + ` >> "$GITHUB_ENV"`)
	return b.String()
}

// azure escapes what the agent reads behind the bracket: it turns %3B, %0D, %0A and %5D back first, and %AZP25 last.
func azure(n, v string) string {
	data := strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A")
	var b strings.Builder
	for _, l := range split(v) {
		if l != v {
			b.WriteString(printed("##vso[task.setsecret]"+data.Replace(l)) + "\n")
		}
	}
	b.WriteString(printed("##vso[task.setvariable variable=" + n + ";issecret=true;]" + data.Replace(v)))
	return b.String()
}

// teamcity writes what is not ASCII by its code, so that the encoding of the agent's console does not matter. In the value of
// a parameter the agent takes what stands between two percent signs for the name of another one, and a doubled sign for one:
// so the signs are doubled, but a lone one, which is read as it is.
func teamcity(n, v string) string {
	if strings.Count(v, "%") > 1 {
		v = strings.ReplaceAll(v, "%", "%%")
	}
	v = strings.NewReplacer("|", "||", "'", "|'", "[", "|[", "]", "|]", "\r", "|r", "\n", "|n").Replace(v)
	return printed("##teamcity[setParameter name='env." + n + "' value='" + units(v, "|0x") + "']")
}

// bamboo escapes as Java properties do, which are read as Latin-1 where nothing else is said.
func bamboo(n, v string) string {
	v = strings.NewReplacer(`\`, `\\`, "\r", `\r`, "\n", `\n`, "\f", `\f`).Replace(v)
	if strings.HasPrefix(v, " ") || strings.HasPrefix(v, "\t") {
		v = `\` + v
	}
	return n + "=" + units(v, `\u`)
}

// units writes each character that is not ASCII as units of UTF-16 behind a prefix.
func units(v, prefix string) string {
	var b strings.Builder
	for _, r := range v {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, "%s%04X", prefix, u)
		}
	}
	return b.String()
}
