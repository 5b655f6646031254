package daemon

import (
	"context"
	"net/http"
	"time"

	"cofre/cluster"
	"cofre/cluster/membership"
	"cofre/cluster/peer"
	"cofre/fsm/application"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/node"
	"cofre/vault/access"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

type (
	none     struct{}
	textArgs struct {
		Text string `json:"text"` // a share or a join token
	}
	tokenArgs struct {
		Name    string `json:"name"`
		NodeKey string `json:"node_key"`
		TTL     int64  `json:"ttl_seconds"`
	}
	approveArgs struct {
		ID          string `json:"id"`
		Fingerprint string `json:"fingerprint"`
	}
	nameArgs struct {
		ID string `json:"id"`
	}
)

// socketRoutes lists what the operator's socket does. No secret of the vault leaves through it; keys and shares that are
// made by a call are shown once, in its answer.
func (d *Daemon) socketRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /status", operate(func(ctx context.Context, _ model.Actor, _ none) (any, error) { return d.status(ctx), nil }))
	mux.HandleFunc("GET /profile/{kind}", d.profile)
	mux.Handle("POST /init", operate(d.operateInit))
	mux.HandleFunc("POST /restore", d.operateRestore)
	mux.HandleFunc("POST /rescue", d.operateRescue)
	mux.Handle("POST /node-key", operate(func(context.Context, model.Actor, none) (any, error) {
		if !d.entering.TryLock() {
			return nil, errEntering
		}
		defer d.entering.Unlock()
		id, _, err := d.nodeKey()
		if err != nil {
			return nil, err
		}
		return map[string]string{"fingerprint": model.Fingerprint(id.PublicKey())}, nil
	}))
	mux.Handle("POST /join", operate(func(ctx context.Context, _ model.Actor, a textArgs) (any, error) {
		return d.join(ctx, secret.New([]byte(a.Text)))
	}))
	mux.Handle("POST /unseal", operate(withMember(d, func(ctx context.Context, m *member, _ model.Actor, a textArgs) (any, error) {
		return m.opener.unseal(ctx, shamir.Unseal, secret.New([]byte(a.Text)))
	})))
	mux.Handle("POST /recover", operate(withMember(d, func(ctx context.Context, m *member, _ model.Actor, a textArgs) (any, error) {
		return m.opener.unseal(ctx, shamir.Recovery, secret.New([]byte(a.Text)))
	})))
	mux.Handle("POST /seal", operate(withMember(d, operateSeal)))
	mux.Handle("POST /token", operate(withMember(d, operateToken)))
	mux.Handle("POST /approve", operate(withMember(d, func(ctx context.Context, m *member, who model.Actor, a approveArgs) (any, error) {
		return command.Propose(ctx, m.proposer, node.Approve, who, node.ApproveArgs{ID: model.NodeID(a.ID), Fingerprint: a.Fingerprint})
	})))
	mux.Handle("POST /remove", operate(withMember(d, operateRemove)))
	mux.Handle("POST /eject", operate(withMember(d, operateEject)))
	mux.Handle("POST /exposed", operate(withMember(d, operateExposed)))
	mux.Handle("GET /ca", operate(withMember(d, operateCA)))
	mux.Handle("POST /shares", operate(withMember(d, operateShares)))
	mux.Handle("POST /recover/rekey", operate(withMember(d, operateRekey)))
	mux.Handle("POST /rotate/shares", operate(withMember(d, operateRotateShares)))
	mux.Handle("POST /rotate/term", operate(withMember(d, operateRotateTerm)))
	mux.Handle("POST /rotate/root", operate(withMember(d, operateRotateRoot)))
	mux.Handle("POST /leave", operate(withMember(d, operateLeave)))
	mux.Handle("POST /transfer-leader", operate(withMember(d, operateTransfer)))
	mux.Handle("POST /confirm-time", operate(withMember(d, func(ctx context.Context, m *member, who model.Actor, _ none) (any, error) {
		return command.Propose(ctx, m.proposer, node.ConfirmTime, who, node.Done{})
	})))
	mux.Handle("POST /test-receiver", operate(withMember(d, func(ctx context.Context, m *member, _ model.Actor, a nameArgs) (any, error) {
		f := m.echoes.Load()
		if f == nil {
			return nil, model.Errorf(model.Unavailable, "the receivers are not open yet: try again")
		}
		return none{}, f.Test(ctx, a.ID)
	})))
	mux.Handle("POST /admin", operate(withMember(d, operateAdmin)))
	d.testRoutes(mux)
	return mux
}

// withMember refuses commands that need a cluster while there is none.
func withMember[A any](d *Daemon, fn func(context.Context, *member, model.Actor, A) (any, error)) func(context.Context, model.Actor, A) (any, error) {
	return func(ctx context.Context, who model.Actor, args A) (any, error) {
		m, err := d.current()
		if err != nil {
			return nil, err
		}
		return fn(ctx, m, who, args)
	}
}

func (d *Daemon) operateInit(ctx context.Context, _ model.Actor, a foundArgs) (any, error) {
	f, err := d.found(ctx, a)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"cluster": f.Cluster, "fingerprint": f.Fingerprint, "client_id": f.ClientID, "client_secret": shown(f.ClientSecret),
		"shares": shownAll(f.Shares), "recovery_shares": shownAll(f.Recovery), "api": "https://" + d.config.API.Advertise,
		"ca": string(peer.EncodePEM(d.member.self.Get().CA)),
	}, nil
}

func operateToken(ctx context.Context, m *member, who model.Actor, a tokenArgs) (any, error) {
	self := m.self.Get()
	var peers []string
	for _, n := range m.rows() {
		if n.State != model.NodeRemoved {
			peers = append(peers, n.Peer)
		}
	}
	t := membership.NewToken(self.Cluster, peer.Hash(self.CA[0]), peers, model.NodeID(a.Name))
	defer t.Secret.Wipe()
	t.Approved = a.NodeKey != ""
	ttl := time.Duration(a.TTL) * time.Second
	if ttl == 0 {
		ttl = 15 * time.Minute
	}
	_, err := command.Propose(ctx, m.proposer, node.CreateToken, who, node.TokenArgs{ID: t.ID(), Name: t.Name, NodeKey: a.NodeKey, TTL: ttl.Milliseconds()})
	if err != nil {
		return nil, err
	}
	text, err := t.Text()
	if err != nil {
		return nil, err
	}
	return map[string]string{"token": shown(text), "valid_for": ttl.String()}, nil
}

func operateTransfer(ctx context.Context, m *member, _ model.Actor, a nameArgs) (any, error) {
	if now, _ := m.node.Leadership(); !now.Leading {
		leader := m.node.Leader()
		if leader == "" {
			return nil, model.Errorf(model.Unavailable, "no leader is known, who could hand over: it takes a majority of the voters, who run and reach each other (cofre status)")
		}
		return nil, model.Errorf(model.Conflict, "node %s leads: run this there", leader)
	}
	to := model.NodeID(a.ID)
	if to == "" {
		members, err := cluster.Gather(ctx, m.node, m.client, m.status)
		if err != nil {
			return nil, err
		}
		var ok bool
		if to, ok = cluster.Successor(m.id(), members); !ok {
			return nil, model.Errorf(model.Unavailable, "no other voter is fit to lead")
		}
	}
	return map[string]string{"leader": string(to)}, m.node.TransferLeader(ctx, to)
}

func operateAdmin(ctx context.Context, m *member, who model.Actor, a nameArgs) (any, error) {
	keys, stored, err := access.NewClientKeys(func(msg []byte) (uint32, []byte, error) { return m.named.MAC(access.KeyPepper, 0, msg) }, model.TimeOf(time.Now()))
	if err != nil {
		return nil, err
	}
	app, auth := administrator(a.ID, keys.ClientID, stored)
	if _, err := command.Propose(ctx, m.proposer, application.Issue, who, application.IssueArgs{Application: app, Authorization: auth}); err != nil {
		return nil, err
	}
	return map[string]string{"client_id": keys.ClientID, "client_secret": shown(keys.Secret)}, nil
}

// shown takes the text of a key that is shown once, and wipes it.
func shown(v secret.Value) string {
	var s string
	_ = v.Reveal(func(b []byte) error { s = string(b); return nil })
	v.Wipe()
	return s
}

func shownAll(list []secret.Value) []string {
	out := []string{}
	for _, v := range list {
		out = append(out, shown(v))
	}
	return out
}
