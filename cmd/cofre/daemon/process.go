package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// hardenProcess keeps memory out of core dumps and away from debuggers of the same user.
func hardenProcess() error {
	return errors.Join(
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
		unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0),
	)
}

// lockDir lets one process use a data directory.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another cofre server uses %s: %w", dir, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// diskLow tells whether less than 5 % or 1 GiB of the data directory's file system is free (RULES 4).
func diskLow(dir string) bool {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return true
	}
	free, total := s.Bavail*uint64(s.Bsize), s.Blocks*uint64(s.Bsize)
	return free < 1<<30 || free < total/20
}
