package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	"cofre/executors/all"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/httpapi/authn"
	"cofre/httpapi/edge"
	"cofre/httpapi/health"
	"cofre/httpapi/route"
	"cofre/httpapi/sts"
)

// serveAPI answers applications over HTTPS until ctx ends; requests at work then get a moment to finish.
func (m *member) serveAPI(ctx context.Context) error {
	limits := edge.DefaultLimits
	backups := &Backups{Proposer: m.proposer, FSM: m.fsm, Keys: m.keys, Node: m.id(), Version: m.version}
	r := m.config.API.RequestsPerSecond
	limits.Source = authn.Rate{PerSecond: float64(r), Burst: 2 * r}
	limits.TokenSource = authn.Rate{PerSecond: float64(m.config.API.TokensPerSecond), Burst: 2 * m.config.API.TokensPerSecond}
	limits.TokenClient = limits.TokenSource
	handler, err := edge.Build(edge.Deps{
		Access: m.access, Ops: m.ops, Tokens: m.named, Cluster: func() model.ClusterID { return m.self.Get().Cluster },
		Status: m.healthStatus, Applied: m.fsm.Applied, Note: m.notes.deny, CountToken: m.notes.tokens.add, CountUnchanged: m.notes.unchanged.add,
		TrustedProxies: m.config.API.TrustedProxies, SecretsInURL: m.config.API.SecretsInURL, PlaintextOAuth1: m.config.API.OAuth1Plaintext, Limits: limits,
		STS: sts.New(nil, m.isClusterAddress), Executor: all.Named, Backup: backups.Take, Logger: m.log, Version: m.version,
	})
	if err != nil {
		return fmt.Errorf("build the API: %w", err)
	}
	config, err := m.apiTLS()
	if err != nil {
		return err
	}
	ln, err := edge.Listen(m.listens.api, m.config.API.TrustedProxies, limits)
	if err != nil {
		return fmt.Errorf("listen for applications: %w", err)
	}
	srv := route.Server(handler, config)
	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(drained)
		last, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if srv.Shutdown(last) != nil {
			_ = srv.Close()
		}
	})
	defer stop()
	if err := srv.Serve(tls.NewListener(ln, srv.TLSConfig)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve applications: %w", err)
	}
	<-drained // Serve ends when Shutdown begins
	return ctx.Err()
}

func (m *member) healthStatus() health.Status {
	if !m.founded.Load() { // every request asks; once there is a keyring, there always is
		v := m.fsm.View()
		m.founded.Store(state.Keyring.Has(v, state.SystemKey))
		v.Close()
	}
	return health.Status{Node: m.id(), Initialized: m.founded.Load(), Sealed: m.keys.Sealed(), Fresh: m.reader.Fresh(), ClockWrong: m.clock.Wrong(), Leader: m.node.Leader(), Version: m.version, Dev: m.config.Dev}
}
