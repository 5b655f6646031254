package browser_test

import (
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
)

// login and form are the parts of templates: the login with its proof, and the form that is filled in but not sent.
const (
	login = "start-at https://[#HOSTNAME#]/login\nfill #username [#USERNAME#]\nfill #password [#CURRENT_PASSWORD#]\nclick #login\nrefusal #login-error\nlogged-in #account\n"
	form  = "set-location /password\nfill #current-password [#CURRENT_PASSWORD#]\nfill #new-password [#NEW_PASSWORD#]\nfill #new-password-again [#NEW_PASSWORD#]\n"
)

// TestEndsOfTemplates: what may be claimed follows from what was sent and what the page was seen to say, not from the end of the template.
func TestEndsOfTemplates(t *testing.T) {
	t.Parallel()
	connect := share(t)
	const short, fine = "C4nary", canary + "ends-1"
	for what, c := range map[string]struct {
		template string
		fresh    string
		want     executors.Outcome
		class    executors.Class // "": the change was made
		entered  int
	}{
		"nothing is sent":                                        {login + form + "test-selector #change", fine, executors.NotStarted, executors.ClassProtocol, 1},
		"nothing is awaited":                                     {login + form + "click #change\nnew-action", fine, executors.Uncertain, executors.ClassTemplate, 1},
		"something is awaited before":                            {login + form + "test-visible #change\nclick #change\nnew-action", fine, executors.Uncertain, executors.ClassTemplate, 1},
		"the page's no is seen by new-action":                    {login + form + "click #change\nrefusal #change-error\nnew-action\ntest-visible #password-changed", short, executors.Rejected, executors.ClassPolicy, 1},
		"the refusal of the login is over with it":               {strings.Replace(login, "#login-error", "#new-password", 1) + form + "click #change\ntest-visible #password-changed", fine, executors.Applied, "", 1},
		"what is awaited is of the page that comes":              {login + form + "click #change\ntest-not-visible #change-error", short, executors.Uncertain, executors.ClassTimeout, 1},
		"what is there but not seen":                             {login + form + "click #change\ntest-visible title", fine, executors.Uncertain, executors.ClassTimeout, 1},
		"what has its place but is not seen":                     {login + "set-location /password\ntest-visible #unseen\n" + strings.TrimPrefix(form, "set-location /password\n") + "click #change\ntest-visible #password-changed", fine, executors.NotStarted, executors.ClassTimeout, 1},
		"in the clear":                                           {strings.Replace(login, "https:", "http:", 1) + form, fine, executors.NotStarted, executors.ClassTLS, 0},
		"it is there":                                            {login + form + "click #change\ntest-selector title", fine, executors.Applied, "", 1},
		"a wrong password":                                       {strings.Replace(login, "[#CURRENT_PASSWORD#]", "[#USERNAME#]", 1) + form, fine, executors.NotStarted, executors.ClassAuth, 0},
		"nothing new is typed, and the page refuses what it was": {strings.Replace(login, "[#CURRENT_PASSWORD#]", "[#USERNAME#]", 1), fine, executors.Uncertain, executors.ClassAuth, 0},
	} {
		h := open(t, connect)
		h.template = c.template
		a, entered := h.add(t), 0
		p, err := h.executor.Compile(h.template)
		if err != nil {
			t.Fatal(err)
		}
		s := h.session(a, c.fresh)
		s.ReadTimeout, s.Entered = 2*time.Second, func() { entered++ }
		outcome, err := p.Run(t.Context(), s)
		if outcome != c.want || (err == nil) != (c.class == "") || err != nil && executortest.ClassOf(err) != c.class || entered != c.entered {
			t.Errorf("%s: %s, entered %d times, %v", what, outcome, entered, err)
		}
		if is := h.in(a.Name, c.fresh); is != (c.fresh == fine && h.posts > 0) {
			t.Errorf("%s: the site has the new secret: %t", what, is)
		}
	}
}
