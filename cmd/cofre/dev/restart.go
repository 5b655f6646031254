package dev

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/operator"
)

func controlSocket(dir string) string { return filepath.Join(dir, "dev.sock") }

// control serves `cofre dev restart` until ctx ends.
func (c *cluster) control(ctx context.Context) error {
	path := controlSocket(c.dir)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("listen for cofre dev restart: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /restart/{node}", func(w http.ResponseWriter, r *http.Request) {
		if err := c.restart(ctx, r.PathValue("node")); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // the client went away
			return
		}
		_, _ = w.Write([]byte("{}"))
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// restart ends a node's process if it still runs, and starts it again on the same data.
func (c *cluster) restart(ctx context.Context, id string) error {
	i, err := strconv.Atoi(strings.TrimPrefix(id, "n"))
	if err != nil || i < 1 || i > c.nodes || name(i-1) != id {
		return fmt.Errorf("there is no node %q: n1 to n%d", id, c.nodes)
	}
	c.mu.Lock()
	ch := c.children[id]
	c.mu.Unlock()
	_ = ch.cmd.Process.Signal(os.Interrupt)
	select {
	case <-ch.done:
	case <-time.After(10 * time.Second):
		_ = ch.cmd.Process.Kill()
		<-ch.done
	}
	if err := c.launch(ctx, i-1); err != nil {
		return err
	}
	return c.writeReady()
}

func restartCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "restart NODE", Short: "Start a node of the running practice cluster again", Args: cobra.ExactArgs(1),
		Example: "  cofre dev restart n2 --dir ./practice",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := filepath.Abs(o.dir)
			if err != nil {
				return err
			}
			if err := operator.NewClient(controlSocket(dir)).Post(cmd.Context(), "/restart/"+args[0], struct{}{}, nil); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s runs again.\n", args[0])
			return nil
		},
	}
}
