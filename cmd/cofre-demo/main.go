// Command cofre-demo shows the main job on this machine, without root and without any server installed: a practice cluster
// of three nodes, a practice SSH server, and a password that is changed on it while the leader dies. It is not part of the
// shipped binary.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type options struct {
	cofre    string
	dir      string
	basePort int
	exit     bool
	stop     bool
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	if len(os.Args) > 1 && os.Args[1] == "ssh" {
		end(serveSSH(ctx, os.Args[2:]))
	}
	var o options
	flag.StringVar(&o.cofre, "cofre", "bin/cofre", "the cofre binary")
	flag.StringVar(&o.dir, "dir", ".cofre-demo", "folder of the practice cluster; it is emptied first")
	flag.IntVar(&o.basePort, "base-port", 9100, "first of the ten loopback ports that are used")
	flag.BoolVar(&o.exit, "exit", false, "leave nothing behind: stop the cluster and remove its folder at the end")
	flag.BoolVar(&o.stop, "stop", false, "stop the cluster that an earlier run left running")
	flag.Parse()
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		end(err)
	}
	o.dir = dir
	if o.stop {
		ended, err := stopAll(o.dir)
		switch {
		case len(ended) > 0:
			fmt.Println("ended:", strings.Join(ended, ", "))
		case err == nil:
			fmt.Println("nothing of", o.dir, "is running")
		}
		end(err)
	}
	ctx, done := context.WithTimeout(ctx, 3*time.Minute)
	defer done()
	end(demo(ctx, o))
}

func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "cofre-demo:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
