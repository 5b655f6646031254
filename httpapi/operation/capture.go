package operation

import (
	"context"
	"math"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
	"cofre/vault/secret"
)

// Said is what a target said in an attempt.
type Said struct {
	Number  uint64 // of the operation
	Attempt int
	Bytes   int // that it sent: more than the output has if that was cut
	At      model.Time
	Until   model.Time
	Output  secret.Value
}

var saidFields = []route.Field{
	{Name: "operation", Type: "integer", Text: "its number"}, {Name: "attempt", Type: "integer", Text: "the first one is 1"},
	{Name: "at", Text: "when the attempt ended"}, {Name: "until", Text: "when it is dropped"},
	{Name: "bytes", Type: "integer", Text: "that the target sent; of more than 64 KiB, the start and the end are kept"},
	{Name: "output", Text: "as it came, with [redacted] for each secret that the attempt was handed"},
}

func (m *management) captured(ctx context.Context, r *route.Request) (compat.Reply, error) {
	n, err := r.QueryNumber("attempt", 0, math.MaxInt32)
	if err != nil {
		return compat.Reply{}, err
	}
	s, err := m.s.ReadCapture(ctx, r.Actor, r.At, r.Param("id"), int(n))
	if err != nil {
		return compat.Reply{}, err
	}
	return compat.JSON(compat.Object{{Name: "operation", Value: s.Number}, {Name: "attempt", Value: s.Attempt}, {Name: "at", Value: compat.Time(s.At)}, {Name: "until", Value: compat.Time(s.Until)},
		{Name: "bytes", Value: s.Bytes}, {Name: "output", Value: compat.Secret{Value: s.Output}}}), nil
}

func (m *management) capture(on bool) route.Handler {
	return func(ctx context.Context, r *route.Request) (compat.Reply, error) {
		if err := m.s.Capture(ctx, r.Actor, r.At, r.Param("id"), on); err != nil {
			return compat.Reply{}, err
		}
		return m.show(ctx, r, r.Param("id"))
	}
}
