package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// exitError is how a child's exit status becomes ours.
type exitError struct{ *exec.ExitError }

func (e *exitError) Error() string { return "the program ended with " + e.ExitError.Error() }

func (e *exitError) Unwrap() error { return e.ExitError }

func runCommand(s *session) *cobra.Command {
	var wanted []string
	var keep bool
	c := &cobra.Command{
		Use: "run --secret NAME=CREDENTIAL -- COMMAND [ARGUMENT...]", Short: "Run a program with secrets in its environment", Args: cobra.MinimumNArgs(1),
		Long: `Read credentials into environment variables of a program, run it, and release their custody when it ends. The program does not get this
command's own COFRE_ variables. Its environment is readable by its own user and by root, as always.`,
		Example: "  cofre run --secret PGPASSWORD=db1-app -- psql -h db1 -U app\n  cofre run --secret A=web1-root --secret B=root@web2 -- ./deploy.sh",
	}
	c.Flags().StringArrayVar(&wanted, "secret", nil, "NAME=CREDENTIAL: variable, and number, identifier or user@host; may be repeated (required)")
	c.Flags().BoolVar(&keep, "keep-custody", false, "do not release custody at the end")
	_ = c.MarkFlagRequired("secret")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		env, err := cleanEnvironment(os.Environ(), wanted)
		if err != nil {
			return err
		}
		var held []string
		defer func() {
			if !keep {
				err = errors.Join(err, s.giveBack(c, held))
			}
		}()
		for _, w := range wanted {
			name, credential, _ := strings.Cut(w, "=")
			r, err := call[readSecret](s, c, http.MethodGet, at("credentials/%s/secret", credential), nil)
			if err != nil {
				return fmt.Errorf("read %s: %w", credential, err)
			}
			held = append(held, credential)
			if strings.ContainsRune(r.Secret, 0) {
				return fmt.Errorf("the secret of %s holds a zero byte: an environment variable cannot", credential)
			}
			env = append(env, name+"="+r.Secret)
		}
		return s.child(c, args, env)
	}
	return c
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
func (s *session) child(c *cobra.Command, args, env []string) error {
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // running what the user names is the purpose; signals are handed on instead of a kill
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", args[0], err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }() // ends with the child, which the loop waits for
	for {
		select {
		case sig := <-signals:
			if sig != syscall.SIGINT || !s.terminal(c.InOrStdin()) { // a terminal sends Ctrl-C to both
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

// Status is the exit status for an error of a command: that of the program that cofre run started, otherwise 1.
func Status(err error) int {
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
