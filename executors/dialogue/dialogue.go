// Package dialogue is the expect engine that executors with a terminal share: it compiles the commands of a template, sends
// and waits as they say, and decides what the outcome was.
//
// The protocol stays outside: an executor gives its Dialect, and a function that opens a logged-in Line. Until the first
// byte of a step that carries NEW_PASSWORD leaves, every failure is NotStarted; afterwards only a refusal that the target
// spelled out over a live connection is Rejected, the end of the template after an answer is Applied, and everything
// else is Uncertain. Executors that talk to a terminal call it.
package dialogue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/executors/script"
)

// DefaultTimeout limits connecting and each wait when neither session nor template says otherwise (product.md 1.6.1).
const DefaultTimeout = 5 * time.Second

// Word is what a command of a dialect means.
type Word uint8

// The meanings. sleep, end, set-read-timeout, set-connect-timeout and set-new-line-mode are the same in all dialects.
const (
	Exec   Word = iota + 1 // send text and the end of the line
	Write                  // send text
	Read                   // wait for literal text
	Expect                 // wait for text in which * stands for anything
	Regex                  // wait for a regular expression, with or without slashes around it
	Search                 // wait for a regular expression if there are slashes around it, else as Expect
	Forbid                 // fail if a literal text shows up before what is awaited next
)

// Dialect is what templates of one executor may say.
type Dialect struct {
	Words   map[string]Word
	Listed  string                                           // the words, for the message about an unknown one
	NewLine string                                           // unix, windows or mac: what ends a line unless the template says otherwise
	Setting func(cmd script.Command) (known bool, err error) // further set- commands
	Carry   mask.Escape                                      // lets a value into a line that is sent; nil: TerminalLine
}

// Line is a terminal on the target, logged in.
type Line interface {
	io.Writer
	// Cut breaks the connection, so that whoever waits for it wakes up.
	Cut()
	// Close ends the line and waits until nothing more is written to the output. After an error the connection under it is cut.
	Close(err error)
}

// Open connects and logs in as AUTH_USER within a limit, 0 meaning the executor's own. All output goes to out, which ends
// with the connection. The end of ctx must cut the line.
type Open func(ctx context.Context, s executors.Session, limit time.Duration, out *Stream) (Line, error)

// Text resolves a name that is no secret.
func Text(resolve mask.Resolver, n mask.Name) (string, error) {
	v, err := resolve(n)
	if err != nil {
		return "", fmt.Errorf("%s: %w", n, err)
	}
	var s string
	err = v.Reveal(func(b []byte) error { s = string(b); return nil })
	return s, err
}

// Failure makes a Failure of any error. Our own words stay; everything else passes the redactor.
func Failure(red *executors.Redactor, line int, err error) *executors.Failure {
	var f *executors.Failure
	if errors.As(err, &f) {
		return executors.Fail(f.Class, line, err)
	}
	return &executors.Failure{Class: executors.ClassOf(err), Line: line, Msg: red.Text(err.Error()), Spared: executors.IsSpared(err)}
}
