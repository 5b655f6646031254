package operator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// newShares lets the daemon make shares, shows them or writes them to files, and gives one that proves that they were
// kept. Nothing is in force yet.
func newShares(cmd *cobra.Command, c *Client, kind string, shares, threshold int, dir string) (typed string, err error) {
	if dir == "" && !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", errors.New("no terminal: name a folder for the new shares (see --help)")
	}
	var a struct {
		Shares []string
		Needed int
	}
	args := map[string]any{"kind": kind, "shares": shares, "threshold": threshold}
	if err := c.Post(cmd.Context(), "/shares", args, &a); err != nil {
		return "", err
	}
	if dir != "" {
		return writeShares(kind, a.Shares, dir)
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "New %s shares, any %d of which open the vault. Give each to another person; none is shown again:\n  %s\n", kind, a.Needed, strings.Join(a.Shares, "\n  "))
	fmt.Fprintln(out, "The old shares stay in force until you type one of the new ones.")
	return shareLines(cmd)()
}

// writeShares writes one file for each share, and reads one back from the disk. It replaces no file: it may be a share in
// force. What it has written before it fails goes again: a share that is none would be kept for one.
func writeShares(kind string, shares []string, dir string) (typed string, err error) {
	var made []string
	defer func() {
		if err != nil {
			for _, name := range made {
				err = errors.Join(err, os.Remove(name))
			}
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("write the shares: %w", err)
	}
	path := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%s-%d", kind, i+1)) }
	for i, s := range shares {
		f, err := os.OpenFile(path(i), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("write the shares: %s exists, and may be a share in force: name another folder", path(i))
		}
		if err != nil {
			return "", fmt.Errorf("write the shares: %w", err)
		}
		made = append(made, path(i))
		_, err = f.WriteString(s + "\n")
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return "", fmt.Errorf("write the shares: %w", err)
		}
	}
	b, err := os.ReadFile(path(0))
	if err != nil {
		return "", fmt.Errorf("read a share back: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}
