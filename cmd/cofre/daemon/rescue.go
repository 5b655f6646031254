package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"cofre/cluster/backup"
	"cofre/cluster/raftnode"
	"cofre/fsm"
	"cofre/fsm/command"
	fsmkeyring "cofre/fsm/keyring"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
	"cofre/fsm/table/cryptfs"
	httpbackup "cofre/httpapi/backup"
	"cofre/vault/secret"
)

// RescueArgs ask for what a node holds that is left alone (ADR 0038).
type RescueArgs struct {
	MajorityLost bool `json:"majority_lost"` // a person says so
}

// rescue is a copy of the state of a node, on its way out as a backup.
type rescue struct {
	dir    string
	fsm    *fsm.FSM
	stream *fsm.Stream
	file   *backup.Backup
}

// operateRescue answers with the file.
func (d *Daemon) operateRescue(w http.ResponseWriter, req *http.Request) {
	who, ok := operatorOf(req)
	if !ok {
		answer(w, nil, errOperator)
		return
	}
	var a RescueArgs
	dec := json.NewDecoder(http.MaxBytesReader(w, req.Body, maxSocketBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil || !a.MajorityLost {
		answer(w, nil, errors.Join(err, model.Errorf(model.Invalid, "nobody says that the majority is lost")))
		return
	}
	m, err := d.current()
	if err != nil {
		answer(w, nil, err)
		return
	}
	if !m.rescuing.TryLock() {
		answer(w, nil, model.Errorf(model.Conflict, "a rescue is being written at this moment"))
		return
	}
	defer m.rescuing.Unlock()
	r, err := m.rescue(req.Context(), who)
	if err == nil {
		w.Header().Set("Content-Type", httpbackup.Type)
		err = r.file.Write(w, r.stream)
		if left := r.close(); left != nil {
			m.log.WithError(left).Warn("a copy of the state was not removed")
		}
		if err != nil {
			panic(http.ErrAbortHandler) // who reads it finds that it is cut short
		}
		return
	}
	answer(w, nil, err)
}

// rescue copies the state and applies to the copy what the log holds behind it: a password that a target may have got by now stands
// there, confirmed or not. The state in use stays as it is, so that a majority that comes back after all finds the member that it knew.
func (m *member) rescue(ctx context.Context, who model.Actor) (_ *rescue, err error) {
	if m.keys.Sealed() && (!opensItself(m.config) || m.opener.held()) {
		return nil, model.Errorf(model.VaultSealed, "the vault is sealed on this node: open it first (cofre unseal, or cofre recover unseal)")
	}
	soon, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if m.fresh(soon) == nil {
		return nil, model.Errorf(model.Conflict, "a majority lives, and knows more than this node alone: take a backup (cofre backup create), or remove what is lost (cofre cluster remove)")
	}
	r := &rescue{dir: rescueDir(m.config.DataDir)}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if err := r.copy(ctx, m); err != nil {
		return nil, err
	}
	answers, err := raftnode.Replay(m.logs, machine{r.fsm}, func() command.Entry {
		v := r.fsm.View()
		defer v.Close()
		return entryOf(state.SystemRow(v).At, m.id(), who, fsmkeyring.Rescue, fsmkeyring.RescueArgs{Node: m.id()}) // the time of the cluster stood still
	})
	if err != nil {
		return nil, err
	}
	for _, a := range answers {
		if a.Err != nil {
			return nil, a.Err
		}
	}
	r.stream = r.fsm.OpenUncounted()
	b := &Backups{FSM: r.fsm, Keys: m.keys, Node: m.id(), Version: m.version}
	r.file, err = b.file(r.stream, func(fn func(secret.Value) error) error { return m.withRoot(ctx, fn) })
	return r, err
}

// withRoot hands on the root key that this node keeps, also where its vault could not open: without a majority a new process does not
// know how much of its log is confirmed, and may not have come to the keyring.
func (m *member) withRoot(ctx context.Context, fn func(secret.Value) error) error {
	if ring, err := m.keys.Current(); err == nil {
		return ring.WithRoot(fn)
	}
	root, err := unwrapRoot(ctx, m.config)
	if err != nil {
		return err
	}
	defer root.Wipe()
	return fn(root)
}

// rescueDir is where the copy stands while it is written out.
func rescueDir(data string) string { return filepath.Join(data, "rescue") }

func (r *rescue) copy(ctx context.Context, m *member) error {
	registry, err := verbs()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(r.dir); err != nil { // of one that was killed
		return fmt.Errorf("remove the copy of before: %w", err)
	}
	log := newPebbleLog(m.log, "rescue", r.dir, replaceAdvice(m.config))
	if r.fsm, err = fsm.Open(r.dir, registry, table.Options{FS: cryptfs.OnDisk(m.diskKey, diskFull, log.failed), Logger: log, Failed: log.failed}); err != nil {
		return err
	}
	stream := m.fsm.OpenUncounted()
	dir, _, err := r.fsm.Build(&sparing{Reader: asked{ctx, stream}, low: func() bool { return diskLow(m.config.DataDir) }})
	if err = errors.Join(err, stream.Close()); err != nil {
		return err
	}
	return r.fsm.Flip(dir)
}

// asked ends a reader when nobody waits for what is read any more: the daemon ends, or the command was interrupted.
type asked struct {
	ctx context.Context
	io.Reader
}

// Read fails once ctx has ended.
func (a asked) Read(p []byte) (int, error) {
	if err := a.ctx.Err(); err != nil {
		return 0, err
	}
	return a.Reader.Read(p)
}

func (r *rescue) close() error {
	var errs []error
	if r.stream != nil {
		_ = r.stream.Close() // a reader's end
	}
	if r.fsm != nil {
		errs = append(errs, r.fsm.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(r.dir))...)
}
