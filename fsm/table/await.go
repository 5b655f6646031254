package table

import "context"

// Place is where one row stands, for one who watches it.
type Place string

// TouchedRow is Touched for one row.
func (b *Batch) TouchedRow(p Place) bool {
	_, ok := b.changes[string(p)]
	return ok
}

// Watcher tells when one of some rows changes next. Who waits no longer calls stop.
type Watcher interface {
	WatchRows(places ...Place) (changed <-chan struct{}, stop func())
}

// Await looks at something until it is over, each time one of the rows changes that tell so, and a last time when ctx ends.
func Await[T any](ctx context.Context, w Watcher, look func() (found T, over bool, err error), rows ...Place) (T, error) {
	for {
		changed, stop := w.WatchRows(rows...)
		found, over, err := look()
		if err != nil || over || ctx.Err() != nil {
			stop()
			return found, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
		stop()
	}
}
