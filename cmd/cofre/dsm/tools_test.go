package dsm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hostile are values that break naive quoting.
var hostile = map[string]string{
	"PLAIN": "s3cret", "QUOTES": `it's "x" \'`, "SHELL": "$(touch pwned) `id` $HOME ; & | > <", "LINES": "one\ntwo%\r\nthree\n", "PERCENT": "%s%d%25 100%", "SPACES": "  a  b  ", "TEAM": "|[x]|'", "EMPTY": "",
	"GREEK": "αβγ", "DELIMITER": "COFRE_END\nCOFRE_END_",
}

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
	x, err := toolOf(tool, "")
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

func TestLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tool, format, value, want string }{
		{"azure-devops", "", "a%b\nc]", "printf '%s\\n' '##vso[task.setvariable variable=N;issecret=true;]a%AZP25b%0Ac]'\n"},
		{"teamcity", "", "a|'[b]\n", `printf '%s\n' '##teamcity[setParameter name='\''env.N'\'' value='\''a|||'\''|[b|]|n'\'']'` + "\n"},
		{"bamboo", "", " a\\b\nc", "N=\\ a\\\\b\\nc\n"},
		{"custom", "%s: <%s>", "%s%n", "N: <%s%n>\n"},
		{"circleci", "", "it's", `printf '%s\n' 'export N='\''it'\''\'\'''\''s'\''' >> "$BASH_ENV"` + "\n"},
	} {
		x, err := toolOf(c.tool, c.format)
		if err != nil {
			t.Fatal(err)
		}
		lines, left := x.lines([]Variable{{"N", c.value}})
		if len(left) > 0 || lines[0] != c.want {
			t.Errorf("%s: %q, left %q\nwant %q", c.tool, lines, left, c.want)
		}
	}
	x, err := toolOf("custom", "%s=%s")
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
	for _, bad := range [][2]string{{"nothing", ""}, {"linux", "%s%s"}, {"custom", ""}, {"custom", "%s"}, {"custom", "%s%s%s"}} {
		if _, err := toolOf(bad[0], bad[1]); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
