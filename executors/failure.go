package executors

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"cofre/executors/mask"
)

// Class says why an attempt failed; retry rules and people branch on it.
type Class string

// The classes.
const (
	ClassAuth     Class = "auth"     // the target refused our login
	ClassNetwork  Class = "network"  // no connection, or it was lost
	ClassTimeout  Class = "timeout"  // the target did not answer in time, or the attempt was cancelled
	ClassHostKey  Class = "hostkey"  // unknown or changed SSH host key
	ClassTLS      Class = "tls"      // the target's certificate could not be verified, or it speaks no TLS
	ClassPolicy   Class = "policy"   // the target refused the new secret or the statement
	ClassProtocol Class = "protocol" // the target said something that was not expected
	ClassTemplate Class = "template" // the template and the values of this operation do not fit
	ClassRefused  Class = "refused"  // we may not go on, for example because the lease is lost
)

// Failure is the error of an attempt. Msg is free of secrets.
type Failure struct {
	Class Class
	Line  int // of the template, 0 outside of it
	Msg   string

	Unpassed bool      // of a jump host or proxy: its login was refused, or may have been
	Denied   mask.Name // whose secret the target refused within the session of AUTH_USER, as su does
	Spared   bool      // no login can have failed: the target ended it before it looked at a secret, or said something else than that one is wrong
}

func (f *Failure) Error() string {
	if f.Line > 0 {
		return fmt.Sprintf("%s: line %d: %s", f.Class, f.Line, f.Msg)
	}
	return fmt.Sprintf("%s: %s", f.Class, f.Msg)
}

// Fail makes a Failure of an error. A Failure inside of it, such as a refusal by the dialer, keeps its class and words;
// every other error gets the class given. The text must be our own, free of what a target said.
func Fail(class Class, line int, err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return &Failure{Class: f.Class, Line: max(f.Line, line), Msg: f.Msg, Denied: f.Denied, Spared: IsSpared(err)}
	}
	return &Failure{Class: class, Line: line, Msg: err.Error()}
}

// Refusal is an error by which the target itself said no. Its text is the target's.
type Refusal interface {
	error
	Class() Class
}

// IsSpared tells whether an error of a login shows that none has failed at the target: a Failure says so, or the target's own answer.
func IsSpared(err error) bool {
	var f *Failure
	var said interface{ Spared() bool }
	return errors.As(err, &f) && f.Spared || errors.As(err, &said) && said.Spared()
}

// FailureOf makes a Failure of any error of an attempt. Our own words stay; what a target or a library says passes the redactor.
func FailureOf(red *Redactor, line int, err error) *Failure {
	var f *Failure
	var no Refusal
	switch {
	case errors.As(err, &f):
		return Fail(f.Class, line, err)
	case errors.As(err, &no):
		return &Failure{Class: no.Class(), Line: line, Msg: red.Text(no.Error()), Spared: IsSpared(err)}
	}
	return &Failure{Class: ClassOf(err), Line: line, Msg: Said(red, err), Spared: IsSpared(err)}
}

// Said is what an error of a target or a library says, without secrets. Why a target does not prove who it is stands in our words: drivers
// wrap it in their own, and those tell nobody what to do.
func Said(red *Redactor, err error) string {
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown):
		return "the target's certificate is of no authority that is trusted for it: cofre device update HOST --ca-file names the right one"
	case errors.As(err, &host):
		return red.Text(host.Error()) + ": the device's host name must stand in the certificate, or its address if it has no name"
	case errors.As(err, &record):
		return "the target does not speak TLS at this port: let the device list the port where it does"
	}
	return red.Text(err.Error())
}

// ClassOf sorts an error of dialing, TLS or reading; anything else is a protocol error.
func ClassOf(err error) Class {
	var (
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		record  tls.RecordHeaderError // the target speaks no TLS there
		op      *net.OpError
		named   net.Error
	)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return ClassTimeout
	case errors.As(err, &verify), errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &record):
		return ClassTLS
	case errors.As(err, &named) && named.Timeout():
		return ClassTimeout
	case errors.As(err, &op), errors.As(err, &named), errors.Is(err, net.ErrClosed), isEnd(err):
		return ClassNetwork
	}
	return ClassProtocol
}
