package winrpc

import (
	"errors"
	"fmt"

	smb "github.com/oiweiwei/go-smb2.fork"

	"cofre/executors"
)

// ntstatus is a code of MS-ERREF; 0 is success, and no status at all.
type ntstatus uint32

// The codes that mean something to us.
const (
	statusAccessDenied     ntstatus = 0xC0000022
	statusNoLogonServers   ntstatus = 0xC000005E
	statusUserExists       ntstatus = 0xC0000063
	statusNoSuchUser       ntstatus = 0xC0000064
	statusWrongPassword    ntstatus = 0xC000006A
	statusRestriction      ntstatus = 0xC000006C
	statusLogonFailure     ntstatus = 0xC000006D
	statusAccountRestrict  ntstatus = 0xC000006E
	statusLogonHours       ntstatus = 0xC000006F
	statusPasswordExpired  ntstatus = 0xC0000071
	statusAccountDisabled  ntstatus = 0xC0000072
	statusNoneMapped       ntstatus = 0xC0000073
	statusLogonType        ntstatus = 0xC000015B
	statusAccountExpired   ntstatus = 0xC0000193
	statusMustChange       ntstatus = 0xC0000224
	statusAccountLockedOut ntstatus = 0xC0000234
)

var said = map[ntstatus]string{
	statusAccessDenied: "access denied", statusUserExists: "there is an account with this name already", statusNoSuchUser: "there is no such account",
	statusWrongPassword: "the password is wrong", statusRestriction: "the password policy refuses the new password", statusLogonFailure: "name or password is wrong",
	statusAccountRestrict: "the account may not log in this way", statusLogonHours: "the account may not log in at this time", statusPasswordExpired: "the account's password has expired",
	statusAccountDisabled: "the account is disabled", statusNoneMapped: "there is no such account", statusAccountExpired: "the account has expired",
	statusNoLogonServers: "the server reaches no controller of the account's domain", statusLogonType: "the account may not log in over the network",
	statusMustChange: "the account must change its password first", statusAccountLockedOut: "the account is locked",
}

// String is what the code means.
func (s ntstatus) String() string {
	if text, ok := said[s]; ok {
		return text
	}
	return fmt.Sprintf("the server answers with status 0x%08X", uint32(s))
}

// wrong tells whether a login was refused for its name or password, and for nothing else.
func (s ntstatus) wrong() bool {
	return s == statusLogonFailure || s == statusWrongPassword || s == statusNoSuchUser
}

func (s ntstatus) class() executors.Class {
	switch s {
	case statusNoLogonServers:
		return executors.ClassNetwork
	case statusWrongPassword, statusLogonType, statusLogonFailure, statusAccountRestrict, statusLogonHours, statusPasswordExpired, statusAccountDisabled, statusAccountExpired, statusMustChange, statusAccountLockedOut:
		return executors.ClassAuth
	case statusAccessDenied, statusUserExists, statusNoSuchUser, statusRestriction, statusNoneMapped:
		return executors.ClassPolicy
	}
	return executors.ClassProtocol
}

// answer is the status by which a call was answered: it had no effect.
type answer struct{ status ntstatus }

// Error is what the status means.
func (a *answer) Error() string { return a.status.String() }

// status finds the code in an error; 0 if the server gave none.
func status(err error) ntstatus {
	var a *answer
	var r *smb.ResponseError
	switch {
	case errors.As(err, &a):
		return a.status
	case errors.As(err, &r):
		return ntstatus(r.Code)
	}
	return 0
}
