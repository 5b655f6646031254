package authz_test

import (
	"testing"

	"cofre/fsm/authz"
	"cofre/fsm/model"
)

func auth(edit ...func(*model.Authorization)) *model.Authorization {
	a := &model.Authorization{ID: "a", Enabled: true, Write: true, Modules: []model.Module{model.ModulePAM}, Rights: []model.Right{model.SecretRead, model.CredentialWrite},
		Filter: model.Filter{Tags: []string{"t"}, Credentials: []model.CredentialID{"c"}}, IPs: []string{"10.0.0.0/8", "2001:db8::/32"}, Referrers: []string{"portal"}, Certificate: "cc", TokenTTL: 60000, ExpiresAt: 100}
	for _, e := range edit {
		e(a)
	}
	return a
}

func TestDecide(t *testing.T) {
	t.Parallel()
	act := authz.Action{Module: model.ModulePAM, Write: true, Right: model.SecretRead}
	for _, c := range []struct {
		name   string
		a      *model.Authorization
		act    authz.Action
		o      *authz.Object
		source string
		at     model.Time
		want   string // kind of the refusal; "" for yes
	}{
		{"yes", auth(), act, nil, "10.1.2.3", 99, ""},
		{"the moment it expires", auth(), act, nil, "10.1.2.3", 100, "unauthenticated"},
		{"disabled", auth(func(a *model.Authorization) { a.Enabled = false }), act, nil, "10.1.2.3", 1, "unauthenticated"},
		{"address", auth(), act, nil, "11.1.2.3", 1, "denied"},
		{"mapped address", auth(), act, nil, "::ffff:10.1.2.3", 1, ""},
		{"mapped prefix", auth(func(a *model.Authorization) { a.IPs = []string{"::ffff:10.0.0.0/104"} }), act, nil, "10.1.2.3", 1, ""},
		{"outside of a mapped prefix", auth(func(a *model.Authorization) { a.IPs = []string{"::ffff:10.0.0.0/104"} }), act, nil, "11.1.2.3", 1, "denied"},
		{"IPv6", auth(), act, nil, "2001:db8::1", 1, ""},
		{"no address", auth(), act, nil, "", 1, "denied"},
		{"any address", auth(func(a *model.Authorization) { a.IPs = nil }), act, nil, "", 1, ""},
		{"a damaged prefix allows nothing", auth(func(a *model.Authorization) { a.IPs = []string{"*"} }), act, nil, "10.1.2.3", 1, "denied"},
		{"module", auth(func(a *model.Authorization) { a.Modules = nil }), act, nil, "10.1.2.3", 1, "denied"},
		{"write", auth(func(a *model.Authorization) { a.Write = false }), act, nil, "10.1.2.3", 1, "denied"},
		{"right", auth(), authz.Action{Right: model.ClusterAdmin}, nil, "10.1.2.3", 1, "denied"},
		{"by tag", auth(), act, &authz.Object{Tags: []string{"x", "t"}}, "10.1.2.3", 1, ""},
		{"by id", auth(), act, &authz.Object{Credential: "c"}, "10.1.2.3", 1, ""},
		{"its own", auth(), act, &authz.Object{Credential: "d", CreatedBy: "a"}, "10.1.2.3", 1, ""},
		{"foreign", auth(), act, &authz.Object{Credential: "d", CreatedBy: "b", Tags: []string{"x"}}, "10.1.2.3", 1, "invalid"},
		{"nobody's", auth(func(a *model.Authorization) { a.ID = "" }), act, &authz.Object{}, "10.1.2.3", 1, "invalid"},
	} {
		err := authz.Decide(&model.Application{Enabled: true}, c.a, c.act, c.o, model.Origin{Source: c.source, Referrer: "https://portal/x", Certificate: "cc"}, c.at)
		if (err == nil) != (c.want == "") || err != nil && err.Kind.String() != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := authz.Decide(&model.Application{}, auth(), act, nil, model.Origin{Source: "10.1.2.3", Referrer: "https://portal/", Certificate: "cc"}, 1); err == nil {
		t.Error("a disabled application")
	}
}

// A Referer header is a host or lies below a URL; a certificate is the one that was shown.
func TestOrigin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		referrers             []string
		certificate, from, by string
		want                  bool
	}{
		{nil, "", "", "", true},
		{nil, "", "http://anything/", "", true},
		{[]string{"portal.example.com"}, "", "https://portal.example.com/a", "", true},
		{[]string{"portal.example.com"}, "", "https://portal.example.com:8443/a", "", true},
		{[]string{"portal.example.com:8443"}, "", "https://portal.example.com:8443", "", true},
		{[]string{"portal.example.com"}, "", "https://portal.example.com.evil.net/a", "", false},
		{[]string{"portal.example.com"}, "", "", "", false},
		{[]string{"portal.example.com"}, "", "portal.example.com", "", false},
		{[]string{"https://portal/app"}, "", "https://portal/app", "", true},
		{[]string{"https://portal/app"}, "", "https://portal/app/x", "", true},
		{[]string{"https://portal/app"}, "", "https://portal/apple", "", false},
		{[]string{"https://portal/app"}, "", "http://portal/app", "", false},
		{[]string{"https://portal/"}, "", "https://portal/x", "", true},
		{nil, "ab", "", "ab", true},
		{nil, "ab", "", "", false},
		{nil, "ab", "", "cd", false},
	} {
		a := auth(func(a *model.Authorization) { a.IPs, a.Referrers, a.Certificate = nil, c.referrers, c.certificate })
		err := authz.Decide(&model.Application{Enabled: true}, a, authz.Action{}, nil, model.Origin{Referrer: c.from, Certificate: c.by}, 1)
		if (err == nil) != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Nobody grants what he does not hold: every single widening is refused, every narrowing is not.
func TestCovers(t *testing.T) {
	t.Parallel()
	type edit = func(*model.Authorization)
	for name, e := range map[string]edit{
		"right":             func(a *model.Authorization) { a.Rights = append(a.Rights, model.RouteWrite) },
		"module":            func(a *model.Authorization) { a.Modules = append(a.Modules, model.ModuleA2A) },
		"all credentials":   func(a *model.Authorization) { a.Filter.All = true },
		"a tag":             func(a *model.Authorization) { a.Filter.Tags = []string{"t", "u"} },
		"a credential":      func(a *model.Authorization) { a.Filter.Credentials = []model.CredentialID{"d"} },
		"any address":       func(a *model.Authorization) { a.IPs = nil },
		"a wider prefix":    func(a *model.Authorization) { a.IPs = []string{"10.0.0.0/7"} },
		"another prefix":    func(a *model.Authorization) { a.IPs = []string{"10.0.0.0/8", "192.0.2.1"} },
		"a damaged prefix":  func(a *model.Authorization) { a.IPs = []string{"all"} },
		"all of IPv4 in v6": func(a *model.Authorization) { a.IPs = []string{"::/0"} },
		"a referrer":        func(a *model.Authorization) { a.Referrers = []string{"portal", "other"} },
		"any referrer":      func(a *model.Authorization) { a.Referrers = nil },
		"no certificate":    func(a *model.Authorization) { a.Certificate = "" },
		"a longer life":     func(a *model.Authorization) { a.ExpiresAt = 101 },
		"longer tokens":     func(a *model.Authorization) { a.TokenTTL = 60001 },
		"any tokens":        func(a *model.Authorization) { a.TokenTTL = 0 },
		"an endless life":   func(a *model.Authorization) { a.ExpiresAt = 0 },
	} {
		if authz.Covers(auth(), auth(e)) == nil || authz.Narrower(auth(), auth(e)) {
			t.Errorf("%s may be granted by who does not hold it", name)
		}
	}
	sealed := func(a *model.Authorization) { a.PublicKey = []byte("key") }
	for name, e := range map[string]edit{
		"answers to another key": func(a *model.Authorization) { a.PublicKey = []byte("other") },
		"answers to none":        func(*model.Authorization) {},
	} {
		if authz.Covers(auth(sealed), auth(e)) == nil {
			t.Errorf("%s may be granted by one whose own are encrypted", name)
		}
	}
	if err := authz.Covers(auth(sealed), auth(sealed)); err != nil {
		t.Errorf("the same key: %v", err)
	}
	for name, e := range map[string]edit{
		"making applications":  func(a *model.Authorization) { a.Creates = true },
		"a delegation":         func(a *model.Authorization) { a.Delegations = []model.Delegation{{Applications: []string{"*"}}} },
		"a delegation's parts": func(a *model.Authorization) { a.Delegations = []model.Delegation{{Environments: []string{"prod"}}} },
	} {
		if authz.Narrower(auth(func(a *model.Authorization) { a.Delegations = []model.Delegation{{Environments: []string{"test"}}} }), auth(e)) {
			t.Errorf("%s is no narrowing", name)
		}
	}
	if authz.Covers(auth(func(a *model.Authorization) { a.Write = false }), auth()) == nil {
		t.Error("write may be granted by who only reads")
	}
	if authz.Narrower(auth(func(a *model.Authorization) { a.Enabled = false }), auth()) {
		t.Error("enabling oneself is no narrowing")
	}
	for name, e := range map[string]edit{
		"the same":        func(*model.Authorization) {},
		"fewer rights":    func(a *model.Authorization) { a.Rights = nil },
		"nothing reached": func(a *model.Authorization) { a.Filter = model.Filter{} },
		"one address":     func(a *model.Authorization) { a.IPs = []string{"10.9.9.9", "2001:db8:1::/48"} },
		"a shorter life":  func(a *model.Authorization) { a.ExpiresAt = 99 },
		"disabled":        func(a *model.Authorization) { a.Enabled = false },
	} {
		if err := authz.Covers(auth(), auth(e)); err != nil || !authz.Narrower(auth(), auth(e)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
