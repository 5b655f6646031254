package api

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
)

// shortest is the length in bytes below which a value is not masked: every other word would be.
const shortest = 4

// masker replaces values in a stream, also where the program writes them in pieces. It holds back only what may be the
// beginning of a value.
type masker struct {
	to     io.Writer
	values [][]byte // longest first: a value may hold another one

	mu   sync.Mutex // guards held
	held []byte
}

// newMasker masks the values, and each line of a value of several lines.
func newMasker(to io.Writer, values []string) *masker {
	m := &masker{to: to}
	for _, v := range values {
		for _, l := range append(strings.FieldsFunc(v, func(r rune) bool { return r == '\r' || r == '\n' }), v) {
			if len(l) >= shortest {
				m.values = append(m.values, []byte(l))
			}
		}
	}
	slices.SortFunc(m.values, func(a, b []byte) int { return len(b) - len(a) })
	return m
}

func (m *masker) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = append(m.held, p...)
	return len(p), m.flush(false)
}

// Close writes what was held back.
func (m *masker) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.flush(true)
}

// flush masks and writes all that cannot change any more.
func (m *masker) flush(all bool) error {
	var out []byte
	at := 0
scan:
	for at < len(m.held) {
		rest := m.held[at:]
		for _, v := range m.values {
			if bytes.HasPrefix(rest, v) {
				out = append(out, "***"...)
				at += len(v)
				continue scan
			}
			if !all && len(rest) < len(v) && bytes.HasPrefix(v, rest) {
				break scan // may become this value
			}
		}
		out = append(out, m.held[at])
		at++
	}
	m.held = append(m.held[:0], m.held[at:]...)
	if len(out) == 0 {
		return nil
	}
	_, err := m.to.Write(out)
	return err
}
