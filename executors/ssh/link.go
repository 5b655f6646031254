package ssh

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// logIn connects with the authentication credential.
func logIn(ctx context.Context, s executors.Session, limit time.Duration) (*ssh.Client, error) {
	user, password, err := authUser(s)
	if err != nil {
		return nil, err
	}
	client, err := dial(ctx, s, user, password, limit)
	if err == nil {
		s.Enter(model.Step{Text: "logged in as " + mask.AuthUser.String()})
	}
	return client, err
}

func authUser(s executors.Session) (user string, password secret.Value, err error) {
	if user, err = dialogue.Text(s.Resolve, mask.AuthUser); err != nil {
		return "", secret.Value{}, executors.Fail(executors.ClassTemplate, 0, err)
	}
	if password, err = s.Resolve(mask.AuthPassword); err != nil {
		return "", secret.Value{}, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	return user, password, nil
}

// link is a connection on which AUTH_USER has logged in. Each shell is a channel of its own, which knows nothing of those before.
type link struct{ *ssh.Client }

// borrow is logIn, or goes on over a connection of an attempt before.
func borrow(ctx context.Context, s executors.Session, limit time.Duration) (executors.Borrowed[*link], error) {
	user, password, err := authUser(s)
	if err != nil {
		return executors.Borrowed[*link]{}, err
	}
	in, err := executors.LogIn(ctx, s, Name, secret.New([]byte(user)), password, "", func() (*link, error) {
		client, err := dial(ctx, s, user, password, limit)
		return &link{client}, err
	})
	if err == nil {
		s.Enter(in.Step())
	}
	return in, err
}

// Restore asks whether anybody is there; what the answer says does not matter.
func (l *link) Restore(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	_, _, err := l.SendRequest("keepalive@openssh.com", true, nil)
	if !stop() {
		err = ctx.Err()
	}
	return err
}

// openSession opens a channel of a connection for one shell or command. One that the library opens in the moment in which the connection
// ends waits for ever, and closing the connection again does not wake it: whoever waits for it goes when ctx ends, and a goroutine stays behind.
func openSession(ctx context.Context, client *ssh.Client) (*ssh.Session, error) {
	type opened struct {
		*ssh.Session
		err error
	}
	answer, began := make(chan opened, 1), time.Now()
	go func() {
		s, err := client.NewSession()
		answer <- opened{s, err}
	}()
	select {
	case o := <-answer:
		if o.err == nil || ctx.Err() == nil {
			return o.Session, o.err
		}
	case <-ctx.Done():
	}
	return nil, executors.Late(ctx, "open a channel", time.Since(began).Round(time.Second/10)) // what the library says of a connection that was closed meanwhile tells nothing
}

// HangUp ends the connection and waits for the library's goroutines.
func (l *link) HangUp() {
	_ = l.Close() // the outcome is known already
	_ = l.Wait()
}
