package plan

import (
	"cmp"
	"iter"
	"slices"

	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// worker is a node with free slots.
type worker struct {
	node *model.Node
	free []int
}

// lanes counts running operations, and the slots that are there for them.
type lanes struct {
	general    int // operations on a device that says nothing else
	devices    map[model.DeviceID]int
	passing    map[model.DeviceID]int // operations on others that pass through it
	patterns   []reach                // of SSH keys with one
	gates      gates
	executors  map[model.ExecutorName]int
	background int // running operations that nobody waits for
	slots      int // of all nodes that work
}

func (l *lanes) add(o *model.Operation, to reach) {
	if o.Background() {
		l.background++
	}
	l.hold(to)
	l.executors[o.Executor]++
}

// hold takes a lane of each device that is reached or passed.
func (l *lanes) hold(to reach) {
	for _, id := range to.devices {
		l.devices[id]++
	}
	for _, id := range to.hops {
		l.passing[id]++
	}
	if to.pattern != "" {
		l.patterns = append(l.patterns, to)
	}
}

// workersOf lists nodes with free slots and counts the running operations.
func workersOf(r table.Reader, alive func(model.NodeID) bool) ([]*worker, lanes) {
	var workers []*worker
	running := lanes{devices: map[model.DeviceID]int{}, passing: map[model.DeviceID]int{}, executors: map[model.ExecutorName]int{}}
	type slot struct {
		node model.NodeID
		n    int
	}
	used := map[slot]bool{}
	for o := range leased(r) {
		used[slot{o.Lease.Node, o.Lease.Slot}] = true
		key, _ := state.Credentials.Look(r, o.Target.ID)
		running.add(o, running.reachOf(r, o, key))
	}
	for n := range working(r, alive) {
		running.slots += n.Announced.Slots
		w := &worker{node: n}
		for s := range n.Announced.Slots {
			if !used[slot{n.ID, s}] {
				w.free = append(w.free, s)
			}
		}
		if len(w.free) > 0 {
			workers = append(workers, w)
		}
	}
	return workers, running
}

// working lists the nodes that do work: members that are open and alive.
func working(r table.Reader, alive func(model.NodeID) bool) iter.Seq[*model.Node] {
	return func(yield func(*model.Node) bool) {
		for n := range state.Nodes.All(r, "") {
			if n.State == model.NodeApproved && !n.Announced.Sealed && alive(n.ID) && !yield(n) {
				return
			}
		}
	}
}

// atSite tells whether a node reaches a site; "": any does.
func atSite(n *model.Node, site string) bool {
	return len(n.Announced.Sites) == 0 || site == "" || slices.Contains(n.Announced.Sites, site)
}

func pick(workers []*worker, o *model.Operation) *worker {
	fit := slices.Collect(func(yield func(*worker) bool) {
		for _, w := range workers {
			if slices.Contains(w.node.Announced.Executors, o.Executor) && atSite(w.node, o.Site) && !yield(w) {
				return
			}
		}
	})
	if len(fit) == 0 {
		return nil
	}
	return slices.MaxFunc(fit, func(a, b *worker) int {
		if d := cmp.Compare(len(a.free), len(b.free)); d != 0 {
			return d
		}
		return cmp.Compare(b.node.ID, a.node.ID) // ties: the first name
	})
}
