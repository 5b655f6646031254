package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"cofre/cluster/peer"
	"cofre/cmd/cofre/config"
	"cofre/fsm/model"
	"cofre/vault/disk"
)

// machineFaults are what a person mends on the machine, and the data are as they were.
var machineFaults = []error{fs.ErrPermission, unix.ENOSPC, unix.EDQUOT, unix.EROFS, unix.EMFILE, unix.ENFILE, unix.ENOMEM}

// damaged ends the error of data that this node cannot start with by what to do: nothing in them can be mended here, and the other
// members have it all. An older copy of them is no way out: a node must not forget for whom it voted and what it acknowledged.
func (d *Daemon) damaged(err error) error {
	if err == nil || errors.As(err, new(*model.Error)) || strings.Contains(err.Error(), "cofre cluster remove") { // the log says it already
		return err
	}
	for _, f := range machineFaults {
		if errors.Is(err, f) {
			return err
		}
	}
	return fmt.Errorf("%w: %s", err, replaceAdvice(d.config))
}

func replaceAdvice(c config.Config) string {
	return fmt.Sprintf("remove this node (cofre cluster remove %s, on another member), empty %s and let it join under a new name; if there is no other member, restore a backup (cofre backup restore)", c.Node, c.DataDir)
}

// lostIdentity refuses to start as a node without a cluster on the data of one that was a member: it would seem to be new.
func (d *Daemon) lostIdentity() error {
	for _, name := range clusterFiles {
		_, err := os.Lstat(filepath.Join(d.config.DataDir, name))
		switch {
		case err == nil:
			return fmt.Errorf("%s holds %s but no file %s. If founding or restoring a cluster was cut off here, empty the directory and begin again. If this was a member, its identity is lost: %s",
				d.config.DataDir, name, identityFile, replaceAdvice(d.config))
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("look at the data directory: %w", err)
		}
	}
	return nil
}

// lostLog refuses to start without the log of a node on which raft has run: it would come back under its name, and vote again.
func (m *member) lostLog() error {
	path := filepath.Join(m.config.DataDir, "raft", "log")
	_, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && m.self.Get().Ran:
		return fmt.Errorf("%s is gone, and with it for whom this node voted and what it confirmed. If it lies on a disk of its own, mount that one. If it was deleted: %s", path, replaceAdvice(m.config))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look for the log: %w", err)
	}
	return nil
}

// willRun notes, before raft runs here for the first time, that a log which is not there is lost from now on.
func (m *member) willRun() error {
	if m.self.Get().Ran {
		return nil
	}
	return m.self.Update(m.save, func(id *peer.Identity) { id.Ran = true })
}

// lostKey ends the errors of a disk key that is gone, cut short, or another one.
func (d *Daemon) lostKey(err error) error {
	for _, e := range []error{fs.ErrNotExist, disk.ErrKeyFile, disk.ErrWrongKey} {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: put %s back from a copy; without it nothing in %s can be read: %s", err, d.diskKeyPath(), d.config.DataDir, replaceAdvice(d.config))
		}
	}
	return err
}
