// Package wholefile writes files of commands that are there as a whole or not at all: a backup or an export that was cut off must not
// look like one. It knows nothing of what they hold.
package wholefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// Write writes a file of mode 0600 that appears whole or not at all; - is standard output.
func Write(c *cobra.Command, name string, write func(io.Writer) error) error {
	if name == "-" {
		w := bufio.NewWriter(c.OutOrStdout())
		return errors.Join(write(w), w.Flush())
	}
	f, err := part(name + ".part")
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	err = write(w)
	if err == nil {
		err = errors.Join(w.Flush(), f.Sync())
	}
	if err == nil {
		err = os.Rename(f.Name(), name) // while it is locked
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()), f.Close())
	}
	return errors.Join(f.Close(), syncFolder(filepath.Dir(name)))
}

// part opens a file that is being written, empty, for this process alone. What one that was killed left is written anew.
func part(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	busy := errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK) // some file systems have no locks
	own, err := f.Stat()
	if err == nil {
		var there os.FileInfo
		if there, err = os.Lstat(name); busy || err != nil || !os.SameFile(own, there) { // the other one may just have ended
			err = fmt.Errorf("another process writes %s: wait for it, or name another file", name)
		}
	}
	if err == nil {
		err = errors.Join(f.Chmod(0o600), f.Truncate(0))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// syncFolder makes the names in a folder last.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = nil // the file system does it by itself, or not at all
	}
	return errors.Join(err, d.Close())
}
