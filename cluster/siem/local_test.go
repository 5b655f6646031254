package siem

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gsyslog "github.com/hashicorp/go-syslog"

	"cofre/fsm/audit"
)

// daemon is a syslog daemon that may stand still.
type daemon struct {
	mu    sync.Mutex // guards lines
	lines []string
	stuck chan struct{} // not nil: writes wait until it closes
}

func (d *daemon) WriteLevel(p gsyslog.Priority, b []byte) error {
	if d.stuck != nil {
		<-d.stuck
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, string(rune('0'+p))+" "+string(b))
	return nil
}

func (d *daemon) Write(b []byte) (int, error) { return len(b), d.WriteLevel(gsyslog.LOG_NOTICE, b) }
func (d *daemon) Close() error                { return nil }

func TestLocalWaitsForADaemonAndCatchesUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{}
		var mu sync.Mutex
		there := false
		l := newLocal(Config{}.withDefaults().Local)
		l.open = func() (gsyslog.Syslogger, error) {
			mu.Lock()
			defer mu.Unlock()
			if !there {
				return nil, errors.New("Unix syslog delivery error")
			}
			return d, nil
		}
		trail := newMemory()
		trail.add("n1", "n2", "n1")
		p := pipe(t, trail, l, dir, nil)
		p.settle = 0
		during(t, p, func() {
			time.Sleep(time.Minute)
			if s := p.status(); !strings.Contains(s.Error, "open the local syslog") {
				t.Errorf("%+v", s)
			}
			mu.Lock()
			there = true
			mu.Unlock()
			time.Sleep(2 * lastPause)
		})
		if len(d.lines) != 2 || !strings.HasPrefix(d.lines[1], "5 event credential.read: a secret was read seq=3 node=n1") {
			t.Errorf("%q", d.lines)
		}
		if strings.Contains(strings.Join(d.lines, ""), "192.0.2.7") {
			t.Errorf("the local record shows an address: %q", d.lines)
		}
	})
}

func TestStuckLocalDaemonHoldsUpNobody(t *testing.T) {
	t.Parallel()
	d := &daemon{stuck: make(chan struct{})}
	l := newLocal(Config{}.withDefaults().Local)
	l.open = func() (gsyslog.Syslogger, error) { return d, nil }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	batch := []audit.Event{read(1, "n1", "x")}
	for range 2 {
		if err := l.Send(ctx, batch); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	close(d.stuck) // it reads again
	if err := l.Send(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil || l.log != nil {
		t.Errorf("%v, %v", err, l.log)
	}
}

// TestFacilitiesAreKnownToTheLibrary: a facility that we accept and the library does not would fail at run time only.
func TestFacilitiesAreKnownToTheLibrary(t *testing.T) {
	t.Parallel()
	for name := range facilities {
		if log, err := gsyslog.NewLogger(gsyslog.LOG_INFO, name, "cofre-test"); err != nil && strings.Contains(strings.ToLower(err.Error()), "facility") {
			t.Errorf("%s: %v", name, err)
		} else if err == nil {
			_ = log.Close()
		}
	}
}
