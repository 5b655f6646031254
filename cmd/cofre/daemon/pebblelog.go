package daemon

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// pebbleLog is Pebble's logger, for one of its stores.
type pebbleLog struct {
	log    *logrus.Logger
	part   string
	dir    string        // of the store: a few of Pebble's errors name no file
	advice string        // what to do when files are damaged
	told   *atomic.Int64 // when the lack of space was last told
}

func newPebbleLog(log *logrus.Logger, part, dir, advice string) pebbleLog {
	return pebbleLog{log, part, dir, advice, new(atomic.Int64)}
}

func (l pebbleLog) Infof(f string, a ...any) { l.log.WithField("part", l.part).Debugf(f, a...) }

func (l pebbleLog) Errorf(f string, a ...any) { l.log.WithField("part", l.part).Errorf(f, a...) }

// Fatalf ends the process: a node whose state cannot be read or written acknowledges nothing (RULES 4).
func (l pebbleLog) Fatalf(f string, a ...any) {
	l.log.WithField("part", l.part).Fatal(l.fatal(fmt.Sprintf(f, a...)))
}

// diskFull is what a write waits for that finds no space: Pebble would try again a thousand times a second.
func diskFull() { time.Sleep(time.Second) }

// tellSpaceEvery is how often a full disk is told: the log is often on the same one.
const tellSpaceEvery = 10 * time.Second

// failed is called when a file of the store cannot be read, or tables cannot be written. Space comes back, and the node has handed over
// before; else it ends, and its peers go on: Pebble would try for ever, and what failed once on this disk may fail silently next.
func (l pebbleLog) failed(err error) {
	if !errors.Is(err, unix.ENOSPC) {
		text, _, _ := strings.Cut(err.Error(), "\n")
		l.Fatalf("files of %s fail, so this node stops and its peers go on: %s: look at the disk and its mount, then start the node again. If its files are lost: %s", l.dir, text, l.advice)
		return
	}
	now, last := time.Now().UnixNano(), l.told.Load()
	if now-last >= int64(tellSpaceEvery) && l.told.CompareAndSwap(last, now) {
		l.Errorf("%s cannot be written: %v: make room; it is tried every second, and told every %s", l.dir, err, tellSpaceEvery)
	}
}

// fatal is what is told of a fatal error. Of a damaged file Pebble tells its first and last key too, which are rows of ours, and stacks.
func (l pebbleLog) fatal(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if keys, details := strings.Index(text, "; bounds: "), strings.LastIndex(text, "; details: "); keys >= 0 && keys < details {
		text = text[:keys] + text[details:]
	}
	switch {
	case strings.Contains(text, "corruption"):
		text += ": " + l.advice
	case strings.Contains(text, unix.ENOSPC.Error()):
		text += ": this node stops, and its peers go on. Nothing that it confirmed is lost: make room on the disk of " + l.dir + ", more than 1 GiB and 5 %, and start the node again"
	}
	return text
}
