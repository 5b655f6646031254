package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// logStores compares the floor on raft-boltdb with the floor on raft-wal and on Cofre's own log store, in alternating bursts.
func logStores(ctx context.Context, bolt *floor, dir string, o options) (err error) {
	log, err := newFloor(dir, onWAL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.close()) }()
	own, err := newFloor(filepath.Join(dir, "pebble"), onPebble)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.close()) }()
	fmt.Printf("| log store | clients | a second | p50 / p99 ms | / raft-boltdb |\n|---|---|---|---|---|\n")
	for text := range strings.SplitSeq(o.clients, ",") {
		clients, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		lines := []measured{{name: "raft-boltdb", clients: clients}, {name: "raft-wal", clients: clients}, {name: "cofre's, on Pebble", clients: clients}}
		for range o.repeats {
			for i, f := range []*floor{bolt, log, own} {
				one, err := burst(ctx, clients, o.burst, f.apply)
				if err != nil {
					return fmt.Errorf("%s with %d clients: %w", lines[i].name, clients, err)
				}
				lines[i].samples = append(lines[i].samples, one)
			}
		}
		for i := range lines {
			l := &lines[i]
			fmt.Printf("| %s | %d | %.0f | %s | %.2f |\n", l.name, clients, l.rate(), l.latency(), l.rate()/lines[0].rate())
		}
	}
	return nil
}
