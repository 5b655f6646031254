package lead_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/dynamic"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/scheduler/lead"
	"cofre/scheduler/trigger"
)

// BenchmarkLeases is what so many live dynamic users cost: who asks for one more (issue), the leader that looks for those whose
// time is over, of which there are 500 (ended), and a new term's scheduler up to the first removal (takeover). When their owner is deleted,
// the leader looks for those that must go (revoked) and whether all are gone (deleting), and the command tells how many are not (counted).
// COFRE_ROWS=1000,100000,1000000 chooses the numbers; a million takes minutes to fill.
func BenchmarkLeases(b *testing.B) {
	sizes(b, func(b *testing.B, rows int) {
		l := leases(b, rows)
		b.Run("issue", l.issue)
		b.Run("ended", l.ended)
		b.Run("takeover", l.takeover)
		b.Run("revoked", l.revoked)
		b.Run("deleting", l.deleting)
		b.Run("counted", l.counted)
	})
}

// leased is a state with live dynamic users.
type leased struct {
	home  *table.Home
	now   model.Time
	owner model.Authorization
	n     int
}

const endedLeases = 500

func leases(b *testing.B, n int) *leased {
	b.Helper()
	home, err := table.OpenHome(b.TempDir(), state.Schema, table.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = home.Close() })
	l := &leased{home: home, now: model.TimeOf(time.Now()), owner: model.Authorization{ID: "owner", Application: "app"}}
	l.commit(func(tx *table.Tx) {
		state.System.Put(tx, &model.System{At: l.now, Level: 1})
		state.Devices.Put(tx, &model.Device{ID: "db", Number: 1, Hostname: "db", Enabled: true})
		state.Credentials.Put(tx, &model.Credential{ID: "door", Number: 1, Identifier: "door", Username: "door", Device: "db", Enabled: true})
		state.Profiles.Put(tx, &model.DynamicProfile{ID: "profile", Identifier: "app", Enabled: true, Executor: "postgres", Create: "create", Remove: "remove", Authentication: "door", TTL: model.Hour})
		state.Provisionings.Put(tx, &model.Provisioning{Application: "app", Quota: 100_000_000})
	})
	for done := 0; done < n; done += 500 {
		l.commit(func(tx *table.Tx) {
			for i := done; i < min(n, done+500); i++ {
				id := model.DynamicUserID(fmt.Sprintf("%032x", i))
				u := &model.DynamicUser{ID: id, Number: state.Next(tx, "dynamic_user"), Profile: "profile", Device: "db", Username: model.DynamicName("postgres", "app", l.now, id),
					Owner: "owner", For: "app", Row: string(id), Secret: model.Sealed{Term: 1, Box: make([]byte, 64)}, State: model.DynamicActive, TTL: model.Hour, Life: model.Hour,
					CreatedAt: l.now, ActiveAt: l.now, ExpiresAt: l.now.Add(time.Hour) + model.Time(i), Revision: 1}
				if i%(n/endedLeases) == 0 {
					u.ExpiresAt = l.now - 1
				}
				state.PutDynamicUser(tx, u)
			}
		})
	}
	return l
}

// commit makes one transaction a batch.
func (l *leased) commit(put func(tx *table.Tx)) {
	batch := l.home.Store().Begin()
	put(batch.Tx(table.Stamp{At: l.now}))
	batch.Commit()
}

func (l *leased) issue(b *testing.B) {
	for b.Loop() {
		l.n++
		m := command.Meta{ID: command.ID{byte(l.n), byte(l.n >> 8), byte(l.n >> 16)}, At: l.now, Level: 1}
		l.commit(func(tx *table.Tx) {
			if _, _, err := operation.Issue(tx, m, 0, 0, operation.IssueSpec{Profile: "profile", Device: "db", Owner: &l.owner, Trigger: "request"}); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func (l *leased) ended(b *testing.B) {
	for b.Loop() {
		v := l.home.View()
		if due := trigger.TTL(v, l.now, 256); len(due) != 256 {
			b.Fatalf("%d users have ended", len(due))
		}
		v.Close()
	}
}

func (l *leased) takeover(b *testing.B) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		removed, over := make(chan struct{}, 1), make(chan error, 1)
		go func() {
			over <- lead.Run(ctx, lead.Config{Proposer: removes(removed), View: l.home.View, Changed: func() <-chan struct{} { return nil }, Now: func() model.Time { return l.now },
				Alive: func(model.NodeID) bool { return true }, Log: logrus.NewEntry(log)})
		}()
		select {
		case <-removed:
		case <-time.After(time.Minute):
			b.Fatal("nothing was removed")
		}
		b.StopTimer()
		cancel()
		<-over
		b.StartTimer()
	}
}

// removes takes note of the first removal and lets nothing through: the next term finds the same.
type removes chan struct{}

func (r removes) Propose(_ context.Context, e command.Envelope) (command.Result, error) {
	var a dynamic.RemoveArgs
	if e.Kind == dynamic.Remove.Kind() && codec.Decode(e.Payload, &a) == nil && a.User != "" {
		select {
		case r <- struct{}{}:
		default:
		}
	}
	return command.Result{}, errors.New("not let through")
}

// revoked looks for the users of an owner that is deleted, as each tick does.
func (l *leased) revoked(b *testing.B) {
	l.commit(func(tx *table.Tx) {
		state.Revoke(tx, model.RevokedAuthorization+string(l.owner.ID), "authorization deleted", l.now)
	})
	for b.Loop() {
		v := l.home.View()
		if due := trigger.Revocation(v, l.now, 256); len(due) != 256 {
			b.Fatalf("%d users must go", len(due))
		}
		v.Close()
	}
}

func (l *leased) deleting(b *testing.B) {
	l.commit(func(tx *table.Tx) {
		state.Authorizations.Put(tx, &model.Authorization{ID: l.owner.ID, Application: l.owner.Application, ClientID: "owner", Deleting: true})
	})
	for b.Loop() {
		v := l.home.View()
		if due := trigger.Deletion(v, l.now, 256); len(due) != 0 {
			b.Fatal("the users are gone")
		}
		v.Close()
	}
}

func (l *leased) counted(b *testing.B) {
	for b.Loop() {
		v := l.home.View()
		if state.OwnedUsers(v, l.owner.ID) == 0 {
			b.Fatal("the users are gone")
		}
		v.Close()
	}
}
