// Package authz decides who may do what. Decide is pure, so that the edge can refuse early and the reducer can decide
// again with authority on the same facts. It owns no state.
package authz

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"cofre/fsm/model"
)

// Action is what somebody wants to do: the vendor's module and write permission, and the right of the closed list.
// Empty parts ask for nothing. Operator and System say whether those actors may do it at all.
type Action struct {
	Module    model.Module
	Write     bool
	Right     model.Right
	Operator  bool // a person at the unix socket may
	Somewhere bool // without an object yet: that a profile gives the right on some is enough; each object is decided upon later
	System    bool // the scheduler or a node may
}

// Object is what the action concerns, as far as filters look at it; nil for actions without an object.
type Object struct {
	Credential model.CredentialID
	CreatedBy  model.AuthorizationID
	Tags       []string
	Row        *model.Credential // what access profiles look at; nil: they do not apply
}

// ObjectOf describes a credential.
func ObjectOf(c *model.Credential) *Object {
	return &Object{Credential: c.ID, CreatedBy: c.CreatedBy, Tags: c.Tags, Row: c}
}

// Decide tells whether an authorization of an application permits an action on an object, from an address, at a
// moment. nil means yes; otherwise the error carries the vendor's code. Access profiles do not count.
func Decide(app *model.Application, a *model.Authorization, act Action, o *Object, from model.Origin, at model.Time) *model.Error {
	return DecideWith(app, a, nil, act, o, from, at)
}

// DecideWith is Decide for an authorization with its enabled access profiles: they add rights on the credentials that they are
// about, and take nothing away.
func DecideWith(app *model.Application, a *model.Authorization, profiles []model.AccessProfile, act Action, o *Object, from model.Origin, at model.Time) *model.Error {
	switch {
	case !app.Enabled || !a.Enabled:
		return model.Errorf(model.Unauthenticated, "Inactive authorization")
	case a.ExpiresAt != 0 && at >= a.ExpiresAt:
		return model.Errorf(model.Unauthenticated, "Inactive authorization: it has expired")
	case !SourceAllowed(a.IPs, from.Source):
		return model.Errorf(model.Denied, "IP not allowed")
	case !referrerAllowed(a.Referrers, from.Referrer):
		return model.Errorf(model.Denied, "The http referer is not allowed").WithCode(1105)
	case a.Certificate != "" && a.Certificate != from.Certificate:
		return model.Errorf(model.Denied, "The client certificate is not the one of this authorization")
	case act.Module != "" && !slices.Contains(a.Modules, act.Module):
		return model.Errorf(model.Denied, "You are not authorized to access this resource: module %s", act.Module)
	case act.Write && !a.Write:
		return model.Errorf(model.Denied, "Without PAM Configuration Access permission").WithCode(1039)
	case ByProfile(profiles, act, o):
		return nil
	case act.Right != "" && !slices.Contains(a.Rights, act.Right):
		return model.Errorf(model.Denied, "You are not authorized to access this resource: right %s", act.Right)
	case o != nil && !Reaches(a, o):
		return model.Errorf(model.Invalid, "No access to credential").WithCode(1009)
	}
	return nil
}

// Reaches tells whether the authorization's filter lets it see an object; what it created itself always counts.
func Reaches(a *model.Authorization, o *Object) bool {
	if a.Filter.All || (o.CreatedBy != "" && o.CreatedBy == a.ID) {
		return true
	}
	if o.Credential != "" && slices.Contains(a.Filter.Credentials, o.Credential) {
		return true
	}
	return slices.ContainsFunc(a.Filter.Tags, func(t string) bool { return slices.Contains(o.Tags, t) })
}

// SourceAllowed tells whether an address is within one of the prefixes; an empty list allows every address.
func SourceAllowed(prefixes []string, source string) bool {
	if len(prefixes) == 0 {
		return true
	}
	addr, err := netip.ParseAddr(source)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	for _, p := range prefixes {
		if pre, err := ParsePrefix(p); err == nil && pre.Contains(addr) {
			return true
		}
	}
	return false
}

// referrerAllowed tells whether the URL of a Referer header lies at or below one of the URLs, or is of one of the hosts; an
// empty list allows every request, also one without the header. The edge wrote scheme and host in lower case.
func referrerAllowed(allowed []string, referrer string) bool {
	if len(allowed) == 0 {
		return true
	}
	_, rest, ok := strings.Cut(referrer, "://")
	host, _, _ := strings.Cut(rest, "/")
	return ok && host != "" && slices.ContainsFunc(allowed, func(a string) bool {
		if !strings.Contains(a, "://") {
			bare, _, _ := strings.Cut(host, ":")
			return a == host || a == bare
		}
		a = strings.TrimSuffix(a, "/")
		return referrer == a || strings.HasPrefix(referrer, a+"/")
	})
}

// ParsePrefix reads "10.0.0.0/8" or a bare address. IPv4 in IPv6 is IPv4, as in the addresses that are compared with it: "::ffff:10.0.0.0/104"
// would hold nothing otherwise. "*" for every address is not accepted: leave the list empty instead.
func ParsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		addr = addr.Unmap()
		return addr.Prefix(addr.BitLen())
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// Covers tells whether a grantor may give the rights, modules and filter of granted: nobody grants what he does not
// hold (RULES 8).
func Covers(grantor, granted *model.Authorization) *model.Error {
	for _, r := range granted.Rights {
		if !slices.Contains(grantor.Rights, r) {
			return model.Errorf(model.Denied, "the right %s cannot be granted by a caller that does not hold it", r).WithField("rights")
		}
	}
	for _, m := range granted.Modules {
		if !slices.Contains(grantor.Modules, m) {
			return model.Errorf(model.Denied, "the module %s cannot be granted by a caller that does not hold it", m).WithField("modules")
		}
	}
	if granted.Write && !grantor.Write {
		return model.Errorf(model.Denied, "write permission cannot be granted by a caller that does not hold it").WithField("write")
	}
	if slices.ContainsFunc(granted.Profiles, func(p model.AccessProfileID) bool { return !slices.Contains(grantor.Profiles, p) }) {
		return model.Errorf(model.Denied, "an access profile cannot be granted by a caller that has neither it nor what it gives").WithField("profiles")
	}
	if !grantor.Filter.All && !within(grantor.Filter, granted.Filter) {
		return model.Errorf(model.Denied, "the filter reaches credentials that the caller does not reach").WithField("filter")
	}
	if len(grantor.IPs) > 0 && !prefixesWithin(grantor.IPs, granted.IPs) {
		return model.Errorf(model.Denied, "the addresses are wider than the caller's own").WithField("ips")
	}
	if len(grantor.Referrers) > 0 && (len(granted.Referrers) == 0 || slices.ContainsFunc(granted.Referrers, func(r string) bool { return !slices.Contains(grantor.Referrers, r) })) {
		return model.Errorf(model.Denied, "the referrers are wider than the caller's own").WithField("referrers")
	}
	if grantor.Certificate != "" && granted.Certificate != grantor.Certificate {
		return model.Errorf(model.Denied, "the caller's own authorization demands a client certificate: so must this one").WithField("certificate")
	}
	if len(grantor.PublicKey) > 0 && !bytes.Equal(grantor.PublicKey, granted.PublicKey) {
		return model.Errorf(model.Denied, "the caller's own answers are encrypted to a key: so must those of this one be").WithField("public_key")
	}
	if grantor.TokenTTL != 0 && (granted.TokenTTL == 0 || granted.TokenTTL > grantor.TokenTTL) {
		return model.Errorf(model.Denied, "the tokens would live longer than the caller's own").WithField("token_ttl")
	}
	if grantor.ExpiresAt != 0 && (granted.ExpiresAt == 0 || granted.ExpiresAt > grantor.ExpiresAt) {
		return model.Errorf(model.Denied, "the authorization would outlive the caller's own").WithField("expires_at")
	}
	return nil
}

func within(outer, inner model.Filter) bool {
	if inner.All {
		return false
	}
	for _, t := range inner.Tags {
		if !slices.Contains(outer.Tags, t) {
			return false
		}
	}
	for _, c := range inner.Credentials {
		if !slices.Contains(outer.Credentials, c) {
			return false
		}
	}
	return true
}

func prefixesWithin(outer, inner []string) bool {
	if len(inner) == 0 {
		return false
	}
	for _, s := range inner {
		in, err := ParsePrefix(s)
		if err != nil {
			return false
		}
		if !slices.ContainsFunc(outer, func(o string) bool {
			out, err := ParsePrefix(o)
			return err == nil && out.Bits() <= in.Bits() && out.Contains(in.Addr())
		}) {
			return false
		}
	}
	return true
}

// Narrower tells whether an authorization after a change permits nothing that it did not permit before.
func Narrower(before, after *model.Authorization) bool {
	return Covers(before, after) == nil && (before.Enabled || !after.Enabled) && (before.Creates || !after.Creates) && delegatesNoMore(before.Delegations, after.Delegations)
}

func delegatesNoMore(before, after []model.Delegation) bool {
	same := func(a, b model.Delegation) bool {
		return slices.Equal(a.Applications, b.Applications) && slices.Equal(a.Systems, b.Systems) && slices.Equal(a.Environments, b.Environments)
	}
	return !slices.ContainsFunc(after, func(d model.Delegation) bool {
		return !slices.ContainsFunc(before, func(b model.Delegation) bool { return same(b, d) })
	})
}
