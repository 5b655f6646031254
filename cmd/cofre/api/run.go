package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/client"
	"cofre/cmd/cofre/dsm"
	"cofre/cmd/cofre/input"
)

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// exitError is how a child's exit status becomes ours.
type exitError struct{ *exec.ExitError }

func (e *exitError) Error() string { return "the program ended with " + e.ExitError.Error() }

func (e *exitError) Unwrap() error { return e.ExitError }

// run is what the flags of one cofre run say.
type run struct {
	wanted     []string
	of         dsm.Name
	keep, mask bool
	offline    string
	private    string // file with the key that answers are encrypted to
	limit      time.Duration
}

func runCommand(s *session) *cobra.Command {
	var r run
	c := &cobra.Command{
		Use: "run [--secret NAME=CREDENTIAL] [--application A [--system S] [--environment E]] -- COMMAND [ARGUMENT...]", Short: "Run a program with secrets in its environment", Args: cobra.MinimumNArgs(1),
		Long: `Read secrets into environment variables of a program and run it. Credentials (--secret) are released when it ends; the secrets of an
application (--application) come under the names that they have there. Nothing is written to a file, signals go on to the program, and its exit
status is this command's. The program does not get this command's own COFRE_ variables. Its environment is readable by its own user and by
root, as always.

--offline keeps a copy of the application's secrets in a file, encrypted under the client secret, and uses it only when no node answers.
What is read from the copy then leaves no audit record; the reading that made the copy did.

--key-file opens the secrets of an authorization whose answers are encrypted (cofre authorization encrypt). The copy of --offline keeps them
as they came: it opens with the same key only.`,
		Example: "  cofre run --secret PGPASSWORD=db1-app -- psql -h db1 -U app\n  cofre run --secret A=web1-root --secret B=root@web2 -- ./deploy.sh\n" +
			"  cofre run --application billing --system erp --environment prod --mask -- ./start.sh",
	}
	c.Flags().StringArrayVar(&r.wanted, "secret", nil, "NAME=CREDENTIAL: variable, and number, identifier or user@host; may be repeated")
	c.Flags().BoolVar(&r.keep, "keep-custody", false, "do not release custody at the end")
	c.Flags().StringVar(&r.of.Application, "application", "", "application whose secrets the program gets")
	c.Flags().StringVar(&r.of.System, "system", "", "system of its authorization; absent: it has none")
	c.Flags().StringVar(&r.of.Environment, "environment", "", "environment of its authorization; absent: it has none")
	c.Flags().BoolVar(&r.mask, "mask", false, "replace the values in what the program prints by ***, unless they are shorter than 4 bytes")
	c.Flags().StringVar(&r.offline, "offline", "", "file for an encrypted copy, used when no node answers")
	c.Flags().StringVar(&r.private, "key-file", "", "file, mode 0600, with the private key that the authorization's answers are encrypted to")
	c.Flags().DurationVar(&r.limit, "offline-for", 24*time.Hour, "how old the copy may be")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		switch {
		case r.of.Application == "" && (r.of.System != "" || r.of.Environment != ""):
			return errors.New("--system and --environment tell which authorization of an application: say --application too")
		case r.of.Application == "" && len(r.wanted) == 0:
			return errors.New("say whose secrets the program gets: --application, or --secret NAME=CREDENTIAL")
		}
		env, err := cleanEnvironment(os.Environ(), r.wanted)
		if err != nil {
			return err
		}
		keys, err := openerOf(r.private)
		if err != nil {
			return err
		}
		var held, values, short []string
		give := func(name, value string) {
			env, values = replace(env, name, value), append(values, value)
			if value != "" && len(value) < shortest {
				short = append(short, name)
			}
		}
		defer func() {
			if !r.keep {
				err = and(err, s.giveBack(c, held))
			}
		}()
		if r.of.Application != "" {
			all, err := s.applicationSecrets(c, r)
			if err != nil {
				return err
			}
			if err := keys.openAll(all); err != nil {
				return err
			}
			for _, v := range all {
				if !variable.MatchString(v.Name) || strings.ContainsRune(v.Value, 0) {
					fmt.Fprintf(note(c), "left out: %q is not the name of a variable, or its value holds a zero byte\n", v.Name)
					continue
				}
				give(v.Name, v.Value)
			}
		}
		for _, w := range r.wanted {
			name, credential, _ := strings.Cut(w, "=")
			got, err := call[readSecret](s, c, http.MethodGet, at("credentials/%s/secret", credential), nil)
			if err != nil {
				return fmt.Errorf("read %s: %w", credential, err)
			}
			held = append(held, credential)
			if got.Secret, err = s.opened(keys, "the secret of "+credential, got.Secret); err != nil {
				return err
			}
			if strings.ContainsRune(got.Secret, 0) {
				return fmt.Errorf("the secret of %s holds a zero byte: an environment variable cannot", credential)
			}
			give(name, got.Secret)
		}
		out, notes := c.OutOrStdout(), c.ErrOrStderr()
		if r.mask {
			if len(short) > 0 {
				fmt.Fprintf(note(c), "not masked: %s: of values with less than %d bytes too much else would be\n", strings.Join(short, ", "), shortest)
			}
			o, e := newMasker(out, values), newMasker(notes, values)
			defer func() { err = and(err, errors.Join(o.Close(), e.Close())) }()
			out, notes = o, e
		}
		return s.child(c, args, env, out, notes)
	}
	return c
}

var errSealed = errors.New("the secrets are encrypted to the authorization's key, and are of no use to a program so: name the private key with --key-file")

// nobody are the answers that say that no node decided: a node's own that cannot, and those of a load balancer before nodes that are not there.
var nobody = []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// applicationSecrets reads the secrets of an application, or their copy when no node answers.
func (s *session) applicationSecrets(c *cobra.Command, r run) ([]dsm.Variable, error) {
	conn, err := s.config()
	if err != nil {
		return nil, err
	}
	api, err := s.client()
	if err != nil {
		return nil, err
	}
	all, sealed, err := dsm.Fetch(c.Context(), api, r.of)
	if sealed && r.private == "" {
		return nil, errSealed
	}
	if err == nil && len(all) == 0 {
		fmt.Fprintf(note(c), "warning: there are no secrets of %s, system %q, environment %q. A name that was not known is registered, also a mistyped one\n", r.of.Application, r.of.System, r.of.Environment)
	}
	if r.offline == "" {
		return all, err
	}
	if err == nil {
		if err := dsm.Keep(r.offline, conn.ClientSecret, r.of, all, time.Now()); err != nil {
			return nil, fmt.Errorf("keep a copy: %w", err)
		}
		return all, nil
	}
	if c.Context().Err() != nil {
		return nil, err // somebody interrupted us: the program is not wanted any more
	}
	var answered *client.Error
	if errors.As(err, &answered) && !slices.Contains(nobody, answered.Status) {
		return nil, err // somebody decided: a copy must not undo that
	}
	all, of, failed := dsm.Kept(r.offline, conn.ClientSecret, r.of, time.Now(), r.limit)
	if failed != nil {
		return nil, fmt.Errorf("%w; and the copy: %w", err, failed)
	}
	fmt.Fprintf(note(c), "warning: no node answers (%v): the secrets are the copy of %s\n", err, of.Local().Format(time.RFC3339))
	return all, nil
}

// replace sets a variable in an environment.
func replace(env []string, name, value string) []string {
	env = slices.DeleteFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
	return append(env, name+"="+value)
}

// cleanEnvironment checks the wanted variables and drops those that they replace, and our own keys.
func cleanEnvironment(all, wanted []string) ([]string, error) {
	taken := map[string]bool{}
	for _, w := range wanted {
		name, credential, _ := strings.Cut(w, "=")
		switch {
		case !variable.MatchString(name) || credential == "":
			return nil, fmt.Errorf("--secret %q is not NAME=CREDENTIAL", w)
		case taken[name]:
			return nil, fmt.Errorf("--secret names the variable %s twice", name)
		}
		taken[name] = true
	}
	var env []string
	for _, e := range all {
		if name, _, _ := strings.Cut(e, "="); !taken[name] && !strings.HasPrefix(name, "COFRE_") {
			env = append(env, e)
		}
	}
	return env, nil
}

// child runs the program in the foreground and hands signals on: it decides when it ends.
func (s *session) child(c *cobra.Command, args, env []string, out, notes io.Writer) error {
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // running what the user names is the purpose; signals are handed on instead of a kill
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, input.File(c.InOrStdin()), out, notes
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)
	if err := c.Context().Err(); err != nil {
		return fmt.Errorf("start %s: interrupted before: %w", args[0], err)
	}
	if err := cmd.Start(); err != nil {
		status := 126 // as shells say it: there is such a program, and it does not start
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			status = 127
		}
		return &statusError{fmt.Errorf("start %s: %w", args[0], err), status}
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }() // ends with the child, which the loop waits for
	for {
		select {
		case sig := <-signals:
			if sig != syscall.SIGINT && sig != syscall.SIGQUIT || !s.terminal(c.InOrStdin()) { // a terminal sends Ctrl-C and Ctrl-\ to both
				_ = cmd.Process.Signal(sig) // it may have ended meanwhile
			}
		case err := <-done:
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return &exitError{exit}
			}
			return err
		}
	}
}

// giveBack releases custody, also when the command was interrupted.
func (s *session) giveBack(c *cobra.Command, held []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), 30*time.Second)
	defer cancel()
	api, err := s.client()
	if err != nil {
		return err
	}
	var failed error
	for _, name := range held {
		if err := api.Do(ctx, http.MethodDelete, at("credentials/%s/custody", name), nil, nil); err != nil {
			failed = errors.Join(failed, fmt.Errorf("release custody of %s (it ends by itself later): %w", name, err))
		}
	}
	return failed
}

// statusError is an error with an exit status of its own.
type statusError struct {
	error
	status int
}

// and joins a further error to one; without a further one, it stays what it is.
func and(err, more error) error {
	if more == nil {
		return err
	}
	return errors.Join(err, more)
}

// Own tells whether an error is this command's own; that a program ended with a status of its own is none.
func Own(err error) bool {
	_, ended := err.(*exitError) //nolint:errorlint // an error joined to it is our own
	return !ended
}

// Status is the exit status for an error of a command: that of the program that cofre run started, or the error's own,
// otherwise 1.
func Status(err error) int {
	var own *statusError
	if errors.As(err, &own) {
		return own.status
	}
	var e *exitError
	if !errors.As(err, &e) {
		return 1
	}
	if code := e.ExitCode(); code > 0 {
		return code
	}
	if w, ok := e.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return 1
}
