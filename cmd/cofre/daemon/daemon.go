// Package daemon wires one appliance node together: keys, log, state, cluster, services, listeners, in the order of
// start and stop. It is the composition root; nothing imports it but the command line.
//
// A node has no identity until it founds a cluster (init) or joins one; until then only the operator's socket answers.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"cofre/cluster/peer"
	"cofre/cmd/cofre/config"
	"cofre/vault/disk"
	"cofre/vault/seal/keyfile"
	"cofre/vault/seal/systemdcred"
	"cofre/vault/secret"
)

// Daemon is one running process, with or without a cluster yet.
type Daemon struct {
	config  config.Config
	version string
	log     *logrus.Logger
	group   *errgroup.Group
	ctx     context.Context
	leave   leaving

	entering sync.Mutex // held through init and join: a second one must not overwrite the first one's identity

	mu     sync.Mutex // guards what follows
	member *member    // nil until the node belongs to a cluster
}

// Run serves until ctx ends or something fails that a node cannot go on without.
func Run(ctx context.Context, c config.Config, version string, log *logrus.Logger, ready func()) error {
	if err := hardenProcess(); err != nil {
		log.WithError(err).Warn("the process could not be hardened")
	}
	for _, dir := range []string{c.DataDir, filepath.Dir(c.Socket)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("create %s: %w", dir, err)
		}
	}
	unlock, err := lockDir(c.DataDir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := freeSocket(ctx, c.Socket); err != nil {
		return err
	}
	leave := newLeaving(ctx)
	defer leave.end()
	group, ctx := errgroup.WithContext(ctx)
	d := &Daemon{config: c, version: version, log: log, group: group, ctx: ctx, leave: leave}
	if err := d.resume(); err != nil {
		return err
	}
	group.Go(func() error { return d.serveSocket(ctx) })
	ready()
	err = group.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.member != nil {
		closed := within(closing, d.member.close)
		if errors.Is(closed, errOpen) && errors.Is(err, context.Canceled) {
			return closed
		}
		err = errors.Join(err, closed)
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// closing is how long a node that ends may take to write what stands in memory. A store that cannot be written, because its disk is
// full or gone, waits for ever, and would keep the node from ending until somebody kills it.
const closing = 20 * time.Second

var errOpen = errors.New("the node ends with its stores open, since they cannot be written: is the disk full or gone? What was confirmed stands in the logs of a majority, and what the state lacks is applied again from them")

// within gives what do comes to, or errOpen if it does not end in time. Then the process has to.
func within(limit time.Duration, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }() // ends at the latest with the process
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return errOpen
	}
}

// resume starts the member that this directory holds, if it holds one.
func (d *Daemon) resume() error {
	path := filepath.Join(d.config.DataDir, identityFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := d.lostIdentity(); err != nil {
			return err
		}
		d.log.Info("this node does not belong to a cluster yet: cofre init founds one, cofre cluster join enters one")
		return nil
	}
	if err := d.checkQuarantine(); err != nil {
		return err
	}
	key, err := disk.LoadKeyFile(d.diskKeyPath(), d.config.DataDir)
	if err != nil {
		return d.lostKey(fmt.Errorf("open the disk key: %w", err))
	}
	if err := d.checkSealKey(); err != nil {
		return err
	}
	id, err := loadIdentity(path, key)
	if err != nil {
		return d.damaged(d.lostKey(err))
	}
	if string(id.Node) != d.config.Node {
		return fmt.Errorf("the data directory belongs to node %s, the configuration says %s: correct the key node", id.Node, d.config.Node)
	}
	m, err := d.newMember(id, key)
	if err != nil {
		return d.damaged(err)
	}
	if err := d.checkStamp(m); err != nil {
		return errors.Join(err, m.close())
	}
	return d.start(m)
}

// checkSealKey refuses a seal key that others can read or that lies in the data directory. A lost one is no reason not
// to start: the node comes up sealed and is opened with recovery shares.
func (d *Daemon) checkSealKey() error {
	var v secret.Value
	var err error
	switch d.config.Seal {
	case keyfile.Name:
		v, err = disk.ReadKeyFile(d.sealKeyPath(), d.config.DataDir)
	case systemdcred.Name:
		v, err = systemdcred.ReadKey(os.Getenv("CREDENTIALS_DIRECTORY"), d.config.DataDir)
	default:
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	v.Wipe()
	if err != nil {
		return fmt.Errorf("open the seal key: %w", err)
	}
	return nil
}

func (d *Daemon) start(m *member) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := m.start(d.ctx, d.group, d.leave); err != nil {
		return errors.Join(err, m.close())
	}
	d.member = m
	return nil
}

// current gives the member, or an error that says what to do.
func (d *Daemon) current() (*member, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.member == nil {
		return nil, errNoCluster
	}
	return d.member, nil
}

const (
	identityFile = "identity"
	rootFile     = "root.sealed"
	lockFile     = "lock"
)

func (d *Daemon) diskKeyPath() string { return filepath.Join(d.config.KeyDir, "disk.key") }
func (d *Daemon) sealKeyPath() string { return filepath.Join(d.config.KeyDir, "seal.key") }

// makeKeys creates the key files of a new node; existing ones are kept.
func (d *Daemon) makeKeys() (disk.Key, error) {
	if err := os.MkdirAll(d.config.KeyDir, 0o700); err != nil {
		return disk.Key{}, fmt.Errorf("create the key folder: %w", err)
	}
	paths := []string{d.diskKeyPath()}
	if d.config.Seal == keyfile.Name {
		paths = append(paths, d.sealKeyPath())
	}
	for _, p := range paths {
		if _, err := os.Stat(p); errors.Is(err, fs.ErrNotExist) {
			if err := disk.CreateKeyFile(p, d.config.DataDir); err != nil {
				return disk.Key{}, err
			}
		}
	}
	return disk.LoadKeyFile(d.diskKeyPath(), d.config.DataDir)
}

func loadIdentity(path string, key disk.Key) (*peer.Identity, error) {
	return peer.Load(func() (secret.Value, error) { return disk.OpenFile(path, key, identityFile) })
}

func (d *Daemon) saveIdentity(id *peer.Identity, key disk.Key) error {
	return id.Save(func(v secret.Value) error {
		return disk.SealFile(filepath.Join(d.config.DataDir, identityFile), key, identityFile, v)
	})
}
