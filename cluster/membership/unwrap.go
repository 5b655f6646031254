package membership

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/cluster"
	"cofre/cluster/rpc"
	"cofre/fsm/model"
)

// Deliver gives the root key, wrapped by HPKE to the key that a node registered, to that node. It decides whether the
// node is approved, commits the delivery first, and fails with Kind VaultSealed on a sealed member.
type Deliver func(ctx context.Context, node model.NodeID) (box []byte, err error)

// UnwrapHandler answers rpc.Unwrap. The node that asks is the one that TLS has proven; it cannot ask for another.
func UnwrapHandler(deliver Deliver) rpc.Handler {
	return rpc.Handle(func(ctx context.Context, node model.NodeID, _ struct{}) ([]byte, error) { return deliver(ctx, node) })
}

const unwrapEvery = 2 * time.Second

// FetchRoot asks every member for the root key until one delivers it and open takes it, or ctx ends. It is what a
// newcomer does while its operator compares fingerprints.
func FetchRoot(ctx context.Context, call cluster.Caller, members func() []model.NodeID, open func(box []byte) error, log logrus.FieldLogger) error {
	var last string
	for {
		for _, m := range members() {
			err := fetch(ctx, call, m, open)
			if err == nil {
				return nil
			}
			if err.Error() != last { // it repeats every two seconds until someone approves
				last = err.Error()
				log.WithError(err).WithField("member", string(m)).Info("waiting for the root key")
			}
		}
		select {
		case <-time.After(unwrapEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func fetch(ctx context.Context, call cluster.Caller, member model.NodeID, open func([]byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var box []byte
	if err := call.Call(ctx, member, rpc.Unwrap, struct{}{}, &box); err != nil {
		return err
	}
	return open(box)
}
