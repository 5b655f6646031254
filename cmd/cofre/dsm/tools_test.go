package dsm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// hostile are values that break naive quoting.
var hostile = map[string]string{
	"PLAIN": "s3cret", "QUOTES": `it's "x" \'`, "SHELL": "$(touch pwned) `id` $HOME ; & | > <", "LINES": "one\ntwo%\r\nthree\n", "PERCENT": "%s%d%25 100%", "SPACES": "  a  b  ", "TEAM": "|[x]|' |n|0x0041", "EMPTY": "",
	"GREEK": "αβγ \u0085\u2028😀", "DELIMITER": "COFRE_END\nCOFRE_END_", "AZURE": "%0D%3B%AZP25 ##vso[task.complete result=Failed;]x]; %5D", "ACTIONS": "::set-output name=x::y\n##[group]z",
	"PROPERTIES": "\t\f=: #!\\u0041\\", "TABS": "\t\t", "REFERENCE": "a%env.HOME%b", "LONE": "100%", "DOUBLE": "%%", "BACKTICKS": "`id`\n$(id)\n${IFS}", "ENDS": "\n\nx\n\n", "DASH": "-n", "STAR": "*", "TILDE": "~",
}

// anything is an environment that allows all that a tool may be allowed.
func anything(string) (string, bool) { return "True", true }

func nothing(string) (string, bool) { return "", false }

func list(m map[string]string) []Variable {
	var all []Variable
	for n, v := range m {
		all = append(all, Variable{n, v})
	}
	return all
}

// source lets a real shell read the file, and prints what a program would then see.
func source(t *testing.T, shell, tool string, after string) string {
	t.Helper()
	x, err := toolOf(tool, "", anything)
	if err != nil {
		t.Fatal(err)
	}
	lines, left := x.lines(list(hostile))
	if len(left) != 0 {
		t.Fatalf("%s: left out %q", tool, left)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "vars"), []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(shell, "-c", "set -eu; BASH_ENV=./env; . ./vars; "+after)
	cmd.Dir, cmd.Env = dir, append([]string{}, "PATH="+os.Getenv("PATH"), "GITHUB_ENV="+dir+"/out", "HOME=/nowhere")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", tool, err, out)
	}
	if _, err := os.Stat(dir + "/pwned"); err == nil {
		t.Errorf("%s: a value was run", tool)
	}
	if tool == "github" {
		b, err := os.ReadFile(dir + "/out")
		if err != nil {
			t.Fatal(err)
		}
		return string(b) + "\x00" + string(out)
	}
	return string(out)
}

// A shell that reads the file exports every value to the byte.
func TestShells(t *testing.T) {
	t.Parallel()
	for tool, shells := range map[string][]string{"linux": {"bash"}, "jenkins": {"sh", "bash"}, "gitlab": {"sh"}, "bitbucket": {"sh"}} {
		for _, shell := range shells {
			out := source(t, shell, tool, "env -0")
			for name, value := range hostile {
				if !strings.Contains("\x00"+out, "\x00"+name+"="+value+"\x00") {
					t.Errorf("%s in %s: %s arrived otherwise:\n%q", tool, shell, name, out)
				}
			}
		}
	}
}

// TestTraced: a shell that prints what it does, as Jenkins has its scripts run, prints no value, neither of the file nor afterwards.
func TestTraced(t *testing.T) {
	t.Parallel()
	for _, tool := range tools {
		if tool.plain {
			continue
		}
		for _, shell := range []string{"sh", "bash"} {
			if shell == "sh" && tool.name == "linux" {
				continue // declare is bash's own
			}
			lines, _ := tool.lines([]Variable{{"TOKEN", "canary-1"}, {"OTHER", "canary-2"}})
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "vars"), []byte(strings.Join(lines, "")), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(shell, "-xvec", `. ./vars; : "${TOKEN-}"`)
			cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "GITHUB_ENV=" + dir + "/out", "BASH_ENV="}
			if tool.name == "circleci" {
				cmd.Env = append(cmd.Env, "BASH_ENV="+dir+"/env")
			}
			var traced strings.Builder
			cmd.Stderr = &traced
			if err := cmd.Run(); err != nil {
				t.Fatalf("%s in %s: %v", tool.name, shell, err)
			}
			if !strings.Contains(traced.String(), "+ . ./vars") || strings.Contains(traced.String(), "canary") {
				t.Errorf("%s in %s prints\n%s", tool.name, shell, &traced)
			}
		}
	}
}

// CircleCI's steps read the file BASH_ENV, which the exports are appended to.
func TestCircle(t *testing.T) {
	t.Parallel()
	out := source(t, "bash", "circleci", `BASH_ENV=./env exec bash -c "env -0"`)
	for name, value := range hostile {
		if !strings.Contains("\x00"+out, "\x00"+name+"="+value+"\x00") {
			t.Errorf("%s arrived otherwise:\n%q", name, out)
		}
	}
}

// The runner of GitHub Actions reads NAME<<END ... END, and masks what ::add-mask:: names.
func TestGithub(t *testing.T) {
	t.Parallel()
	file, printed, _ := strings.Cut(source(t, "bash", "github", "true"), "\x00")
	got := map[string]string{}
	for rest := file; rest != ""; {
		head, body, ok := strings.Cut(rest, "\n")
		name, end, ok2 := strings.Cut(head, "<<")
		if !ok || !ok2 {
			t.Fatalf("a line %q", head)
		}
		value, after, ok := strings.Cut(body, "\n"+end+"\n")
		if !ok {
			value, after = "", strings.TrimPrefix(body, end+"\n")
		}
		got[name], rest = value, after
	}
	for name, value := range hostile {
		if got[name] != value {
			t.Errorf("%s arrived as %q", name, got[name])
		}
	}
	for _, want := range []string{"::add-mask::s3cret\n", "::add-mask::one\n", "::add-mask::two%25\n"} {
		if !strings.Contains(printed, want) {
			t.Errorf("no %q in %q", want, printed)
		}
	}
}

// readAzure reads a line as the agent's Command.TryParse does: up to the first bracket, %AZP25 last.
func readAzure(t *testing.T, line string) (name, data string) {
	t.Helper()
	head, data, ok := strings.Cut(line, "]")
	if !ok || !strings.HasPrefix(head, "##vso[task.set") {
		t.Fatalf("no command of the agent: %q", line)
	}
	for _, property := range strings.Split(strings.TrimPrefix(head, "##vso[task.setvariable "), ";") {
		if k, v, _ := strings.Cut(property, "="); k == "variable" {
			name = v
		}
	}
	for _, m := range [][2]string{{"%3B", ";"}, {"%0D", "\r"}, {"%0A", "\n"}, {"%5D", "]"}, {"%AZP25", "%"}} {
		data = strings.ReplaceAll(data, m[0], m[1])
	}
	return name, data
}

// The agent of Azure DevOps gets each value to the byte, and masks each line of it; it fails a step that sets a secret of
// several lines, unless the pipeline allows it.
func TestAzure(t *testing.T) {
	t.Parallel()
	got, masked := map[string]string{}, map[string]bool{}
	for _, line := range strings.Split(strings.TrimSuffix(source(t, "bash", "azure-devops", "true"), "\n"), "\n") {
		if name, data := readAzure(t, line); name != "" {
			got[name] = data
		} else {
			masked[data] = true
		}
	}
	for name, value := range hostile {
		if v, ok := got[name]; !ok || v != value {
			t.Errorf("%s arrived as %q", name, v)
		}
		for _, l := range split(value) {
			if l != value && !masked[l] {
				t.Errorf("%s: the line %q is not masked", name, l)
			}
		}
	}
	x, err := toolOf("azure-devops", "", nothing)
	if err != nil {
		t.Fatal(err)
	}
	lines, left := x.lines([]Variable{{"ONE", "a"}, {"TWO", "b\nc"}})
	if len(lines) != 2 || len(left) != 1 || !strings.Contains(left[0], "TWO") || !strings.Contains(left[0], multiline) {
		t.Errorf("%q %q", lines, left)
	}
}

// TeamCity reads service messages with | as the escape; |0x stands before four digits of UTF-16.
func TestTeamcity(t *testing.T) {
	t.Parallel()
	const before, between = "##teamcity[setParameter name='env.", "' value='"
	got := map[string]string{}
	for _, line := range strings.Split(strings.TrimSuffix(source(t, "sh", "teamcity", "true"), "\n"), "\n") {
		rest, ok := strings.CutPrefix(line, before)
		name, rest, ok2 := strings.Cut(rest, between)
		if !ok || !ok2 || strings.ContainsFunc(line, func(r rune) bool { return r >= utf8.RuneSelf }) {
			t.Fatalf("no message: %q", line)
		}
		var value []uint16
		for i := 0; ; i++ {
			switch c := rest[i]; {
			case c == '\'' && rest[i:] == "']":
			case c == '|' && strings.HasPrefix(rest[i:], "|0x"):
				n, err := strconv.ParseUint(rest[i+3:i+7], 16, 16)
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				value = append(value, uint16(n))
				i += 6
				continue
			case c == '|':
				i++
				value = append(value, uint16(strings.NewReplacer("n", "\n", "r", "\r").Replace(rest[i : i+1])[0]))
				continue
			case strings.ContainsRune("'[]", rune(c)):
				t.Fatalf("%q is not escaped in %q", c, line)
			default:
				value = append(value, uint16(c))
				continue
			}
			break
		}
		got[name] = resolved(t, name, string(utf16.Decode(value)))
	}
	for name, value := range hostile {
		if v, ok := got[name]; !ok || v != value {
			t.Errorf("%s arrived as %q", name, v)
		}
	}
}

// resolved reads the value of a parameter as TeamCity documents it: %name% is a reference, %% one sign, a lone sign itself.
func resolved(t *testing.T, name, v string) string {
	t.Helper()
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(v, "%")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		if v, ok = strings.CutPrefix(rest, "%"); !ok && strings.Contains(rest, "%") {
			t.Errorf("%s holds a reference: %q", name, rest)
		}
		b.WriteByte('%')
	}
}

// Bamboo reads a file of Java properties. A reader after the documentation of java.util.Properties.load always reads it here, and
// Java itself where there is one.
func TestBamboo(t *testing.T) {
	t.Parallel()
	x, err := toolOf("bamboo", "", nothing)
	if err != nil {
		t.Fatal(err)
	}
	lines, left := x.lines(list(hostile))
	if len(left) != 0 {
		t.Fatalf("left out %q", left)
	}
	same := func(reader string, got map[string]string) {
		for name, value := range hostile {
			if v, ok := got[name]; !ok || v != value {
				t.Errorf("%s reads %s as %q, %t", reader, name, v, ok)
			}
		}
	}
	text := strings.Join(lines, "")
	same("the reader", properties(t, text))
	if java, err := exec.LookPath("java"); err == nil {
		same("Java", readByJava(t, java, text))
	}
}

// properties reads a file as Latin-1, without comments and lines that go on, which a file of ours never has.
func properties(t *testing.T, text string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		name, raw, ok := strings.Cut(strings.TrimLeft(line, " \t\f"), "=")
		if !ok || strings.ContainsAny(name, "\\: \t\f#!") || strings.ContainsFunc(line, func(r rune) bool { return r >= utf8.RuneSelf }) {
			t.Fatalf("no plain property: %q", line)
		}
		raw = strings.TrimLeft(raw, " \t\f")
		var value []uint16
		for i := 0; i < len(raw); i++ {
			if raw[i] != '\\' {
				value = append(value, uint16(raw[i]))
				continue
			}
			if i++; i == len(raw) {
				t.Fatalf("the line goes on: %q", line)
			}
			switch c := raw[i]; c {
			case 'u':
				n, err := strconv.ParseUint(raw[i+1:i+5], 16, 16)
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				value = append(value, uint16(n))
				i += 4
			case 't', 'n', 'r', 'f':
				value = append(value, uint16(map[byte]byte{'t': '\t', 'n': '\n', 'r': '\r', 'f': '\f'}[c]))
			default:
				value = append(value, uint16(c))
			}
		}
		got[name] = string(utf16.Decode(value))
	}
	return got
}

func readByJava(t *testing.T, java, text string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"vars": text, "Read.java": `public class Read { public static void main(String[] a) throws Exception {
		java.util.Properties p = new java.util.Properties();
		p.load(new java.io.FileInputStream(a[0]));
		for (String n : p.stringPropertyNames()) System.out.write((n + "=" + p.getProperty(n) + "\0").getBytes("UTF-8"));
		System.out.flush(); } }`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(java, filepath.Join(dir, "Read.java"), filepath.Join(dir, "vars")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	got := map[string]string{}
	for pair := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		name, value, _ := strings.Cut(pair, "=")
		got[name] = value
	}
	return got
}

func TestLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tool, format, value, want string }{
		{"azure-devops", "", "a%b;c]", "printf '%s\\n' '##vso[task.setvariable variable=N;issecret=true;]a%AZP25b;c]'\n"},
		{"teamcity", "", "a|'[b]\n", `printf '%s\n' '##teamcity[setParameter name='\''env.N'\'' value='\''a|||'\''|[b|]|n'\'']'` + "\n"},
		{"teamcity", "", "a%env.HOME%b", `printf '%s\n' '##teamcity[setParameter name='\''env.N'\'' value='\''a%%env.HOME%%b'\'']'` + "\n"},
		{"bamboo", "", " a\\b\nc", "N=\\ a\\\\b\\nc\n"},
		{"custom", "%s: <%s>", "%s%n", "N: <%s%n>\n"},
		{"circleci", "", "it's", `printf '%s\n' 'export N='\''it'\''\'\'''\''s'\''' >> "$BASH_ENV"` + "\n"},
	} {
		x, err := toolOf(c.tool, c.format, nothing)
		if err != nil {
			t.Fatal(err)
		}
		lines, left := x.lines([]Variable{{"N", c.value}})
		if len(left) > 0 || strings.TrimPrefix(strings.Join(lines, ""), quiet) != c.want {
			t.Errorf("%s: %q, left %q\nwant %q", c.tool, lines, left, c.want)
		}
	}
	x, err := toolOf("custom", "%s=%s", nothing)
	if err != nil {
		t.Fatal(err)
	}
	lines, left := x.lines([]Variable{{"a-b", "v1"}, {"OK", "v"}, {"ZERO", "v2\x00"}, {"TWO", "v3\nx"}, {"", "v4"}})
	if len(lines) != 1 || lines[0] != "OK=v\n" || len(left) != 4 {
		t.Errorf("%q %q", lines, left)
	}
	if all := strings.Join(left, " "); strings.Contains(all, "v1") || strings.Contains(all, "v2") || strings.Contains(all, "v3") {
		t.Errorf("a remark shows a value: %s", all)
	}
	bash, _ := toolOf("linux", "", nothing)
	if lines, left := bash.lines([]Variable{{"UID", "v1"}, {"OK", "v2"}}); len(lines) != 2 || len(left) != 1 || strings.Contains(left[0], "v1") {
		t.Errorf("%q %q", lines, left)
	}
	for _, bad := range [][2]string{{"nothing", ""}, {"linux", "%s%s"}, {"custom", ""}, {"custom", "%s"}, {"custom", "%s%s%s"}} {
		if _, err := toolOf(bad[0], bad[1], nothing); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
