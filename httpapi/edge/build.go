package edge

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/sirupsen/logrus"

	"cofre/fsm/model"
	"cofre/httpapi/application"
	"cofre/httpapi/audit"
	"cofre/httpapi/authn"
	automationapi "cofre/httpapi/automation"
	"cofre/httpapi/backup"
	"cofre/httpapi/credential"
	"cofre/httpapi/dashboard"
	"cofre/httpapi/device"
	"cofre/httpapi/dsm"
	"cofre/httpapi/dynamic"
	"cofre/httpapi/encryption"
	"cofre/httpapi/examples"
	"cofre/httpapi/health"
	"cofre/httpapi/information"
	"cofre/httpapi/manifest"
	"cofre/httpapi/openapi"
	"cofre/httpapi/operation"
	"cofre/httpapi/policy"
	"cofre/httpapi/relateduser"
	"cofre/httpapi/route"
	"cofre/httpapi/session"
	"cofre/httpapi/sts"
	"cofre/httpapi/template"
	"cofre/httpapi/token"
	"cofre/scheduler/ops"
	"cofre/vault/access"
)

// Limits are the rates of the API. The zero value is DefaultLimits.
type Limits struct {
	Source      authn.Rate // requests per source (IPv6: per /64)
	TokenSource authn.Rate // token requests per source
	TokenClient authn.Rate // token requests per source and client id
	Refused     authn.Rate // refusals of one request to one authorization
	Concurrent  int        // requests at work at once in this process
	Connections int        // open connections per peer
	Remembered  int        // sources and client ids whose rate is remembered
}

// DefaultLimits are generous for machines and useless for guessing.
var DefaultLimits = Limits{
	Source: authn.Rate{PerSecond: 200, Burst: 400}, TokenSource: authn.Rate{PerSecond: 20, Burst: 60}, TokenClient: authn.Rate{PerSecond: 10, Burst: 30},
	Refused: authn.Rate{PerSecond: 1, Burst: 30}, Concurrent: 512, Connections: 256, Remembered: 65536,
}

// Deps are the house as the edge needs it.
type Deps struct {
	Access          *access.Service
	Ops             *ops.Service
	Tokens          authn.Keys // access.NamedKeys
	Cluster         func() model.ClusterID
	Status          func() health.Status
	Applied         func() uint64                                 // applied log index; nil: not shown
	Note            func(reason, source string)                   // a denial at the edge; nil: not counted
	CountToken      func(a model.AuthorizationID, source string)  // an issued token; nil: not counted
	CountUnchanged  func(a model.AuthorizationID, source string)  // a conditional read that showed nothing; nil: not counted
	TrustedProxies  []string                                      // whose X-Forwarded-For is believed
	SecretsInURL    bool                                          // api.secrets_in_url: allow
	PlaintextOAuth1 bool                                          // api.oauth1_plaintext
	STS             *sts.Client                                   // asks AWS who signed a request
	Executor        func(name string) (model.ExecutorName, error) // finds an executor by the vendor's name or ours; nil: names are ours
	Backup          backup.Taker                                  // takes a backup
	Limits          Limits                                        // zero: DefaultLimits
	Logger          *logrus.Logger
	Version         string
}

// Routes lists every route of the API, for documentation and laws. Handlers work only after Build.
func Routes() []route.Route { return routes(Deps{}, nil) }

func routes(d Deps, t *tokens) []route.Route {
	all := [][]route.Route{
		token.Routes(t), health.Routes(d.Status),
		credential.Routes(&credentials{d.Access, d.Executor}), credential.KeyRoutes(&keys{credentials{d.Access, d.Executor}, d.Ops}), device.Routes(&devices{d.Access}),
		application.Routes(&applications{d.Access, d.Cluster}), application.AccessRoutes(&applications{d.Access, d.Cluster}), policy.Routes(d.Access), policy.ProfileRoutes(&profiles{d.Access, d.Executor}), policy.ChainRoutes(&chains{d.Ops, d.Access}), session.Routes(&sessions{d.Access}), template.Routes(&templates{d.Access, d.Executor}),
		operation.Routes(&operations{d.Ops, d.Access}), dashboard.Routes(&dashboards{d.Ops, d.Access}), audit.Routes(&events{d.Access}), audit.ExportRoutes(&exports{d.Access, d.Tokens, d.Cluster}),
		manifest.Routes(&manifests{d.Access}), dsm.Routes(&secrets{d.Access, d.CountUnchanged}), dsm.AutomationRoutes(&secretAutomations{d.Access, d.Executor}), dynamic.Routes(&dynamics{d.Access, d.Executor}), automationapi.Routes(&automation{d.Ops}),
		information.Routes(&informations{d.Access}), relateduser.Routes(&relatedUsers{d.Access}), encryption.Routes(&encryptions{d.Access}), backup.Routes(d.Backup),
	}
	var list []route.Route
	for _, r := range all {
		list = append(list, r...)
	}
	return append(list, openapi.Routes(list, examples.All(), d.Version)...)
}

// Build wires the API.
func Build(d Deps) (http.Handler, error) {
	if d.Limits == (Limits{}) {
		d.Limits = DefaultLimits
	}
	if d.Limits.Refused == (authn.Rate{}) {
		d.Limits.Refused = DefaultLimits.Refused
	}
	sources, err := authn.NewSources(d.TrustedProxies)
	if err != nil {
		return nil, err
	}
	t := newTokens(d)
	c := &clients{access: d.Access, tokens: t.tokens, failures: authn.NewLimiter(d.Limits.TokenSource, d.Limits.Remembered), guesses: authn.NewLimiter(d.Limits.TokenClient, d.Limits.Remembered), plaintext: d.PlaintextOAuth1, inURL: d.SecretsInURL}
	perSource := authn.NewLimiter(d.Limits.Source, d.Limits.Remembered)
	return route.Mount(route.Options{
		Node:   func() model.NodeID { return d.Status().Node },
		Source: sources.Of,
		Admit: func(source netip.Addr, at time.Time) error {
			return perSource.Allow(authn.Network(source), at)
		},
		Rate: func(source netip.Addr, at time.Time) (limit, left int, full time.Time) {
			return perSource.Left(authn.Network(source), at)
		},
		Sealer:       c.sealer,
		Ready:        func() error { return d.Status().Err() },
		Authenticate: c.authenticate,
		Permit: func(a model.Actor, at model.Time, n route.Needs) error {
			return d.Access.Permits(a, at, n.Module, n.Write, n.Right)
		},
		Fresh: func(ctx context.Context) error { return d.Access.Fresh(ctx) }, Applied: d.Applied, Note: d.Note,
		Refusals: authn.NewLimiter(d.Limits.Refused, d.Limits.Remembered), Concurrent: d.Limits.Concurrent, SecretsInURL: d.SecretsInURL, Logger: d.Logger,
	}, routes(d, t))
}

// Listen limits the connections per peer of the API's listener; trusted proxies are not counted.
func Listen(l net.Listener, trustedProxies []string, limits Limits) (net.Listener, error) {
	if limits == (Limits{}) {
		limits = DefaultLimits
	}
	sources, err := authn.NewSources(trustedProxies)
	if err != nil {
		return nil, err
	}
	return route.Listen(l, limits.Connections, func(a net.Addr) (string, bool) {
		peer := authn.Peer(a.String())
		return authn.Network(peer), sources.Trusts(peer)
	}), nil
}
