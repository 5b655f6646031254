// Package health is the resource that load balancers and probes ask: whether this node can serve, and if not why. It
// needs no token and tells no more than that.
package health

import (
	"context"
	"net/http"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Status is what a node says of itself.
type Status struct {
	Node        model.NodeID
	Initialized bool // it belongs to a cluster
	Sealed      bool
	Fresh       bool // it has heard from the leader lately
	ClockWrong  bool // by a minute or more, against the other voters' clocks
	Leader      model.NodeID
	Version     string
	Dev         bool
}

// Reason tells why the node cannot serve; "" if it can.
func (s Status) Reason() string {
	switch {
	case !s.Initialized:
		return "uninitialized"
	case s.Sealed:
		return "sealed"
	case !s.Fresh:
		return "no contact with the leader"
	case s.ClockWrong:
		return "wrong clock"
	}
	return ""
}

// Err is the reason as an error; nil if the node can serve.
func (s Status) Err() error {
	switch {
	case !s.Initialized:
		return model.Errorf(model.Unavailable, "this node does not belong to a cluster yet")
	case s.Sealed:
		return &model.Error{Kind: model.VaultSealed, Msg: "the vault is sealed on this node", RetryAfter: 10}
	case !s.Fresh:
		return &model.Error{Kind: model.Unavailable, Msg: "this node has no contact with the leader: it takes a majority of the voters, who run and reach each other (cofre status)", RetryAfter: 2}
	case s.ClockWrong: // its own judgement of tokens would be worth nothing, and no command of it is taken
		return &model.Error{Kind: model.Unavailable, Msg: "the clock of this node is wrong: ask another node, and correct the clock of this one", RetryAfter: 10}
	}
	return nil
}

// Health is the answer.
type Health struct {
	Status  string `json:"status" doc:"ok, or why the node cannot serve"`
	Ready   bool   `json:"ready"`
	Sealed  bool   `json:"sealed"`
	Node    string `json:"node"`
	Leader  string `json:"leader,omitempty"`
	Version string `json:"version"`
	Dev     bool   `json:"dev"`
}

// Routes offers the resource.
func Routes(status func() Status) []route.Route {
	return []route.Route{{
		Method: http.MethodGet, Path: "/health", Aliases: []string{"/iso/health", "/api/v1/health"}, Auth: route.Public, Dialect: compat.Management, Event: route.NoEvent,
		Doc: route.Doc{Tag: "health", Summary: "Can this node serve?", Text: "200 if it can, 503 with the reason if not.", Returns: Health{}},
		Handle: func(context.Context, *route.Request) (compat.Reply, error) {
			s := status()
			h := Health{Status: "ok", Ready: true, Sealed: s.Sealed, Node: string(s.Node), Leader: string(s.Leader), Version: s.Version, Dev: s.Dev}
			reply := compat.Reply{}
			if reason := s.Reason(); reason != "" {
				h.Status, h.Ready, reply.Status = reason, false, http.StatusServiceUnavailable
			}
			reply.Body = h
			return reply, nil
		},
	}, {
		Method: http.MethodGet, Path: "/health/live", Auth: route.Public, Dialect: compat.Management, Event: route.NoEvent,
		Doc: route.Doc{Tag: "health", Summary: "Does this process answer?", Text: "Always 200: restarting a sealed node does not help it."},
		Handle: func(context.Context, *route.Request) (compat.Reply, error) {
			return compat.JSON(compat.Object{{Name: "status", Value: "alive"}}), nil
		},
	}}
}
