package mysql

import (
	"context"
	"errors"
	"strings"

	driver "github.com/go-sql-driver/mysql"

	"cofre/executors"
)

// Numbers of the server's errors that mean something to us.
const (
	erAccessDenied           = 1045
	erAccessDeniedNoPassword = 1698 // the account logs in by another way than a password
	erMustChangeLogin        = 1862 // raised after the password was found right
	erCannotUser             = 1396 // an account could not be made or changed: why, only the warnings say
	erPasswordRules          = 1819
)

// unclear are errors after which nobody knows whether the statement had its effect: the session or the server went
// away under it, it was interrupted, or the commit itself failed.
var unclear = map[uint16]bool{
	1053: true, 1077: true, 1078: true, 1079: true, 1080: true, // shutdown
	1105: true,                                     // unknown error
	1152: true, 1184: true, 1927: true, 3169: true, // connection aborted or killed
	1158: true, 1159: true, 1160: true, 1161: true, // network
	1180: true, 1181: true, // commit and rollback
	1317: true, 1969: true, 3024: true, // interrupted
	1047: true, // a cluster that is not ready
}

// overload are errors that are about the server's state, not about us.
var overload = map[uint16]bool{1040: true, 1129: true, 1203: true, 1226: true}

// sparing are answers to a login that say nothing of the password: the server takes nobody more, nobody from here, is just going or coming,
// or has let the account in that far.
var sparing = map[uint16]bool{1040: true, 1044: true, 1047: true, 1049: true, 1053: true, 1129: true, 1130: true, 1203: true, 1226: true}

// number is the code of a server's answer; 0 if the error is something else.
func number(err error) uint16 {
	var answer *driver.MySQLError
	if errors.As(err, &answer) {
		return answer.Number
	}
	return 0
}

// explained adds to a server's refusal what it tells only who asks for it: MariaDB says of a password that breaks its rules no more than that
// ALTER USER failed, as of an account that is not there.
func (c session) explained(ctx context.Context, err error) error {
	var answer *driver.MySQLError
	if !errors.As(err, &answer) || answer.Number != erCannotUser {
		return err
	}
	var said []string
	for _, w := range c.warnings(ctx) {
		if w.code == erPasswordRules {
			said = append(said, w.text)
		}
	}
	if len(said) == 0 {
		return err
	}
	why := *answer
	why.Message += ": " + strings.Join(said, "; ")
	return &why
}

// classOf sorts an answer of the server.
func classOf(n uint16) executors.Class {
	switch {
	case n == erAccessDenied, n == erAccessDeniedNoPassword, n == 1044, n == 3118, n == 4150, n == 4151:
		return executors.ClassAuth
	case unclear[n], overload[n], n == 1130:
		return executors.ClassNetwork
	}
	return executors.ClassPolicy
}
