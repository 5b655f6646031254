package main

import (
	"context"
	"fmt"
	"strings"

	"cofre/scheduler/sim"
)

// storeFirst is siem.Plant, which exists only in binaries that are built with it.
const storeFirst = "store before send"

// controls builds servers that make a known mistake and demands that the run finds it (RULES 12): otherwise a run that
// loses nothing would prove nothing.
func controls(ctx context.Context, o options) (code int, err error) {
	plants, play := []string{string(sim.DropCandidate), string(sim.RetryBlindly)}, rotations
	if o.audit {
		plants, play = []string{storeFirst}, audit
	}
	for _, p := range plants {
		one, err := o.in(strings.ReplaceAll(p, " ", "-"))
		if err != nil {
			return 2, err
		}
		fmt.Printf("control: servers that %s\n", p)
		one.plant = p
		switch lost, err := play(ctx, one); {
		case err != nil:
			return 2, fmt.Errorf("control %q: %w", p, err)
		case lost == 1:
			fmt.Printf("control %q: found\n", p)
		default:
			fmt.Printf("control %q: NOT FOUND: a run that loses nothing proves nothing\n", p)
			code = 1
		}
	}
	return code, nil
}
