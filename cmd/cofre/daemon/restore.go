package daemon

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"cofre/cluster/backup"
	"cofre/cluster/peer"
	"cofre/cluster/raftnode"
	"cofre/fsm"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	fsmkeyring "cofre/fsm/keyring"
	"cofre/fsm/model"
	fsmnode "cofre/fsm/node"
	"cofre/vault/disk"
	"cofre/vault/keyring"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

// RestoreArgs begin the body of a restore, one line of JSON. The backup itself follows.
type RestoreArgs struct {
	Shares      []string `json:"shares"`
	OldNodesOff bool     `json:"old_nodes_off"` // a person says so
}

// Restored is what a restore came to.
type Restored struct {
	Cluster     string `json:"cluster"`
	Node        string `json:"node"`
	Fingerprint string `json:"fingerprint"`
	Backup      string `json:"backup"` // its moment
	Removed     int    `json:"removed_nodes"`
	Changes     int    `json:"changes_due"`
	Verify      int    `json:"verifications_due"`
	Waiting     int    `json:"operations_waiting"`
	AtWork      int    `json:"operations_at_work"`
	API         string `json:"api"`
}

// operateRestore reads the arguments and hands on the rest of the body as the file.
func (d *Daemon) operateRestore(w http.ResponseWriter, r *http.Request) {
	who, ok := operatorOf(r)
	if !ok {
		answer(w, nil, errOperator)
		return
	}
	in := bufio.NewReaderSize(r.Body, maxSocketBody)
	line, err := in.ReadSlice('\n')
	defer clear(line)
	var a RestoreArgs
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil {
		answer(w, nil, model.Errorf(model.Invalid, "the request does not begin with its arguments in one line"))
		return
	}
	var shares []secret.Value
	for _, s := range a.Shares {
		shares = append(shares, secret.New([]byte(s)))
	}
	defer func() {
		for _, s := range shares {
			s.Wipe()
		}
	}()
	if !a.OldNodesOff {
		answer(w, nil, model.Errorf(model.Invalid, "nobody says that the old nodes are off"))
		return
	}
	out, err := d.restore(r.Context(), who, shares, in)
	answer(w, out, err)
}

// restore makes this node, which must be empty, the only member of the cluster that a backup holds. Whatever fails leaves it empty.
func (d *Daemon) restore(ctx context.Context, who model.Actor, shares []secret.Value, file io.Reader) (_ *Restored, err error) {
	if !d.entering.TryLock() {
		return nil, errEntering
	}
	defer d.entering.Unlock()
	if m, err := d.current(); err == nil {
		return nil, m.belongs()
	}
	if err := d.mustBeEmpty(); err != nil {
		return nil, err
	}
	if err := canServe(ctx, d.config); err != nil {
		return nil, err
	}
	f, err := backup.Open(file)
	if err != nil {
		return nil, err
	}
	if dev := f.Header.Ring.Dev; dev != d.config.Dev {
		return nil, model.Errorf(model.Invalid, "practice clusters and others do not mix: the backup is of one with dev: %t, this node has dev: %t", dev, d.config.Dev)
	}
	root, err := f.Header.Root(shares)
	if err != nil {
		return nil, err
	}
	defer root.Wipe()
	key, err := d.makeKeys()
	if err != nil {
		return nil, err
	}
	began := false // from when on the directory is a cluster's
	defer func() {
		if err != nil && !began {
			err = errors.Join(err, d.emptyAgain())
		}
	}()
	r := &restoring{d: d, key: key, root: root}
	if err := r.build(ctx, f, who); err != nil {
		return nil, err
	}
	if err := keepRoot(ctx, d.config, root); err != nil {
		return nil, errors.Join(err, closeRing(r.ring))
	}
	if err := d.saveIdentity(r.id, key); err != nil {
		return nil, errors.Join(err, closeRing(r.ring))
	}
	began = true
	m, err := d.newMember(r.id, key)
	if err != nil {
		return nil, err
	}
	m.keys.Install(r.ring)
	if err := d.start(m); err != nil {
		return nil, err
	}
	m.announce(ctx)
	_, _ = m.reader.ReadIndex(ctx) // as after founding: the API serves from the first consistent read on
	return &Restored{
		Cluster: string(f.Header.Cluster), Node: d.config.Node, Fingerprint: model.Fingerprint(r.id.PublicKey()), Backup: f.Header.At.String(), API: "https://" + d.config.API.Advertise,
		Removed: r.told.Removed, Changes: r.told.Changes, Verify: r.told.Verifications, Waiting: r.told.Waiting, AtWork: r.told.AtWork,
	}, nil
}

// restoring is one restore on its way.
type restoring struct {
	d    *Daemon
	key  disk.Key
	root secret.Value

	ring *keyring.Ring
	id   *peer.Identity
	told fsmkeyring.RestoreResult
}

// build makes state and log of the node.
func (r *restoring) build(ctx context.Context, f *backup.File, who model.Actor) (err error) {
	registry, err := verbs()
	if err != nil {
		return err
	}
	m := &member{config: r.d.config, log: r.d.log, diskKey: r.key}
	defer func() {
		if m.fsm != nil {
			err = errors.Join(err, m.fsm.Close())
		}
		if m.logs != nil {
			err = errors.Join(err, m.logs.Close())
		}
		if err != nil && r.ring != nil {
			r.ring.Close()
		}
	}()
	if err := m.openStores(model.NodeID(r.d.config.Node), registry); err != nil {
		return err
	}
	if err := load(m.fsm, f, r.root, func() bool { return diskLow(r.d.config.DataDir) }); err != nil {
		return err
	}
	row, ok := m.ring()
	if !ok {
		return model.Errorf(model.Invalid, "the backup holds no cluster")
	}
	if row.Shamir == nil && r.d.config.Seal == shamir.Name {
		return model.Errorf(model.Invalid, "this cluster is not opened by unseal shares: give this node another seal (key seal)")
	}
	if r.ring, err = keyring.Open(row, r.root); err != nil {
		return err
	}
	if r.id, err = r.d.firstIdentity(row, r.ring, &founded{Cluster: row.Cluster}); err != nil {
		return err
	}
	if err := allSilent(ctx, row, m.rows()); err != nil {
		return err
	}
	return r.seed(m, f.Header.At, who)
}

// load puts the state of the file into use, once the whole file was read and is as it was written.
func load(to *fsm.FSM, f *backup.File, root secret.Value, low func() bool) error {
	state, err := f.State(root)
	if err != nil {
		return err
	}
	stream := &sparing{Reader: state, low: low}
	dir, _, err := to.Build(stream)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, stream); err != nil {
		return err
	}
	return to.Flip(dir)
}

// sparing ends a reader whose content goes to a disk before that is full: a store waits for ever for space, and with it the person.
type sparing struct {
	io.Reader
	low  func() bool
	next int // bytes until it looks
}

// spared is how much goes to the disk between two looks at it, far less than what is kept free.
const spared = 16 << 20

// Read fails once the disk is nearly full.
func (s *sparing) Read(p []byte) (int, error) {
	if s.next <= 0 {
		if s.low() {
			return 0, errNoSpace
		}
		s.next = spared
	}
	n, err := s.Reader.Read(p)
	s.next -= n
	return n, err
}

// seed applies the first commands of the new life and makes the node the only voter.
func (r *restoring) seed(m *member, backup model.Time, who model.Actor) error {
	now, then := model.TimeOf(time.Now()), m.stateTime()
	if now < then.Add(-time.Minute) {
		return model.Errorf(model.Invalid, "the clock of this machine shows %s, the backup is of %s: correct the clock", now, then)
	}
	self, err := r.d.selfRow(r.id)
	if err != nil {
		return err
	}
	var entries []command.Entry
	if now > then {
		entries = append(entries, entryOf(now, r.id.Node, nodeActor, fsmnode.AdvanceClock, fsmnode.ClockArgs{To: now}))
	}
	entries = append(entries, entryOf(now, r.id.Node, who, fsmkeyring.Restore, fsmkeyring.RestoreArgs{Node: self, Backup: backup}))
	records, err := raftnode.Folder(filepath.Join(r.d.config.DataDir, "raft", "snapshots"))
	if err != nil {
		return err
	}
	answers, err := raftnode.Seed(records, m.logs, machine{m.fsm}, r.id.Node, r.d.config.Peer.Advertise, entries...)
	if err != nil {
		return err
	}
	for _, a := range answers {
		if a.Err != nil {
			return a.Err
		}
	}
	return codec.Decode(answers[len(answers)-1].Body, &r.told)
}

// entryOf is a log entry of one command.
func entryOf[A, R any](at model.Time, node model.NodeID, who model.Actor, def command.Def[A, R], args A) command.Entry {
	e := command.Envelope{Kind: def.Kind(), Version: def.Version(), Made: at, Node: node, Actor: who, Payload: codec.MustEncode(&args)}
	_, _ = rand.Read(e.ID[:])
	return command.Entry{At: at, Commands: []command.Envelope{e}}
}

// allSilent refuses while a node of before answers: two clusters would change the same passwords, each not knowing what the other did.
func allSilent(ctx context.Context, row model.Keyring, nodes []model.Node) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var alive []string
	found := make(chan string, len(nodes))
	var g errgroup.Group
	for _, n := range nodes {
		if n.State == model.NodeRemoved {
			continue
		}
		g.Go(func() error {
			for _, ca := range peer.DecodePEM(row.CA) {
				if c, err := peer.Join(ctx, nil, n.Peer, row.Cluster, peer.Hash(ca)); err == nil {
					_ = c.Close() // that it answers is all
					found <- fmt.Sprintf("%s at %s", n.ID, n.Peer)
					break
				}
			}
			return nil
		})
	}
	_ = g.Wait() // nobody fails
	close(found)
	for n := range found {
		alive = append(alive, n)
	}
	if len(alive) > 0 {
		return model.Errorf(model.Conflict, "the cluster is alive: %s answers. Two of them would change the same passwords: switch the old nodes off, for ever", strings.Join(alive, ", "))
	}
	return nil
}
