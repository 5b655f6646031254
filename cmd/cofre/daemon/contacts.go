package daemon

import (
	"context"
	"reflect"
	"time"

	"cofre/cluster/membership"
	"cofre/cluster/peer"
)

// rememberMembers keeps the members' pinned keys and addresses in this node's identity file. The node table itself may
// be younger than what a crash leaves of the state (Pebble's log is off), and a node that knows no peer cannot be given
// the log from which it would learn them. For the same reason the table counts only once this process has caught up: until then it may
// lack the very members that the file names.
func (m *member) rememberMembers(ctx context.Context) error {
	for {
		changed := m.watches.keys()
		self := m.self.Get()
		if !m.reader.Fresh() {
			if err := pause(ctx, 200*time.Millisecond); err != nil {
				return err
			}
			continue
		}
		if now := membership.Contacts(m.rows()); !reflect.DeepEqual(now, self.Contacts) {
			if err := m.self.Update(m.save, func(id *peer.Identity) { id.Contacts = now }); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}
