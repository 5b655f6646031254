// Package browser changes secrets on web pages by a headless Chromium, with the vendor's HTTP dialect (product.md 1.6.9).
//
// Every attempt has a browser of its own, which runs elsewhere: in a unit of its own without a network, reached by a socket that the
// node's configuration names (systemd/cofre-browser.socket); without that setting the executor is off. Whatever the page asks for is
// fetched here, from the device alone, by Session.Dial over TLS that is verified unless the device opts out. Values are typed by input
// events: no script, no command line and no transcript holds one, and no picture is taken. The runner calls it.
package browser

import (
	"context"
	"io"
	"time"

	"cofre/executors"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Name is the executor's name in templates and operations.
const Name model.ExecutorName = "browser"

// The limits when neither session nor template sets any: of connecting, of each wait for the page, and of a whole attempt.
const (
	DefaultTimeout     = 15 * time.Second
	DefaultReadTimeout = 15 * time.Second
	DefaultProcess     = time.Minute
	maxProcess         = 5 * time.Minute
)

// Connector starts a browser and returns its end of the DevTools protocol; closing it ends the browser.
type Connector func(ctx context.Context) (io.ReadWriteCloser, error)

// Executor is the engine. The zero value compiles templates and runs none.
type Executor struct{ connect Connector }

// New makes the executor; without a connector it is off.
func New(connect Connector) Executor { return Executor{connect} }

// Name is "browser".
func (Executor) Name() model.ExecutorName { return Name }

// Protocols is where a device lists the port that a URL without one means.
func (Executor) Protocols() []string { return []string{"HTTPS", "HTTP"} }

// Compile checks a template.
func (e Executor) Compile(source string) (executors.Program, error) {
	p, err := compile(source)
	if err != nil {
		return nil, err
	}
	p.connect = e.connect
	return p, nil
}

// Verify cannot: only a template says how to log in.
func (Executor) Verify(context.Context, executors.Session, secret.Value) (bool, error) {
	return false, errNoLogin
}

var errNoLogin = &executors.Failure{Class: executors.ClassTemplate, Msg: "the template does not say how a login is told: let its login end with refusal and logged-in"}

var errOff = &executors.Failure{Class: executors.ClassRefused, Msg: "this node has no browser: set browser in its configuration"}
