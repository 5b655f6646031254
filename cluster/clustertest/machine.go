package clustertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"

	"github.com/hashicorp/raft"

	"cofre/cluster/raftnode"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
)

// Set is the one command of Machine: it writes a register.
type Set struct {
	Key   string `cbor:"key"`
	Value string `cbor:"value"`
}

// SetKind names it.
const SetKind command.Kind = "register.set"

// content is what a state directory holds.
type content struct {
	Position raftnode.Position
	Rows     map[string]string
	Answers  map[string]command.Result // by command id
	Count    uint64                    // commands that changed something
}

func (c content) clone() content {
	c.Rows, c.Answers = maps.Clone(c.Rows), maps.Clone(c.Answers)
	return c
}

// Disk is what survives a crash of a Machine.
type Disk struct {
	mu      sync.Mutex // guards the fields
	dirs    map[string]content
	current string
	serial  int
}

// NewDisk is an empty disk.
func NewDisk() *Disk {
	return &Disk{dirs: map[string]content{"first": empty()}, current: "first"}
}

func empty() content {
	return content{Rows: map[string]string{}, Answers: map[string]command.Result{}}
}

// Dirs counts the state directories.
func (d *Disk) Dirs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.dirs)
}

// Machine is a small replicated state with the life of the real one: rows are lost at a crash unless flushed, states are
// built aside and flipped, commands are applied once by their id.
type Machine struct {
	disk *Disk

	mu      sync.Mutex // guards what follows
	live    content
	dir     string
	changed chan struct{}
	Entries int // command entries applied by this process
	Repeats int // commands that came again
	Builds  int
	dead    bool
	held    chan struct{} // what is applied waits until it is closed; nil: it does not
}

// Hold lets this machine lag behind what is committed until let is called.
func (m *Machine) Hold() (let func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	held := make(chan struct{})
	m.held = held
	return func() { close(held) }
}

// Open starts a machine from what is on the disk.
func Open(d *Disk) *Machine {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &Machine{disk: d, live: d.dirs[d.current].clone(), dir: d.current, changed: make(chan struct{})}
}

// Apply applies one entry.
func (m *Machine) Apply(l *raft.Log) any { return m.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch applies entries in order.
func (m *Machine) ApplyBatch(logs []*raft.Log) []any {
	m.mu.Lock()
	held := m.held
	m.mu.Unlock()
	if held != nil {
		<-held
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]any, len(logs))
	for i, l := range logs {
		if l.Index <= m.live.Position.Index {
			continue
		}
		switch l.Type {
		case raft.LogConfiguration:
			m.live.Position.Configuration, m.live.Position.ConfigurationIndex = bytes.Clone(l.Data), l.Index
		case raft.LogCommand:
			out[i] = m.entry(l)
		}
		m.live.Position.Index, m.live.Position.Term = l.Index, l.Term
	}
	m.wake()
	return out
}

func (m *Machine) entry(l *raft.Log) []command.Result {
	var e command.Entry
	if err := codec.Decode(l.Data, &e); err != nil {
		panic(err)
	}
	m.Entries++
	results := make([]command.Result, len(e.Commands))
	for i, c := range e.Commands {
		id := c.ID.String()
		if a, ok := m.live.Answers[id]; ok {
			m.Repeats++
			results[i] = a
			continue
		}
		if c.Term != 0 && c.Term != l.Term {
			results[i] = command.Result{Index: l.Index, Err: model.Errorf(model.Fenced, "term %d", c.Term)}
			continue
		}
		var s Set
		if err := codec.Decode(c.Payload, &s); err != nil {
			panic(err)
		}
		m.live.Rows[s.Key] = s.Value
		m.live.Count++
		results[i] = command.Result{Index: l.Index, Body: codec.MustEncode(fmt.Sprint(m.live.Count))}
		m.live.Answers[id] = results[i]
	}
	return results
}

func (m *Machine) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// Get reads a register.
func (m *Machine) Get(key string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live.Rows[key]
}

// Count is how many commands changed something.
func (m *Machine) Count() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live.Count
}

// Seen tells how many entries and repeated commands this process applied, and how many states it built.
func (m *Machine) Seen() (entries, repeats, builds int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Entries, m.Repeats, m.Builds
}

// Applied is the newest index.
func (m *Machine) Applied() uint64 { return m.Position().Index }

// Wait waits for an index.
func (m *Machine) Wait(ctx context.Context, index uint64) error {
	for {
		m.mu.Lock()
		have, changed := m.live.Position.Index, m.changed
		m.mu.Unlock()
		if have >= index {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Flush puts the rows on the disk.
func (m *Machine) Flush() error {
	m.mu.Lock()
	c, dir, dead := m.live.clone(), m.dir, m.dead
	m.mu.Unlock()
	if dead {
		return ErrCrashed
	}
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	if _, ok := m.disk.dirs[dir]; !ok {
		return fmt.Errorf("the directory %s is gone", dir)
	}
	m.disk.dirs[dir] = c
	return nil
}

// Kill lets the machine lose what it did not flush.
func (m *Machine) Kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
}

// Position is the position of the rows.
func (m *Machine) Position() raftnode.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live.Position
}

type stream struct {
	*bytes.Reader
	pos  raftnode.Position
	size int64
}

func (s stream) Position() raftnode.Position { return s.pos }
func (s stream) Size() int64                 { return s.size }
func (s stream) Close() error                { return nil }

// Open pins the rows.
func (m *Machine) Open() (raftnode.Stream, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := codec.MustEncode(m.live)
	return stream{bytes.NewReader(b), m.live.Position, int64(len(b))}, nil
}

// Build makes a directory of a stream.
func (m *Machine) Build(r io.Reader) (string, uint64, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return "", 0, err
	}
	c := empty()
	if err := codec.Decode(b, &c); err != nil {
		return "", 0, err
	}
	m.mu.Lock()
	m.Builds++
	m.mu.Unlock()
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	m.disk.serial++
	dir := fmt.Sprintf("%d-%d", c.Position.Index, m.disk.serial)
	m.disk.dirs[dir] = c
	return dir, c.Position.Index, nil
}

// Flip uses a built directory.
func (m *Machine) Flip(dir string) error {
	m.disk.mu.Lock()
	c, ok := m.disk.dirs[dir]
	if ok {
		m.disk.current = dir
	}
	m.disk.mu.Unlock()
	if !ok {
		return fmt.Errorf("no state directory %s", dir)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dir != dir {
		m.live, m.dir = c.clone(), dir
		m.wake()
	}
	return nil
}

// Directory is the one in use.
func (m *Machine) Directory() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dir
}

// Reap removes the others.
func (m *Machine) Reap(keep ...string) error {
	dir := m.Directory()
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	kept := map[string]bool{dir: true}
	for _, k := range keep {
		kept[k] = true
	}
	for d := range m.disk.dirs {
		if !kept[d] {
			delete(m.disk.dirs, d)
		}
	}
	return nil
}

// Level is 1.
func (m *Machine) Level() uint16 { return 1 }

// Snapshot makes the rows durable when it is persisted.
func (m *Machine) Snapshot() (raft.FSMSnapshot, error) { return flushing{m}, nil }

type flushing struct{ m *Machine }

func (f flushing) Persist(sink raft.SnapshotSink) error {
	if err := f.m.Flush(); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

func (flushing) Release() {}

// Restore follows a pointer.
func (m *Machine) Restore(r io.ReadCloser) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	dir, ok := bytes.CutPrefix(b, []byte(raftnode.PointerLine))
	if !ok {
		return errors.New("not a pointer")
	}
	return m.Flip(string(bytes.TrimSuffix(dir, []byte("\n"))))
}
