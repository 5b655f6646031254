// Package fsmtest runs reducers from data-driven text and proves that replays are deterministic. Tests only.
//
// A script holds steps separated by blank lines. A step is a header line, an optional JSON body (keys are the CBOR field
// names; a string "hex:..." is bytes; "$name" is a captured value), a line "----" and the expected output:
//
//	credential.checkout actor=client:admin node=n2 at=+5s capture=row:row
//	{"credential": "$cred"}
//	----
//	ok {...}
//	event credential.read credential=... number=1
//
// Besides commands there are the steps "dump TABLE" and "restart". Run with -rewrite to write the outputs anew.
package fsmtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"cofre/fsm"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/table"
)

var rewrite = flag.Bool("rewrite", false, "write the expected outputs of data-driven tests anew")

// Start is the time at which every script begins.
var Start = model.TimeOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

// Run executes every script that matches the pattern, then replays its log: in one batch, and with a snapshot and restore
// in the middle. The states must be equal to the byte.
func Run(t *testing.T, pattern string) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts match %s (%v)", pattern, err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			in, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			s := &script{t: t, machine: Open(t), now: Start, vars: map[string]string{}}
			out := s.run(string(in))
			if *rewrite {
				if err := os.WriteFile(f, []byte(out), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(in), out); diff != "" {
				t.Errorf("%s (-want +got; -rewrite accepts):\n%s", f, diff)
			}
			Replay(t, s.machine, s.log)
		})
	}
}

// Open opens an empty machine in a directory of the test.
func Open(t testing.TB) *fsm.FSM {
	t.Helper()
	r, err := fsm.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	m, err := fsm.Open(t.TempDir(), r, table.Options{Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(f string, a ...any) {
	panic(fmt.Sprintf(f, a...))
}

// Replay applies a log again in other ways and compares the logical dumps and hashes with the machine that made it.
func Replay(t *testing.T, want *fsm.FSM, log []*raft.Log) {
	t.Helper()
	whole := Open(t)
	whole.ApplyBatch(log)
	half := Open(t)
	half.ApplyBatch(log[:len(log)/2])
	stream, err := half.Open()
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, stream)
	if err := errors.Join(err, stream.Close()); err != nil || n != stream.Size() {
		t.Fatalf("stream of %d bytes announced %d: %v", n, stream.Size(), err)
	}
	if stream, err = half.Open(); err != nil {
		t.Fatal(err)
	}
	restored := Open(t)
	if err := restored.Restore(stream); err != nil {
		t.Fatal(err)
	}
	restored.ApplyBatch(log) // entries below the snapshot are skipped
	for name, m := range map[string]*fsm.FSM{"one batch": whole, "snapshot in the middle": restored} {
		if diff := cmp.Diff(Dump(want), Dump(m)); diff != "" {
			t.Errorf("replay (%s) differs (-first +replay):\n%s", name, diff)
		}
		v := m.View()
		if v.StateHash() != v.Scrub() {
			t.Errorf("replay (%s): the rolling hash is not the hash of the rows", name)
		}
		v.Close()
	}
}

// Dump lists every row of every table as readable text.
func Dump(m *fsm.FSM) string {
	v := m.View()
	defer v.Close()
	var b strings.Builder
	fmt.Fprintf(&b, "hash %x\n", v.StateHash())
	v.Rows(func(t table.Erased, key, value []byte) bool {
		fmt.Fprintf(&b, "%s %q %s\n", t.Name(), key, Text(value))
		return true
	})
	return b.String()
}

// Text shows CBOR as JSON.
func Text(raw []byte) string {
	if len(raw) == 0 {
		return ""
	}
	var v any
	if err := codec.Decode(raw, &v); err != nil {
		return "undecodable: " + err.Error()
	}
	j, err := json.Marshal(readable(v))
	if err != nil {
		return "unprintable: " + err.Error()
	}
	return string(j)
}

func readable(v any) any {
	switch v := v.(type) {
	case map[any]any:
		m := map[string]any{}
		for k, e := range v {
			m[fmt.Sprint(k)] = readable(e)
		}
		return m
	case []any:
		for i := range v {
			v[i] = readable(v[i])
		}
		return v
	case []byte:
		return "hex:" + hex.EncodeToString(v)
	}
	return v
}

// ID gives the n-th command id of a test.
func ID(n int) command.ID {
	sum := sha256.Sum256(fmt.Append(nil, "command ", n))
	return command.ID(sum[:16])
}

// Encode turns JSON into the CBOR of command arguments.
func Encode(body string, vars map[string]string) (codec.Raw, error) {
	for k, v := range vars {
		body = strings.ReplaceAll(body, `"$`+k+`"`, v)
	}
	d := json.NewDecoder(bytes.NewReader([]byte(body)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("body %s: %w", body, err)
	}
	e, err := plain(v)
	if err != nil {
		return nil, err
	}
	return codec.Encode(e)
}

func plain(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			if v[k], err = plain(v[k]); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = plain(v[i]); err != nil {
				return nil, err
			}
		}
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			return nil, fmt.Errorf("not a whole number: %s", v)
		}
		return n, nil
	case string:
		if h, ok := strings.CutPrefix(v, "hex:"); ok {
			return hex.DecodeString(h)
		}
	}
	return v, nil
}
