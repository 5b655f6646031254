package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"cofre/cmd/cofre/client"
)

// definite tells whether asking again cannot help.
func definite(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && e.Status < http.StatusInternalServerError && e.Status != http.StatusTooManyRequests
}

// pause waits a moment before asking again.
func pause(ctx context.Context) error {
	t := time.NewTimer(500 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
