package ssh

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/fsm/model"
)

// maxPasswd bounds the list of accounts that is read.
const maxPasswd = 32 << 20

// Accounts lists the accounts of a Unix system that begin with a prefix, as getent knows them: no right is needed for that.
func (Executor) Accounts(ctx context.Context, s executors.Session, prefix string) (names []string, more bool, err error) {
	s, red := s.Guard()
	if err := s.Before("connect"); err != nil {
		return nil, false, executors.Fail(executors.ClassRefused, 0, err)
	}
	client, err := logIn(ctx, s, s.ConnectTimeout)
	if err != nil {
		return nil, false, dialogue.Failure(red, 0, err)
	}
	defer client.Close()
	list, err := passwd(ctx, client, s)
	if err != nil {
		return nil, false, dialogue.Failure(red, 0, err)
	}
	lines := bufio.NewScanner(bytes.NewReader(list))
	for lines.Scan() {
		name, _, ok := strings.Cut(lines.Text(), ":")
		if !ok || len(name) < len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
			continue
		}
		if more = len(names) == executors.MaxAccounts; more {
			break
		}
		names = append(names, name)
	}
	if err := lines.Err(); err != nil {
		return nil, false, &executors.Failure{Class: executors.ClassProtocol, Msg: "getent answered something that is no list of accounts"}
	}
	s.Trace.Step(model.Step{Text: "listed the accounts that begin with " + prefix, Got: len(list), Matched: strconv.Itoa(len(names))})
	return names, more, nil
}

// passwd reads the list of accounts.
func passwd(ctx context.Context, client *ssh.Client, s executors.Session) ([]byte, error) {
	list, status, err := answer(ctx, client, s, "getent passwd", maxPasswd)
	switch {
	case err != nil:
		return nil, err
	case status != 0:
		return nil, &executors.Failure{Class: executors.ClassPolicy, Msg: fmt.Sprintf("getent passwd ended with status %d: accounts cannot be listed here", status)}
	case len(list) == maxPasswd:
		return nil, &executors.Failure{Class: executors.ClassProtocol, Msg: "the target lists too many accounts"}
	case len(list) == 0:
		return nil, &executors.Failure{Class: executors.ClassProtocol, Msg: "getent passwd listed no account at all"}
	}
	return list, nil
}

// answer runs one command that changes nothing, without a terminal, and gives its output, of which it keeps so many bytes at most.
func answer(ctx context.Context, client *ssh.Client, s executors.Session, command string, most int) (out []byte, status int, err error) {
	ctx, cancel := s.Reading(ctx, commandTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	defer stop()
	sess, err := openSession(ctx, client)
	if err != nil {
		return nil, 0, err
	}
	var text bytes.Buffer
	sess.Stdout = &limited{&text, most}
	began := time.Now()
	err = sess.Run(command)
	var exit *ssh.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, 0, executors.Late(ctx, "wait for the target", time.Since(began).Round(time.Second/10))
	case errors.As(err, &exit):
		return text.Bytes(), exit.ExitStatus(), nil
	case err != nil:
		return nil, 0, &executors.Failure{Class: executors.ClassNetwork, Msg: "the connection was lost before the target had answered"}
	}
	return text.Bytes(), 0, nil
}
