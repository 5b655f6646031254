package dsm

import (
	"fmt"
	"regexp"
	"strings"
)

// tool writes one variable for those who read the file.
type tool struct {
	name string
	help string
	line func(name, value string) string
	// single tells that a value of several lines cannot be said.
	single bool
}

var tools = []tool{
	{name: "linux", help: "declare -x NAME='value', for bash", line: func(n, v string) string { return "declare -x " + n + "=" + quote(v) }},
	{name: "jenkins", help: "export NAME='value', for every POSIX shell", line: export},
	{name: "gitlab", help: "the same", line: export},
	{name: "bitbucket", help: "the same", line: export},
	{name: "github", help: "commands that mask the value and append it to $GITHUB_ENV", line: github},
	{name: "azure-devops", help: "commands that print ##vso[task.setvariable ...], as a secret variable", line: azure},
	{name: "circleci", help: "commands that append an export to $BASH_ENV", line: func(n, v string) string {
		return "printf '%s\\n' " + quote(export(n, v)) + ` >> "$BASH_ENV"`
	}},
	{name: "teamcity", help: "commands that print ##teamcity[setParameter ...] for env.NAME", line: teamcity},
	{name: "bamboo", help: "NAME=value, a properties file for the task Inject variables", line: bamboo},
}

const custom = "custom"

func toolHelp() string {
	var b strings.Builder
	for _, t := range tools {
		fmt.Fprintf(&b, "  %-13s %s\n", t.name, t.help)
	}
	return b.String() + "  custom        the line of --format"
}

func toolOf(name, format string) (tool, error) {
	if (name == custom) != (format != "") {
		return tool{}, fmt.Errorf("--format goes with --tool custom, and with it only")
	}
	if name == custom {
		part := strings.Split(format, "%s")
		if len(part) != 3 {
			return tool{}, fmt.Errorf("--format holds %%s twice, for the name and the value")
		}
		return tool{name: custom, single: true, line: func(n, v string) string { return part[0] + n + part[1] + v + part[2] }}, nil
	}
	for _, t := range tools {
		if t.name == name {
			return t, nil
		}
	}
	return tool{}, fmt.Errorf("the tool %q is not known: use one of %s, custom", name, strings.Join(toolNames(), ", "))
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// lines writes all variables; what cannot be one is named in left, without its value.
func (t tool) lines(all []Variable) (lines, left []string) {
	for _, v := range all {
		switch {
		case !variable.MatchString(v.Name):
			left = append(left, fmt.Sprintf("%q is not the name of a variable: give the value another name in the secret", v.Name))
		case strings.ContainsRune(v.Value, 0):
			left = append(left, v.Name+": its value holds a zero byte")
		case t.single && strings.ContainsAny(v.Value, "\r\n"):
			left = append(left, fmt.Sprintf("%s: its value has several lines, which the tool %s cannot take", v.Name, t.name))
		default:
			lines = append(lines, t.line(v.Name, v.Value)+"\n")
		}
	}
	return lines, left
}

// quote writes a text as one word of every POSIX shell.
func quote(v string) string { return "'" + strings.ReplaceAll(v, "'", `'\''`) + "'" }

func export(n, v string) string { return "export " + n + "=" + quote(v) }

// github masks each line (the runner masks by line) and uses the form for several lines, whose delimiter no value holds.
func github(n, v string) string {
	var b strings.Builder
	for _, l := range strings.FieldsFunc(v, func(r rune) bool { return r == '\r' || r == '\n' }) {
		b.WriteString("printf '%s\\n' " + quote("::add-mask::"+strings.ReplaceAll(l, "%", "%25")) + "\n")
	}
	end := "COFRE_END"
	for strings.Contains(v, end) {
		end += "_"
	}
	b.WriteString("printf '%s\\n' " + quote(n+"<<"+end) + " " + quote(v) + " " + end + ` >> "$GITHUB_ENV"`)
	return b.String()
}

func azure(n, v string) string {
	v = strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A").Replace(v)
	return "printf '%s\\n' " + quote("##vso[task.setvariable variable="+n+";issecret=true;]"+v)
}

func teamcity(n, v string) string {
	v = strings.NewReplacer("|", "||", "'", "|'", "[", "|[", "]", "|]", "\r", "|r", "\n", "|n").Replace(v)
	return "printf '%s\\n' " + quote("##teamcity[setParameter name='env."+n+"' value='"+v+"']")
}

// bamboo escapes as Java properties do.
func bamboo(n, v string) string {
	v = strings.NewReplacer(`\`, `\\`, "\r", `\r`, "\n", `\n`).Replace(v)
	if strings.HasPrefix(v, " ") || strings.HasPrefix(v, "\t") {
		v = `\` + v
	}
	return n + "=" + v
}
