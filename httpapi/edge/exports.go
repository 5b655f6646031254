package edge

import (
	"bytes"
	"context"

	trail "cofre/fsm/audit"
	"cofre/fsm/model"
	"cofre/httpapi/audit"
	"cofre/httpapi/authn"
	"cofre/vault/access"
)

// exports adapts access to exports of the trail.
type exports struct {
	access  *access.Service
	keys    authn.Keys
	cluster func() model.ClusterID
}

// batch is how many events are read under one view.
const batch = 1000

// edges keeps the first and the last line that is written, without their line breaks.
type edges struct{ first, last []byte }

func (e *edges) Write(p []byte) (int, error) {
	e.last = append(e.last[:0], bytes.TrimSuffix(p, []byte("\n"))...)
	if e.first == nil {
		e.first = append([]byte{}, e.last...)
	}
	return len(p), nil
}

// Ends walks the chain as the writer of an export does, so that a signature never covers a damaged trail.
func (x *exports) Ends(ctx context.Context, actor model.Actor, at model.Time, from, last uint64) (audit.Ends, error) {
	out := audit.Ends{From: from}
	if last != 0 && last < from {
		return out, model.Errorf(model.Invalid, "the last event lies before the first").WithField("last")
	}
	var w *trail.Writer
	ends := &edges{}
	for next, done := from, false; !done; {
		events, err := x.access.Audit(actor, at, access.Trail{After: next - 1}, batch)
		if err != nil {
			return out, err
		}
		if w == nil {
			if w, err = x.begin(ends, events, from); err != nil {
				return out, err
			}
		}
		for i := range events {
			e := &events[i]
			out.More = e.Seq-from == audit.MaxExport && (last == 0 || e.Seq <= last)
			if done = out.More || last != 0 && e.Seq > last; done {
				break
			}
			if err := w.Write(e); err != nil {
				return out, model.Errorf(model.Internal, "%s", err.Error())
			}
			out.Last, next = e.Seq, e.Seq+1
		}
		done = done || len(events) < batch
		if err := ctx.Err(); err != nil {
			return out, model.Errorf(model.Unavailable, "the export takes too long: name a smaller range with from and last")
		}
	}
	err := w.Close(at, func(m []byte) (uint32, []byte, error) { return x.keys.Sign(access.KeyAudit, m) })
	out.Header, out.Trailer = string(ends.first), string(ends.last)
	return out, err
}

func (x *exports) begin(w *edges, events []trail.Event, from uint64) (*trail.Writer, error) {
	if len(events) == 0 {
		return nil, model.Errorf(model.Invalid, "there is no event %d yet", from).WithField("from")
	}
	if events[0].Seq != from {
		return nil, model.Errorf(model.Invalid, "events before %d were removed after their retention: begin there", events[0].Seq).WithField("from")
	}
	h := trail.Header{Cluster: x.cluster(), From: from, Prev: trail.Hex(events[0].Prev)}
	newest, _, err := x.keys.Sign(access.KeyAudit, nil)
	if err != nil {
		return nil, err
	}
	for id := uint32(1); id <= newest; id++ {
		if public, err := x.keys.Public(access.KeyAudit, id); err == nil {
			h.Keys = append(h.Keys, trail.PublicKey{ID: id, Public: public})
		}
	}
	return trail.NewWriter(w, h)
}

// Lines gives events as they stand in an export.
func (x *exports) Lines(_ context.Context, actor model.Actor, at model.Time, after uint64, limit int) ([]string, uint64, error) {
	events, err := x.access.Audit(actor, at, access.Trail{After: after}, limit)
	if err != nil {
		return nil, 0, err
	}
	lines, last := make([]string, len(events)), after
	for i := range events {
		for _, f := range events[i].Fields {
			if trail.ClassOf(events[i].Kind, f.Name) == trail.Secret {
				return nil, 0, model.Errorf(model.Internal, "event %d holds a secret field: it is not exported", events[i].Seq)
			}
		}
		b, err := events[i].JSON()
		if err != nil {
			return nil, 0, err
		}
		lines[i], last = string(b), events[i].Seq
	}
	return lines, last, nil
}
