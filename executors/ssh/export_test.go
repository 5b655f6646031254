package ssh

import (
	"context"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// AddScript is what Add runs on the target.
func AddScript(user, file, public string) string { return fmt.Sprintf(addKey, user, file, public, "") }

// OpenSession opens a channel for one shell or command.
func OpenSession(ctx context.Context, client *ssh.Client) (*ssh.Session, error) {
	return openSession(ctx, client)
}
