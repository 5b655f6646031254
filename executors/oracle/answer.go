package oracle

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sijms/go-ora/v2/network"

	"cofre/executors"
)

// Errors of the server that mean something here.
const (
	loginDenied = 1017 // the name or the password is wrong
	noSuchUser  = 1918
)

// closedLogin are errors of a login about an account that is closed, or that needs something else to log in.
var closedLogin = map[int]bool{
	1005: true, 1017: true, 1035: true, 1045: true, 28000: true, 28001: true, 28009: true, 28030: true, 28040: true, 28365: true,
}

// down are errors about the state of the server or of the connection: later it may be another one.
var down = map[int]bool{
	28: true, 1012: true, 1033: true, 1034: true, 1089: true, 1090: true, 1092: true, 3113: true, 3114: true, 3135: true, 3136: true,
	12170: true, 12516: true, 12518: true, 12519: true, 12520: true, 12528: true, 12537: true, 12541: true, 12547: true,
}

// refused tells whether an answer means that the statement had no effect: it was not understood, not allowed, or the new password
// was judged. Every other error says nothing about that.
func refused(n int) bool {
	switch n {
	case 1031, noSuchUser, 1920, 1935, 1940, 1922, // no right; the user is not there, is there already, has no name, is logged in, or owns objects
		28003, 28007, 28008, 28220, 28221, // the new password is refused, was had before; the old one is wrong, or missing
		65040, 65048, 65049, 65050, 65066, 65096: // not here: containers and common users
		return true
	}
	return n >= 900 && n <= 999 // the parser's
}

// code is the number of a server's error; 0 for errors of another kind.
func code(err error) int {
	var e *network.OracleError
	if errors.As(err, &e) {
		return e.ErrCode
	}
	return 0
}

// failure makes a Failure of any error. Our own words stay; everything else passes the redactor.
func failure(red *executors.Redactor, line int, err error) *executors.Failure {
	var f *executors.Failure
	if errors.As(err, &f) {
		return executors.Fail(f.Class, line, f)
	}
	out := &executors.Failure{Class: executors.ClassOf(err), Line: line, Spared: executors.IsSpared(err)}
	text := err.Error()
	var e *network.OracleError
	if errors.As(err, &e) {
		switch {
		case closedLogin[e.ErrCode]:
			out.Class = executors.ClassAuth
		case down[e.ErrCode]:
			out.Class = executors.ClassNetwork
		case e.ErrCode >= 12150 && e.ErrCode < 12700: // the listener's
			out.Class = executors.ClassProtocol
		default:
			out.Class = executors.ClassPolicy
		}
		if text = strings.TrimSpace(e.ErrMsg); text == "" {
			text = fmt.Sprintf("ORA-%05d", e.ErrCode)
		}
	}
	out.Msg = red.Text(text)
	return out
}

// known gives the driver's words for broken connections their meaning: it keeps no more of them than their text.
func known(err error) error {
	text := err.Error()
	switch {
	case code(err) != 0:
		return err
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, network.ErrConnReset), strings.Contains(text, "closed connection"):
		return fmt.Errorf("the connection was lost: %w", io.ErrUnexpectedEOF)
	}
	return err
}
