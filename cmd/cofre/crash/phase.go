package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// phase is how far an operation was when a fault hit it.
type phase string

const (
	none      phase = "no operation"
	leased    phase = "leased, nothing begun"
	begun     phase = "begin committed, no effect yet"
	effective phase = "effect, finish not committed"
	settling  phase = "settling"
)

// counts tells whether a fault in this phase counts (RULES 12): it hit a running operation.
func (p phase) counts() bool { return p == begun || p == effective || p == settling }

// phase finds where an operation stood at a moment, by its history and by what its target saw.
func (m *matrix) phase(o *op, at time.Time) phase {
	state, since := "", time.Time{}
	for _, t := range o.History {
		if t.At.After(at) {
			break
		}
		state, since = t.To, t.At
	}
	switch state {
	case "leased":
		return leased
	case "settling":
		return settling
	case "running":
		if m.targets.effect(o.Credential.Username, since, at) {
			return effective
		}
		return begun
	}
	return none
}

// holder tells which node held an operation at a moment.
func holder(o *op, at time.Time) string {
	node := ""
	for _, t := range o.History {
		if t.At.After(at) {
			break
		}
		if t.Event == "granted" {
			node = t.Node
		}
	}
	return node
}

// classify finds what each fault hit: operations on the struck node, and all of them if it led.
func (m *matrix) classify(faults []*fault, ops []op) {
	for _, f := range faults {
		f.phase = none
		for i := range ops {
			o := &ops[i]
			p := m.phase(o, f.at)
			if p == none || !f.led && holder(o, f.at) != f.node {
				continue
			}
			f.others[p]++
			if o.Number == f.aimed || f.phase == none || f.phase == leased {
				f.phase = p
			}
		}
	}
}

func counted(faults []*fault) int {
	n := 0
	for _, f := range faults {
		if f.phase.counts() {
			n++
		}
	}
	return n
}

// summary prints what was struck, how, and when.
func (m *matrix) summary() {
	phases, kinds, hits := map[string]int{}, map[string]int{}, map[string]int{}
	led := 0
	for _, f := range m.struck {
		phases[string(f.phase)]++
		if f.phase.counts() {
			kinds[f.kind]++
			if f.led {
				led++
			}
		}
		for p, n := range f.others {
			hits[string(p)] += n
		}
	}
	table := func(title string, counts map[string]int) {
		total := 0
		for _, n := range counts {
			total += n
		}
		fmt.Println(title)
		for _, k := range slices.Sorted(maps.Keys(counts)) {
			fmt.Printf("  %-40s %6d  %3d %%\n", k, counts[k], 100*counts[k]/max(1, total))
		}
	}
	table("faults by the phase of the operation aimed at (or another one that was hit); the first two of these four do not count: "+strings.Join([]string{string(none), string(leased)}, ", "), phases)
	table(fmt.Sprintf("counted faults by kind (%d of them hit the leader)", led), kinds)
	fmt.Printf("of the counted faults, %d %% hit between begin committed and the effect, %d %% between the effect and finish committed (wanted: %d %% each)\n", m.share(begun), m.share(effective), least)
	table("operations hit, by phase", hits)
	table("how operations ended", m.outcomes)
}
