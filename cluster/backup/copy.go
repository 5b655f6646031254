package backup

import (
	"io"

	"golang.org/x/sync/errgroup"
)

// Copy copies a file and checks what it copies: ErrDamaged when it is not whole.
func Copy(to io.Writer, from io.Reader) (h Header, size int64, err error) {
	r, p := io.Pipe()
	var g errgroup.Group
	g.Go(func() error {
		f, err := Open(r)
		if err == nil {
			h = f.Header
			err = f.Check()
		}
		_ = r.CloseWithError(err) // never fails
		return err
	})
	size, err = io.Copy(io.MultiWriter(to, p), from)
	_ = p.CloseWithError(err)            // never fails
	if checked := g.Wait(); err == nil { // else it failed by the same
		err = checked
	}
	return h, size, err
}
