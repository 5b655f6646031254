package fsm

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"cofre/fsm/audit"
	"cofre/fsm/codec"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// Contents is what a state stream holds.
type Contents struct {
	Cluster model.ClusterID
	Level   uint16
	Index   uint64
	At      model.Time // state time
	Tables  []Rows     // those that have any
	// First and Last are the ends of the trail. Its beginning leaves it with the years; what is there is one chain.
	First, Last uint64
}

// Rows counts the rows of a table.
type Rows struct {
	Table string
	Count int
}

// Examine reads a state stream to its end and finds whatever would keep it from becoming a state, without making one: every
// row is decoded, the hash of all is that of the header, and the trail is a chain that ends where its head says.
func Examine(r io.Reader) (*Contents, error) {
	d, err := newStreamReader(r)
	if err != nil {
		return nil, err
	}
	c := &Contents{Cluster: d.header.Cluster, Level: d.header.Level, Index: d.header.Applied.Index}
	if c.Level > Level {
		return nil, fmt.Errorf("examine the state: it is at feature level %d, this binary knows %d", c.Level, Level)
	}
	x := examination{Contents: c}
	sum, err := table.Inspect(state.Schema, d.next, x.row)
	if err != nil {
		return nil, fmt.Errorf("examine the state: %w", err)
	}
	if !bytes.Equal(sum[:], d.header.Hash) {
		return nil, errors.New("examine the state: its rows do not have the hash that its header names")
	}
	if x.chain.Seq != x.head.Seq || !bytes.Equal(x.chain.Hash, x.head.Hash) {
		return nil, fmt.Errorf("examine the trail: it ends with event %d, its head is event %d", x.chain.Seq, x.head.Seq)
	}
	return c, nil
}

type examination struct {
	*Contents
	chain, head audit.Head
}

func (x *examination) row(r table.Row) error {
	if n := len(x.Tables); n == 0 || x.Tables[n-1].Table != r.Table {
		x.Tables = append(x.Tables, Rows{Table: r.Table})
	}
	x.Tables[len(x.Tables)-1].Count++
	switch r.Table {
	case table.Audit.Name():
		return x.event(r.Value)
	case table.AuditHead.Name():
		var h table.AuditHeadRow
		if err := codec.Decode(r.Value, &h); err != nil {
			return err
		}
		x.head = h.Head
	case state.System.Name():
		var s model.System
		if err := codec.Decode(r.Value, &s); err != nil {
			return err
		}
		x.At = s.At
	}
	return nil
}

// event follows the chain.
func (x *examination) event(value []byte) error {
	var e audit.Event
	if err := codec.Decode(value, &e); err != nil {
		return err
	}
	switch {
	case x.First == 0:
		x.First = e.Seq
	case e.Seq != x.chain.Seq+1 || !bytes.Equal(e.Prev, x.chain.Hash):
		return fmt.Errorf("event %d does not follow event %d", e.Seq, x.chain.Seq)
	}
	if !bytes.Equal(e.Hash, e.Sum()) {
		return fmt.Errorf("event %d was changed", e.Seq)
	}
	x.Last, x.chain = e.Seq, audit.Head{Seq: e.Seq, Hash: e.Hash}
	return nil
}
