// Package dev is `cofre dev`: a practice cluster of real child processes on this machine's loopback addresses, each with a
// data directory of its own, initialized, opened and joined. It is for people and tests; such a cluster is stamped for
// ever, and never becomes a real one.
package dev

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/daemon"
	"cofre/cmd/cofre/operator"
)

// Ready is the file that tells others how to use the cluster. It holds the administrator's keys: mode 0600.
type Ready struct {
	Nodes  []Node `json:"nodes"`
	CAFile string `json:"ca_file"`
	Admin  Admin  `json:"admin"`
}

// Node is one child.
type Node struct {
	ID  string `json:"id"`
	API string `json:"api"`
	PID int    `json:"pid"`
	Dir string `json:"dir"`
}

// Admin are the administrator's keys.
type Admin struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

type options struct {
	nodes    int
	dir      string
	basePort int
	ready    string
	set      []string
}

// Command makes `cofre dev`.
func Command() *cobra.Command {
	o := options{}
	cmd := &cobra.Command{
		Use: "dev", Short: "Run a practice cluster on this machine", Args: cobra.NoArgs,
		Long: `Run a practice cluster: real processes on loopback ports, founded, opened and joined, until SIGINT or SIGTERM. Run it again
on the same folder to go on with the same data. Node i listens on base-port + 3(i-1): API, members, gossip.`,
		Example: "  cofre dev --dir ./practice\n  cofre dev --nodes 3 --dir ./practice --base-port 9100 --ready-file ./practice/ready.json\n  kill -9 PID-OF-n1; cofre dev restart n1 --dir ./practice",
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd, o) },
	}
	cmd.PersistentFlags().StringVar(&o.dir, "dir", "cofre-dev", "folder of the practice cluster")
	f := cmd.Flags()
	f.IntVar(&o.nodes, "nodes", 3, "number of nodes")
	f.IntVar(&o.basePort, "base-port", 9100, "first port")
	f.StringVar(&o.ready, "ready-file", "", "file to write when every node serves (default DIR/ready.json)")
	f.StringArrayVar(&o.set, "set", nil, "setting of every node as key=value, such as slots=4; several times")
	cmd.AddCommand(restartCommand(&o))
	return cmd
}

func run(cmd *cobra.Command, o options) error {
	if o.nodes < 1 || o.nodes > 9 {
		return fmt.Errorf("--nodes %d is not between 1 and 9", o.nodes)
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	o.dir = dir
	if o.ready == "" {
		o.ready = filepath.Join(dir, "ready.json")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create the folder: %w", err)
	}
	if err := os.Remove(o.ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	c := &cluster{options: o, out: cmd.OutOrStdout(), children: map[string]*child{}}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	defer c.stop()
	if _, err := os.Stat(c.data(0)); err == nil {
		c.begun = true
	}
	for i := range o.nodes {
		if err := c.launch(ctx, i); err != nil {
			return err
		}
	}
	if err := c.prepare(ctx); err != nil {
		return err
	}
	if err := c.writeReady(); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "DEV cluster of %d nodes is ready: %s\n", o.nodes, o.ready)
	for _, n := range c.info.Nodes {
		fmt.Fprintf(c.out, "  %s  %s  pid %d\n", n.ID, n.API, n.PID)
	}
	return c.control(ctx)
}

// prepare founds the cluster and joins the others, unless the folder holds a cluster already.
func (c *cluster) prepare(ctx context.Context) error {
	admin := filepath.Join(c.dir, "admin.json")
	c.info.CAFile = filepath.Join(c.dir, "ca.pem")
	if b, err := os.ReadFile(admin); err == nil {
		if err := json.Unmarshal(b, &c.info.Admin); err != nil {
			return fmt.Errorf("read %s: %w", admin, err)
		}
		return c.join(ctx)
	}
	first := operator.NewClient(c.socket(0))
	var a struct {
		CA           string `json:"ca"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	choices := map[string]any{"shares": 5, "threshold": 3, "recovery_shares": 5, "recovery_threshold": 3, "fast_leases": true}
	if err := first.Post(ctx, "/init", choices, &a); err != nil {
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("interrupted while the practice cluster was founded; nobody has its keys, so nothing is in it: remove %s before you run this again (%w)", c.dir, err)
		case c.begun:
			return fmt.Errorf("found the practice cluster: %w; where an earlier run was interrupted before the cluster was ready, nobody has its keys: remove %s and run this again", err, c.dir)
		}
		return fmt.Errorf("found the practice cluster: %w", err)
	}
	c.info.Admin = Admin{a.ClientID, a.ClientSecret}
	if err := os.WriteFile(c.info.CAFile, []byte(a.CA), 0o600); err != nil {
		return err
	}
	if err := writeJSON(admin, c.info.Admin); err != nil {
		return err
	}
	return c.join(ctx)
}

// join lets the nodes enter that are no members yet, and waits until all serve.
func (c *cluster) join(ctx context.Context) error {
	for i := 1; i < c.nodes; i++ {
		if err := c.enter(ctx, i); err != nil {
			return fmt.Errorf("join %s: %w", name(i), err)
		}
	}
	return c.wait(ctx)
}

func (c *cluster) enter(ctx context.Context, i int) error {
	first, node := operator.NewClient(c.socket(0)), operator.NewClient(c.socket(i))
	var s daemon.Status
	if err := node.Get(ctx, "/status", &s); err != nil || s.Initialized {
		return err
	}
	var key struct{ Fingerprint string }
	if err := node.Post(ctx, "/node-key", struct{}{}, &key); err != nil {
		return err
	}
	var t struct{ Token string }
	if err := first.Post(ctx, "/token", map[string]any{"name": name(i), "node_key": key.Fingerprint, "ttl_seconds": 60}, &t); err != nil {
		return err
	}
	return node.Post(ctx, "/join", map[string]string{"text": t.Token}, nil)
}

// wait returns when every node is an open voter and answers applications.
func (c *cluster) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for i := range c.nodes {
		for {
			why := c.serves(ctx, i)
			if why == nil {
				break
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return fmt.Errorf("%s does not serve: %w (see %s)", name(i), why, c.logFile(i))
			}
		}
	}
	return nil
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
