package daemon

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

// pebbleLog is Pebble's logger, for one of its stores.
type pebbleLog struct {
	log    *logrus.Logger
	part   string
	advice string        // what to do when files are damaged
	failed *atomic.Int64 // when work in the background was last told to have failed
}

func newPebbleLog(log *logrus.Logger, part, advice string) pebbleLog {
	return pebbleLog{log, part, advice, new(atomic.Int64)}
}

func (l pebbleLog) Infof(f string, a ...any) { l.log.WithField("part", l.part).Debugf(f, a...) }

// diskFull is what a write waits for that finds no space: Pebble would try again a thousand times a second.
func diskFull() { time.Sleep(time.Second) }

// failuresEvery is how often a failure in the background is told: Pebble tries again at once, and the log is often on the same disk.
const failuresEvery = 10 * time.Second

func (l pebbleLog) Errorf(f string, a ...any) {
	text := fmt.Sprintf(f, a...)
	if strings.HasPrefix(text, "background error") {
		now, last := time.Now().UnixNano(), l.failed.Load()
		if now-last < int64(failuresEvery) || !l.failed.CompareAndSwap(last, now) {
			return
		}
		text += " (it is tried again and again, and told every " + failuresEvery.String() + ")"
	}
	l.log.WithField("part", l.part).Error(text)
}

// Fatalf ends the process: a node whose state cannot be read or written acknowledges nothing (RULES 4).
func (l pebbleLog) Fatalf(f string, a ...any) {
	l.log.WithField("part", l.part).Fatal(l.fatal(fmt.Sprintf(f, a...)))
}

// fatal is what is told of a fatal error. Of a damaged file Pebble tells its first and last key too, which are rows of ours, and stacks.
func (l pebbleLog) fatal(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if keys, details := strings.Index(text, "; bounds: "), strings.LastIndex(text, "; details: "); keys >= 0 && keys < details {
		text = text[:keys] + text[details:]
	}
	if strings.Contains(text, "corruption") {
		text += ": " + l.advice
	}
	return text
}
