package ldap

import (
	"strings"
	"testing"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	const head = "bind \"[#AUTH_USER#]\"\nfind \"dc=x\" (uid=[#USERNAME#])\n"
	for src, want := range map[string]string{
		"":                                         "line 1, column 1: expected bind, find, and at least one change at the end",
		head:                                       "line 1, column 1: expected bind, find, and at least one change at the end",
		"find \"dc=x\" (uid=x)":                    "line 1, column 1: expected bind before find",
		"bind x\nmod-del description":              "line 2, column 1: expected find before mod-del",
		head + "mod-add description":               "line 3, column 1: expected mod-add \"attribute\" \"value\"",
		head + "mod-replace [#ADD_INFO#] x":        "line 3, column 1: expected the name of an attribute, without tags",
		head + "password-modify":                   "line 3, column 1: expected password-modify \"[#NEW_PASSWORD#]\"",
		head + "mod-del x\nend\nmod-del y":         "line 5, column 1: expected nothing after end",
		"bind \"cn=[#AUTH_PASSWORD#]\"":            "line 1, column 10: expected a tag that is no secret: names stand in the logs of servers",
		"bind a b":                                 "line 1, column 1: expected bind \"dn\"; the password is that of the authentication credential",
		"bind x\nfind x ([#ADD_INFO#]=y)":          "line 2, column 9: expected the tag of a value that is no secret, after ( attribute =",
		"bind x\nfind x [#ADD_INFO#]":              "line 2, column 8: expected the tag of a value that is no secret, after ( attribute =",
		"bind x\nfind x (uid=[#PASSWORD#])":        "line 2, column 13: expected the tag of a value that is no secret, after ( attribute =",
		"bind x\nfind x (uid=y":                    "line 2, column 8: expected a filter such as (uid=[#USERNAME#])",
		"connect null evil.example":                "line 1, column 1: expected the device as target: [#IP#] or [#HOSTNAME#], with ldap:// or ldaps:// in front of it or without",
		"bind x\nconnect null [#IP#]":              "line 2, column 1: expected connect null \"target\" before bind",
		"set-option LDAP_OPT_X_TLS_REQUIRE_CERT 0": "line 1, column 1: unknown option LDAP_OPT_X_TLS_REQUIRE_CERT; expected LDAP_OPT_PROTOCOL_VERSION or LDAP_OPT_REFERRALS: TLS and time limits belong to the device",
		"set-option LDAP_OPT_PROTOCOL_VERSION 2":   "line 1, column 1: only version 3 is offered",
		"remove x":                                 "line 1, column 1: unknown command remove; expected connect, set-option, bind, find, add, delete, mod-add, mod-del, mod-replace, set-bits, clear-bits, password-modify or end",
		"bind x\nset-bits y 2":                     "line 2, column 1: expected find before set-bits",
		head + "set-bits y [#ADD_INFO#]":           "line 3, column 1: expected set-bits attribute number, without tags, such as set-bits userAccountControl 2",
		head + "clear-bits y -2":                   "line 3, column 1: expected clear-bits attribute number, without tags, such as clear-bits userAccountControl 2",
		"delete x":                                 "line 1, column 1: expected bind before delete",
		"bind cn=a\ndelete cn=a cn=b":              `line 2, column 1: expected delete "dn"`,
		"bind cn=a\nadd cn=a objectClass":          `line 2, column 1: expected add "dn" "attribute" "value" "attribute" "value" ...`,
		"bind cn=a\nadd cn=a [#USERNAME#] x":       "line 2, column 10: expected the name of an attribute, without tags",
		"bind cn=a\ndelete [#USERNAME#]":           "line 2, column 8: expected a DN that names its attributes, such as uid=[#USERNAME#],[#ADD_INFO#]",
	} {
		if _, err := compile(src); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value, want string }{
		{`uid=[#USERNAME#],dc=x`, `a,b=c\`, `uid=a\,b=c\\,dc=x`},
		{`uid=x,[#ADD_INFO#]`, `ou=a,dc=b`, `uid=x,ou=a,dc=b`},
		{`[#ADD_INFO#],dc=x`, `ou=a`, `ou=a,dc=x`},
		{`uid=x,[#ADD_INFO#]`, `no dn`, ``},
		{`[#AUTH_DOMAIN#]\[#AUTH_USER#]`, `o'k`, `o'k\o'k`},
		{`[#AUTH_USER#]`, `cn=a,dc=b`, `cn=a,dc=b`},
		{`[#AUTH_USER#]`, "a\nb", ``},
		{`uid=[#USERNAME#],dc=x`, ``, ``},
	} {
		p, err := compile("bind \"" + c.name + "\"\nfind x (uid=y)\nmod-del z")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		v, err := mask.Render(p.steps[0].name, func(mask.Name) (secret.Value, error) { return secret.New([]byte(c.value)), nil }, escapeName)
		if (err != nil) != (c.want == "") || !v.Equal(secret.New([]byte(c.want))) && err == nil {
			_ = v.Reveal(func(b []byte) error {
				t.Errorf("%s with %q: %s, %v; want %s", c.name, c.value, b, err, c.want)
				return nil
			})
		}
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	p, err := compile("set-option LDAP_OPT_REFERRALS 3\nbind “x”\nfind x (uid=y)\nmod-replace userPassword z")
	if err != nil || len(p.notices) != 3 || !strings.Contains(p.notices[2], "password-modify lets the server hash it") {
		t.Errorf("%q, %v", p.notices, err)
	}
}

// FuzzCompile: no panic, and what compiles can say what it needs.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{openldapDN, openldapUID, "connect null ldap://[#IP#]\nbind x\nfind x (a=b)\nmod-replace unicodePwd \"u([#NEW_PASSWORD#])\"", "bind \"", "mod-add", "find u( )"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if p, err := compile(src); err == nil && len(p.Masks()) == 0 {
			t.Error("no masks, although bind needs a password")
		}
	})
}

// TestWhoIsLookedUpIsKnown: where a proof looks the account up first, the state knows that AUTH_USER logs in.
func TestWhoIsLookedUpIsKnown(t *testing.T) {
	t.Parallel()
	for _, info := range []string{"", "service", "ou=people", "OU = people , dc=example", "1.2.3=x", "#3d", "=", "ou", "ou\\3dpeople", "ou=people,x", "ou+cn", ";"} {
		who, err := whois(executors.Session{Resolve: func(n mask.Name) (secret.Value, error) {
			return secret.New([]byte(map[mask.Name]string{mask.Username: "cn=ann", mask.AddInfo: info}[n])), nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if who.name == "" && !model.LooksUp(Name, info) {
			t.Errorf("%q: it is looked up", info)
		}
	}
}
