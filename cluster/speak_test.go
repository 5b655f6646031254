package cluster_test

import (
	"testing"
	"time"

	"cofre/cluster/clustertest"
	"cofre/cluster/rpc"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
)

// TestPeersSpeakForThemselves: the leader takes from a member what that proposes for its own clients, neither in the name of another
// node, nor bound to a term, which only the leader's scheduler may, nor without an id (RULES 4).
func TestPeersSpeakForThemselves(t *testing.T) {
	three(t, clustertest.Options{}, func(t *testing.T, c *clustertest.Cluster) {
		leader, peer := c.Leader(), c.Follower()
		now, _ := leader.Node.Leadership()
		ask := func(change func(*command.Envelope)) string {
			t.Helper()
			e := command.Envelope{Kind: "register.set", Version: 1, ID: command.ID{7}, Made: model.TimeOf(time.Now()), Node: peer.ID, Payload: codec.MustEncode(clustertest.Set{Key: "k", Value: "v"})}
			change(&e)
			args := struct {
				Commands []command.Envelope `cbor:"commands"`
			}{[]command.Envelope{e}}
			var reply struct {
				Outcomes []struct {
					Result *command.Result `cbor:"result,omitempty"`
					Err    *model.Error    `cbor:"err,omitempty"`
					Retry  bool            `cbor:"retry,omitempty"`
					Maybe  bool            `cbor:"maybe,omitempty"`
				} `cbor:"outcomes"`
			}
			if err := peer.Client.Call(c.Context(10*time.Second), leader.ID, rpc.Propose, args, &reply); err != nil || len(reply.Outcomes) != 1 {
				t.Fatalf("%v %v", reply, err)
			}
			if err := reply.Outcomes[0].Err; err != nil {
				return err.Kind.String()
			}
			return "taken"
		}
		for name, one := range map[string]struct {
			change func(*command.Envelope)
			want   string
		}{
			"its own":              {func(*command.Envelope) {}, "taken"},
			"in another's name":    {func(e *command.Envelope) { e.Node = leader.ID }, model.Denied.String()},
			"bound to the term":    {func(e *command.Envelope) { e.Term = now.Term }, model.Invalid.String()},
			"without an id":        {func(e *command.Envelope) { e.ID = command.ID{} }, model.Invalid.String()},
			"in nobody's name":     {func(e *command.Envelope) { e.Node = "" }, model.Denied.String()},
			"of an unknown binary": {func(e *command.Envelope) { e.Kind = "register.none" }, model.Invalid.String()},
		} {
			if got := ask(one.change); got != one.want {
				t.Errorf("%s: %s, not %s", name, got, one.want)
			}
		}
	})
}
