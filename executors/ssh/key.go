package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/executors/mask"
	"cofre/executors/script"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// KeyName is the executor's name in templates and operations.
const KeyName model.ExecutorName = "ssh-key"

// KeyExecutor changes which SSH keys an account accepts: NEW_PASSWORD and CURRENT_PASSWORD are private keys, of which only the public
// halves reach the target.
type KeyExecutor struct{}

// Key makes the executor.
func Key() KeyExecutor { return KeyExecutor{} }

// Name is "ssh-key".
func (KeyExecutor) Name() model.ExecutorName { return KeyName }

// Protocols is where a device lists the port.
func (KeyExecutor) Protocols() []string { return []string{"SSH", Weak} }

// Verify proves a key by a login as USERNAME with it alone.
func (KeyExecutor) Verify(ctx context.Context, s executors.Session, with secret.Value) (bool, error) {
	return verify(ctx, s, with)
}

// Compile checks a template: one line, authorized-keys with the path of the file, from the account's home if it is relative.
func (KeyExecutor) Compile(source string) (executors.Program, error) {
	sc, err := script.Parse(source)
	if err != nil {
		return nil, err
	}
	if len(sc.Commands) != 1 || sc.Commands[0].Name != "authorized-keys" || len(sc.Commands[0].Args) != 1 {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: `expected one line, authorized-keys "path", such as .ssh/authorized_keys`}
	}
	cmd := sc.Commands[0]
	for _, p := range cmd.Args[0].Parts {
		if p.Hole != "" && p.Hole.Secret() {
			return nil, &mask.Error{Line: p.Line, Column: p.Column, Msg: "expected a path that holds no secret"}
		}
	}
	return &keyFile{line: cmd.Line, path: cmd.Args[0].Parts, notices: sc.Notices}, nil
}

// keyFile is a compiled template.
type keyFile struct {
	line    int
	path    []mask.Part
	notices []string
}

// Masks lists the names in the template, and those that every change needs.
func (p *keyFile) Masks() []mask.Name {
	return mask.Names(append([]mask.Part{{Hole: mask.Username}, {Hole: mask.NewPassword}, {Hole: mask.AuthUser}, {Hole: mask.AuthPassword}}, p.path...))
}

// Notices lists remarks for the author.
func (p *keyFile) Notices() []string { return p.notices }

// Run changes the key on one device: the new one is added and proven before the old one goes. Until then the old one is in
// force whatever happens; after that both may be.
func (p *keyFile) Run(ctx context.Context, s executors.Session) (executors.Outcome, error) {
	old, err := publicOf(s, mask.CurrentPassword)
	if err != nil {
		return executors.NotStarted, err
	}
	if err := p.Add(ctx, s); err != nil {
		return executors.NotStarted, err
	}
	fresh, err := s.Resolve(mask.NewPassword)
	if err != nil {
		return executors.NotStarted, executors.Fail(executors.ClassTemplate, p.line, err)
	}
	defer fresh.Wipe()
	in, err := verify(ctx, s, fresh)
	if err == nil && !in {
		err = &executors.Failure{Class: executors.ClassAuth, Line: p.line, Msg: "the new key was added but does not log in"}
	}
	if err != nil {
		return executors.NotStarted, err
	}
	if err := p.Withdraw(ctx, s, []string{old}); err != nil {
		return executors.Uncertain, err
	}
	return executors.Applied, nil
}

// Add makes the account accept the public half of NEW_PASSWORD besides all that it accepts. It takes over options and comment of the lines
// of CURRENT_PASSWORD's: who may come from one host only, or without a terminal, may not more with another key.
func (p *keyFile) Add(ctx context.Context, s executors.Session) error {
	return p.edit(ctx, s, "add the new key", addKey, nil)
}

// Withdraw makes the account accept none of the public keys any more. It refuses while the public half of NEW_PASSWORD is not there.
func (p *keyFile) Withdraw(ctx context.Context, s executors.Session, old []string) error {
	return p.edit(ctx, s, "remove the old key", removeKeys, old)
}

// publicOf is the public half of a tag's private key, as kind and base64.
func publicOf(s executors.Session, n mask.Name) (string, error) {
	v, err := s.Resolve(n)
	if err != nil {
		return "", executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", n, err))
	}
	defer v.Wipe()
	var line string
	err = v.Reveal(func(b []byte) error {
		signer, err := ssh.ParsePrivateKey(b)
		if err != nil {
			return errors.New("the value is no private key without a passphrase")
		}
		line = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
		return nil
	})
	if err != nil {
		return "", executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", n, err))
	}
	return line, nil
}

// The scripts edit a copy and put it in place by a rename, so that the file is whole at every moment. A manager edits the
// list of another account with that account's rights, so that a link which the account has set, before or meanwhile, leads
// to nothing that the account could not write itself; with its own rights only where nobody but root can change the path.
const (
	openFile = `set -eu
u='%s'; f='%s'; k='%s'; o='%s'
me=$(id -un)
case $f in
/*) ;;
*)
	if [ "$me" = "$u" ]; then h=$HOME; else h=$(getent passwd "$u" | cut -d: -f6); fi
	[ -n "$h" ] || { echo 'the account has no home'; exit 3; }
	f=$h/$f ;;
esac
edit=$(cat <<'COFRE'
set -eu
umask 077
LC_ALL=C; export LC_ALL # a comment in another charset is text, of which no line is left out
f=$1; k=$2
if [ -L "$f" ]; then f=$(readlink -f "$f"); fi
d=$(dirname "$f")
[ -d "$d" ] || mkdir "$d"
t=$(mktemp "$f.XXXXXX")
trap 'rm -f "$t" "$t.kept"' EXIT
trap 'exit 5' HUP INT PIPE TERM
if [ -e "$f" ]; then cp -p "$f" "$t"; elif [ -n "$3" ]; then chown "$3" "$t"; fi
`
	// atItsEnd is what the scripts say at last. Who may run one command only, whatever we ask for, may well end it without an error.
	atItsEnd  = `cofre-done`
	closeFile = `COFRE
)
d=$(dirname "$f")
if [ "$me" = "$u" ]; then exec sh -c "$edit" sh "$f" "$k" '' "$o" </dev/null; fi
ours=$d
while [ -n "$ours" ] && [ ! -L "$f" ]; do
	if [ -L "$ours" ] || [ -z "$(find "$ours" -prune \( -user "$me" -o -user root \) ! -perm -020 ! -perm -002 2>/dev/null)" ]; then ours=; break; fi
	if [ "$ours" = / ]; then break; fi
	ours=$(dirname "$ours")
done
if [ -n "$ours" ] && [ ! -L "$f" ]; then exec sh -c "$edit" sh "$f" "$k" "$u" "$o" </dev/null; fi
if [ "$(id -u)" != 0 ]; then exec sudo -n -u "$u" sh -c "$edit" sh "$f" "$k" '' "$o" </dev/null; fi
if command -v runuser >/dev/null 2>&1; then exec runuser -u "$u" -- sh -c "$edit" sh "$f" "$k" '' "$o" </dev/null; fi
exec su -s /bin/sh "$u" -c "$edit" sh "$f" "$k" '' "$o" </dev/null
`
	addKey = openFile + `if grep -qF -- "$k" "$t"; then echo ` + atItsEnd + `; exit 0; fi
if [ -s "$t" ] && [ -n "$(tail -c 1 "$t")" ]; then echo >>"$t"; fi
l=
if [ -n "$4" ]; then l=$(sed -n "/^[[:space:]]*#/d; s|$4|$k|p" "$t"); fi
printf '%%s\n' "${l:-$k}" >>"$t"
mv -f "$t" "$f"
echo ` + atItsEnd + `
` + closeFile
	removeKeys = openFile + `[ "$(tr -d '\000' <"$t" | wc -c)" -eq "$(wc -c <"$t")" ] || { echo 'the list is no text'; exit 4; }
grep -qF -- "$k" "$t" || { echo 'the new key is not there'; exit 4; }
grep -vF%s -- "$t" >"$t.kept" || [ $? = 1 ]
grep -qF -- "$k" "$t.kept" || { echo 'the new key would be lost'; exit 4; }
cat "$t.kept" >"$t"
mv -f "$t" "$f"
echo ` + atItsEnd + `
` + closeFile
)

// edit runs a script on the target. Only public keys, the user name and the path are in it.
func (p *keyFile) edit(ctx context.Context, s executors.Session, what, text string, old []string) error {
	s, red := s.Guard()
	err := func() error {
		fresh, err := publicOf(s, mask.NewPassword)
		if err != nil {
			return err
		}
		args := []any{}
		for _, parts := range [][]mask.Part{{{Hole: mask.Username, Context: atStart}}, p.path} {
			v, err := mask.Render(parts, s.Resolve, shellQuoted)
			if err != nil {
				return executors.Fail(executors.ClassTemplate, p.line, err)
			}
			_ = v.Reveal(func(b []byte) error { args = append(args, string(b)); return nil })
		}
		switch args = append(args, fresh); text {
		case addKey:
			was, err := lineOf(s)
			if err != nil {
				return err
			}
			args = append(args, was)
		case removeKeys:
			gone := patterns(old, fresh)
			if gone == "" {
				return nil
			}
			args = append(args, "", gone)
		}
		if err := s.Before("connect"); err != nil {
			return executors.Fail(executors.ClassRefused, p.line, err)
		}
		client, err := logIn(ctx, s, s.ConnectTimeout)
		if err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { _ = client.Close() })
		defer func() {
			stop()
			_ = client.Close()
			_ = client.Wait()
		}()
		if err := s.Before(what); err != nil {
			return executors.Fail(executors.ClassRefused, p.line, err)
		}
		return runScript(ctx, s, client, fmt.Sprintf(text, args...), red)
	}()
	note := model.Step{Line: p.line, Text: what}
	if err == nil {
		s.Trace.Step(note)
		return nil
	}
	f := dialogue.Failure(red, p.line, err)
	note.Error = f.Msg
	s.Trace.Step(note)
	return f
}

// lineOf matches where the key that logs in until now stands in a line; "" if there is none.
func lineOf(s executors.Session) (string, error) {
	v, err := s.Resolve.Optional(mask.CurrentPassword)
	if err != nil || v.Len() == 0 {
		return "", err
	}
	v.Wipe()
	line, err := publicOf(s, mask.CurrentPassword)
	if err != nil {
		return "", err
	}
	kind, blob, _ := strings.Cut(line, " ")
	return kind + `[[:space:]]\{1,\}` + blob, nil
}

// patterns are the options of grep that match the lines of public keys, by what is the same in every way to write one down; "": there are none.
func patterns(public []string, except string) string {
	var b strings.Builder
	for _, k := range public {
		if f := strings.Fields(k); len(f) >= 2 && f[0]+" "+f[1] != except && !strings.Contains(f[1], "'") {
			fmt.Fprintf(&b, " -e '%s'", f[1])
		}
	}
	return b.String()
}

// heard is what a command says on both of its streams: how it began, and how it ended.
type heard struct {
	mu    sync.Mutex // guards the fields below
	start bytes.Buffer
	end   []byte
}

// maxEnd is how much of the end is kept: somebody may say goodbye behind our last word.
const maxEnd = 1 << 10

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.start.Write(p[:min(len(p), maxAnswer-h.start.Len())])
	h.end = append(h.end, p...)
	h.end = h.end[max(0, len(h.end)-maxEnd):]
	return len(p), nil
}

// runScript gives a script to the target's sh by its standard input: the account's own shell may be another one.
func runScript(ctx context.Context, s executors.Session, client *ssh.Client, text string, red *executors.Redactor) error {
	ctx, cancel := s.Reading(ctx, 30*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()
	sess, err := openSession(ctx, client)
	if err != nil {
		return err
	}
	var out heard
	sess.Stdin, sess.Stdout, sess.Stderr = strings.NewReader(text), &out, &out
	began := time.Now()
	err = sess.Run("sh -s")
	said := out.start.String()
	s.Capture.Hear([]byte(said))
	var exit *ssh.ExitError
	switch {
	case err == nil && bytes.Contains(out.end, []byte(atItsEnd)):
		return nil
	case err == nil:
		return &executors.Failure{Class: executors.ClassPolicy, Msg: "the target ran another command than a shell: is the login for that one only? It said: " + red.Text(said)}
	case ctx.Err() != nil:
		return executors.Late(ctx, "wait for the command", time.Since(began).Round(time.Second/10))
	case errors.As(err, &exit) && exit.Signal() == "":
		return &executors.Failure{Class: executors.ClassPolicy, Msg: fmt.Sprintf("the target's shell ended with status %d: %s", exit.ExitStatus(), red.Text(said))}
	}
	return &executors.Failure{Class: executors.ClassNetwork, Msg: "the connection was lost before the command told its status"}
}

// Explain tells what the template will do, in order.
func (p *keyFile) Explain() []model.CompiledStep {
	parts := append([]mask.Part{{Hole: mask.Username}, {Hole: mask.NewPassword}}, p.path...)
	return []model.CompiledStep{
		executors.ExplainStep(0, "logs in as "+mask.AuthUser.String(), "", nil),
		executors.ExplainStep(p.line, "adds the new public key", mask.Source(p.path), parts),
		executors.ExplainStep(0, "logs in as "+mask.Username.String()+" with the new key alone", "", nil),
		executors.ExplainStep(p.line, "removes the old public keys", mask.Source(p.path), parts),
	}
}
