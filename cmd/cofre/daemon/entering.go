package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"

	"cofre/cmd/cofre/config"
	"cofre/fsm/model"
	"cofre/vault/disk"
)

// clusterFiles are the names in a data directory that belong to a cluster: what founding and restoring make there, and take away again
// when they fail.
var clusterFiles = []string{"state", "raft", rootFile, identityFile}

// errNoSpace says what a node needs to take anything at all; see diskLow.
var errNoSpace = errors.New("the disk is nearly full: a node needs more than 1 GiB and 5 % of it free, and a restore besides that what the state needs")

// canServe tries what this node will listen on and show to clients, before anything is made. A cluster that is founded by a node
// that then cannot serve is lost: its keys and recovery shares were shown to nobody.
func canServe(ctx context.Context, c config.Config) error {
	var lc net.ListenConfig
	tcp := func(address string) (io.Closer, error) { return lc.Listen(ctx, "tcp", address) }
	udp := func(address string) (io.Closer, error) { return lc.ListenPacket(ctx, "udp", address) }
	var errs []error
	for _, l := range []struct {
		key, address string
		try          func(string) (io.Closer, error)
	}{{"api.listen", c.API.Listen, tcp}, {"peer.listen", c.Peer.Listen, tcp}, {"gossip.listen", c.Gossip.Listen, tcp}, {"gossip.listen", c.Gossip.Listen, udp}, {"metrics", c.Metrics, tcp}} {
		if l.address == "" {
			continue
		}
		open, err := l.try(l.address)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.key, err))
			continue
		}
		defer func() { _ = open.Close() }() // at the end: two keys with one address are found too
	}
	if c.API.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(c.API.CertFile, c.API.KeyFile); err != nil {
			errs = append(errs, fmt.Errorf("api.cert_file: %w", err))
		}
	}
	if diskLow(c.DataDir) {
		errs = append(errs, fmt.Errorf("data_dir: %w", errNoSpace))
	}
	if err := errors.Join(errs...); err != nil {
		return model.Errorf(model.Conflict, "this node could not serve, and nothing was changed; correct its configuration and start the daemon again: %s", err)
	}
	return nil
}

// mustBeEmpty refuses a data directory that holds anything but what this process, or the file system, keeps in every one. Files that
// were being written when an earlier process was killed go: alone they are nobody's, and nobody sees them in a listing.
func (d *Daemon) mustBeEmpty() error {
	entries, err := os.ReadDir(d.config.DataDir)
	if err != nil {
		return fmt.Errorf("look at the data directory: %w", err)
	}
	var left []string
	for _, e := range entries {
		if e.Type().IsRegular() && disk.Leftover(e.Name(), identityFile, pendingFile, rootFile) {
			left = append(left, e.Name())
			continue
		}
		if !slices.Contains([]string{lockFile, pendingFile, "lost+found"}, e.Name()) {
			return model.Errorf(model.Conflict, "%s is not empty: it holds %s. A cluster is founded, entered or restored with an empty directory", d.config.DataDir, e.Name())
		}
	}
	for _, name := range left {
		if err := os.Remove(filepath.Join(d.config.DataDir, name)); err != nil {
			return fmt.Errorf("remove a file that was not written to its end: %w", err)
		}
	}
	return nil
}

// emptyAgain removes what founding or restoring has made before it failed.
func (d *Daemon) emptyAgain() (err error) {
	for _, name := range clusterFiles {
		err = errors.Join(err, os.RemoveAll(filepath.Join(d.config.DataDir, name)))
	}
	return err
}

// belongs says why a node that has an identity founds and enters nothing.
func (m *member) belongs() error {
	if m.unfounded() {
		return model.Errorf(model.Conflict, "%s", unfoundedText(m.config.DataDir))
	}
	return model.Errorf(model.Conflict, "this node belongs to a cluster already, %s: a cluster is founded, entered or restored on a node whose data directory is empty", m.self.Get().Cluster)
}

// unfounded tells that founding began here and was cut off: the node is the only member of a cluster that has no keys, or raft does
// not even know it. Of who entered a cluster raft may not know yet either, but that one was told of other members.
func (m *member) unfounded() bool {
	if _, ok := m.ring(); ok {
		return false
	}
	members, err := m.node.Members()
	if err != nil || len(members) > 1 {
		return false
	}
	if len(members) == 1 {
		return members[0].ID == m.id()
	}
	return len(m.self.Get().Contacts) == 0
}

func unfoundedText(dir string) string {
	return fmt.Sprintf("founding a cluster began here and was cut off before it had keys: stop the daemon, empty %s, start it and run cofre init again", dir)
}
