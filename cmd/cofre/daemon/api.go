package daemon

import (
	"context"
)

// serveAPI answers applications over HTTPS.
func (m *member) serveAPI(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
