package lead_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/scheduler/lead"
)

// BenchmarkTakeover is what passes between the start of a term's scheduler and its first grant, with so many credentials
// in the state, each in somebody's custody that will end some day. COFRE_ROWS=1000,100000,1000000 chooses the numbers;
// a million takes some minutes to fill.
func BenchmarkTakeover(b *testing.B) {
	sizes(b, func(b *testing.B, rows int) {
		m, _ := waiting(b)
		fill(b, m, rows)
		for b.Loop() {
			takeOver(b, m)
		}
	})
}

// sizes runs a benchmark once for each number of rows.
func sizes(b *testing.B, run func(b *testing.B, rows int)) {
	numbers := "1000,100000"
	if s := os.Getenv("COFRE_ROWS"); s != "" {
		numbers = s
	}
	for n := range strings.SplitSeq(numbers, ",") {
		rows, err := strconv.Atoi(n)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(n, func(b *testing.B) { run(b, rows) })
	}
}

// takeOver runs the loop of a new term until it proposes a grant, which is not let through: the next term finds the same.
func takeOver(b *testing.B, m *fsm.FSM) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	first := first{make(chan struct{}, 1), fsmtest.NewProposer(m, "n1")}
	log := logrus.New()
	log.SetOutput(io.Discard)
	ended := make(chan error, 1)
	go func() {
		ended <- lead.Run(ctx, lead.Config{Proposer: first, View: m.View, Changed: m.Changed, Alive: func(model.NodeID) bool { return true }, Log: logrus.NewEntry(log)})
	}()
	select {
	case <-first.granted:
	case <-time.After(time.Minute):
		b.Fatal("nothing was granted")
	}
	b.StopTimer()
	cancel()
	<-ended
	b.StartTimer()
}

// first stops the first grant.
type first struct {
	granted chan struct{}
	behind  command.Proposer
}

func (f first) Propose(ctx context.Context, e command.Envelope) (command.Result, error) {
	if e.Kind != operation.Grant.Kind() {
		return f.behind.Propose(ctx, e)
	}
	select {
	case f.granted <- struct{}{}:
	default:
	}
	return command.Result{}, errors.New("not let through")
}

// fill adds credentials and a custody of each, many to an entry.
func fill(b *testing.B, m *fsm.FSM, n int) {
	b.Helper()
	v := m.View()
	at, device := model.TimeOf(time.Now()), model.DeviceID("")
	for d := range state.Devices.All(v, "") {
		device = d.ID
	}
	v.Close()
	p := fsmtest.NewProposer(m, "n1")
	p.Now = func() model.Time { return at }
	system := model.Actor{Kind: model.ActorSystem}
	apply := func(who model.Actor, kind command.Kind, args []any) []command.Result {
		var commands []command.Envelope
		for _, a := range args {
			commands = append(commands, command.Envelope{Kind: kind, Version: 1, Actor: who, Payload: codec.MustEncode(a)})
		}
		return p.Entry(commands...)
	}
	for _, r := range apply(system, node.AdvanceClock.Kind(), []any{&node.ClockArgs{To: at}}) {
		if r.Err != nil {
			b.Fatal(r.Err)
		}
	}
	admin := model.Actor{Kind: model.ActorClient, Authorization: "admin", Epoch: 1}
	for done := 0; done < n; done += command.MaxEntryCommands {
		var puts, checkouts []any
		for i := done; i < min(n, done+command.MaxEntryCommands); i++ {
			name := fmt.Sprintf("fill-%d", i)
			puts = append(puts, &credential.PutArgs{Create: true, Identifier: name, Device: device, Username: &name,
				Secret: &credential.NewSecret{Row: name, Secret: model.Sealed{Term: 1, Box: make([]byte, 64)}}})
		}
		for _, r := range apply(admin, credential.Put.Kind(), puts) {
			var put credential.PutResult
			if r.Err != nil || codec.Decode(r.Body, &put) != nil {
				b.Fatal(r.Err)
			}
			checkouts = append(checkouts, &credential.CheckoutArgs{Credential: put.Credential.ID})
		}
		for _, r := range apply(admin, credential.Checkout.Kind(), checkouts) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
		}
	}
}
