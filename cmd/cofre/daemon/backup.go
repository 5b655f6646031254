package daemon

import (
	"context"
	"io"

	"cofre/cluster/backup"
	"cofre/fsm"
	"cofre/fsm/command"
	fsmkeyring "cofre/fsm/keyring"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	httpbackup "cofre/httpapi/backup"
	"cofre/httpapi/compat"
	"cofre/vault/keyring"
	"cofre/vault/secret"
)

// Backups takes backups of a node's replica.
type Backups struct {
	Proposer command.Proposer
	FSM      *fsm.FSM
	Keys     *keyring.Holder
	Node     model.NodeID
	Version  string
}

// Take commits that a backup is taken, then gives the file of the state at that moment, that event included.
func (b *Backups) Take(ctx context.Context, actor model.Actor) (*compat.File, error) {
	ring, err := b.Keys.Current()
	if err != nil {
		return nil, model.Errorf(model.VaultSealed, "the vault is sealed on this node: open it first, or ask an open one")
	}
	if _, err := command.Propose(ctx, b.Proposer, fsmkeyring.Backup, actor, fsmkeyring.BackupArgs{}); err != nil {
		return nil, err
	}
	stream := b.FSM.OpenUncounted()
	drop := func() { _ = stream.Close() } // a reader's end
	file, err := b.file(stream, ring.WithRoot)
	if err != nil {
		drop()
		return nil, err
	}
	return &compat.File{Type: httpbackup.Type, Drop: drop, Write: func(w io.Writer) error { return file.Write(w, stream) }}, nil
}

// file makes the head of the file of a state.
func (b *Backups) file(stream *fsm.Stream, withRoot func(func(secret.Value) error) error) (file *backup.Backup, err error) {
	v := stream.View()
	row, ok := state.Keyring.Get(v, state.SystemKey)
	if !ok {
		return nil, errNoRing
	}
	sys := state.SystemRow(v)
	h := backup.Header{
		Cluster: row.Cluster, At: sys.At, Level: sys.Level, Node: b.Node, Version: b.Version,
		Term: stream.Position().Term, Index: stream.Position().Index, Event: table.TrailHead(v).Seq, Ring: *row,
	}
	err = withRoot(func(root secret.Value) error {
		file, err = backup.New(h, root)
		return err
	})
	if err != nil {
		return nil, model.Errorf(model.Unavailable, "this node is taking over a new root key: try again (%s)", err)
	}
	return file, nil
}
