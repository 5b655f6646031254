package browser_test

import (
	"net/url"
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

// TestValuesInAddresses: a value stays what it is where a URL has it, and never becomes another host, path or field. A template may say as
// what the browser comes.
func TestValuesInAddresses(t *testing.T) {
	t.Parallel()
	h := open(t, share(t))
	const odd = "a&b=c+d/é #x%20?"
	h.template = "useragent Old Browser/1.0\n" + strings.Replace(login, "/login", "/login?next=[#ADD_INFO#]&last=1", 1) + form + "click #change\ntest-visible #password-changed"
	a, fresh := h.add(t), canary+"address-1"
	outcome, err := h.change(t, a, fresh, with(mask.AddInfo, odd))
	query, agent, _ := strings.Cut(h.asked, " ")
	if got, wrong := url.ParseQuery(query); outcome != executors.Applied || wrong != nil || len(got) != 2 || got.Get("next") != odd || got.Get("last") != "1" || agent != "Old Browser/1.0" {
		t.Errorf("%s, %v: the site was asked for %q", outcome, err, h.asked)
	}
	for host, class := range map[string]executors.Class{
		"evil.example/x?": executors.ClassTemplate, "user@evil.example": executors.ClassTemplate, "evil.example#": executors.ClassTemplate, "": executors.ClassTemplate, "\xff": executors.ClassTemplate,
		"evil.example": executors.ClassRefused, "::1": executors.ClassRefused,
	} {
		h.template = strings.Replace(login, "[#HOSTNAME#]", "[#ADD_INFO#]", 1) + form
		if outcome, err := h.change(t, a, fresh, with(mask.AddInfo, host)); outcome != executors.NotStarted || executortest.ClassOf(err) != class {
			t.Errorf("the host %q: %s, %v", host, outcome, err)
		}
	}
}

// with gives a tag a value.
func with(n mask.Name, text string) func(*executors.Session) {
	return func(s *executors.Session) {
		resolve := s.Resolve
		s.Resolve = func(m mask.Name) (secret.Value, error) {
			if m == n {
				return secret.New([]byte(text)), nil
			}
			return resolve(m)
		}
	}
}
