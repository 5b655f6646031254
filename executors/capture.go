package executors

import (
	"fmt"
	"strings"
	"sync"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// captureEnd is how much of the end of a long output is kept.
const captureEnd = model.MaxCaptured - model.CaptureStart

// Capture keeps what a target says in one attempt, for who debugs a template; a transcript never holds it. All that executors know to
// be secret is taken out. Nil takes nothing.
type Capture struct {
	red Redactor

	mu    sync.Mutex // guards the other fields
	start []byte
	end   []byte
	bytes int
}

// Hear takes output of the target; executors call it with all that a person could learn from.
func (c *Capture) Hear(b []byte) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += len(b)
	n := min(len(b), model.CaptureStart-len(c.start))
	c.start, b = append(c.start, b[:n]...), b[n:]
	if c.end = append(c.end, b...); len(c.end) > 2*captureEnd {
		c.end = append(c.end[:0], c.end[len(c.end)-captureEnd:]...)
	}
}

// Output gives what was kept, and of how many bytes; it forgets them. A text with a short secret beside it is hidden whole, as the
// Redactor does.
func (c *Capture) Output() (kept secret.Value, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end := c.end[max(0, len(c.end)-captureEnd):]
	text := string(c.start)
	if out := c.bytes - len(c.start) - len(end); out > 0 {
		text += fmt.Sprintf("\n[%d bytes are left out]\n", out)
	}
	text += string(end)
	clear(c.start)
	clear(c.end)
	bytes, c.start, c.end, c.bytes = c.bytes, nil, nil, 0
	text = strings.ToValidUTF8(c.red.Verbatim(text), "?")
	return secret.New([]byte(text[:min(len(text), model.MaxCaptured)])), bytes // what stands for a secret may be longer than that
}
