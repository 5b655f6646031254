package siem

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofre/fsm/audit"
)

func TestCursorFile(t *testing.T) {
	t.Parallel()
	c := &FileCursor{Path: filepath.Join(t.TempDir(), "c")}
	if at, err := c.Load(); at != nil || err != nil {
		t.Fatalf("%v, %v", at, err)
	}
	want := positions{"n1": 7, "n2": 1 << 60}
	if err := c.Store(positions{"n1": 1}); err != nil {
		t.Fatal(err)
	}
	if err := c.Store(want); err != nil {
		t.Fatal(err)
	}
	if at, err := c.Load(); err != nil || !cmp.Equal(at, want) {
		t.Errorf("%v, %v", at, err)
	}
	for _, damaged := range []string{"", "{", `{"format":2}`, "\x00\x00"} {
		if err := os.WriteFile(c.Path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Load(); err == nil || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("%q: %v", damaged, err)
		}
	}
}

func TestFileSinkEndsATornLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.WriteFile(path, []byte(`{"seq":1,"to`), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFile(FileConfig{Path: path})
	if err := f.Send(t.Context(), []audit.Event{read(1, "n1", "x"), read(2, "n1", "x")}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if lines := strings.Split(string(b), "\n"); err != nil || len(lines) != 4 || !strings.HasPrefix(lines[1], `{"seq":1,"time"`) {
		t.Errorf("%v: %s", err, b)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	good := ReceiverConfig{Name: "soc", Address: "siem:6514"}
	with := func(f func(*ReceiverConfig)) Config { r := good; f(&r); return Config{Receivers: []ReceiverConfig{r}} }
	for want, c := range map[string]Config{
		"":                       {Receivers: []ReceiverConfig{good}},
		"say plaintext: true":    with(func(r *ReceiverConfig) { r.Transport = "tcp" }),
		"readable over":          with(func(r *ReceiverConfig) { r.Transport = "udp" }),
		"names and addresses":    {Local: LocalConfig{Mode: LocalFull}},
		"transport is":           with(func(r *ReceiverConfig) { r.Transport = "relp" }),
		"format is":              with(func(r *ReceiverConfig) { r.Format = "leef" }),
		"host:port":              with(func(r *ReceiverConfig) { r.Address = "siem" }),
		"unknown facility":       with(func(r *ReceiverConfig) { r.Facility = "x" }),
		"sd_id":                  with(func(r *ReceiverConfig) { r.SDID = "cofre" }),
		"belong together":        with(func(r *ReceiverConfig) { r.Certificate = "c.pem" }),
		"the name":               {Files: []FileConfig{{Path: "/var/log/a"}, {Path: "/var/log/a"}}},
		"used twice":             {Receivers: []ReceiverConfig{good, good}},
		"is not a name":          with(func(r *ReceiverConfig) { r.Name = "../x" }),
		"path is missing":        {Files: []FileConfig{{Name: "f"}}},
		"batch is 1 to":          {Batch: -1},
		"timeout is at least 1s": {Timeout: time.Millisecond},
		"audit.keep":             {Keep: time.Hour},
		"url is https":           {Webhooks: []WebhookConfig{{SecretFile: "s", URL: "ftp://x"}}},
		"no user, query":         {Webhooks: []WebhookConfig{{SecretFile: "s", URL: "https://x/?token=1"}}},
		"use https, or say":      {Webhooks: []WebhookConfig{{SecretFile: "s", URL: "http://x/"}}},
		"secret_file is missing": {Webhooks: []WebhookConfig{{URL: "https://x/"}}},
		"no event is called":     {Webhooks: []WebhookConfig{{SecretFile: "s", URL: "https://x/", Wanted: Wanted{Events: []string{"operation.ended"}}}}},
		"the modules that have operations are PAM Core": {Webhooks: []WebhookConfig{{SecretFile: "s", URL: "https://x/", Wanted: Wanted{Modules: []string{"A2A"}}}}},
		"a requester is APPLICATION/NAME":               {Mails: []MailConfig{{Address: "x:25", Transport: "starttls", From: "a@b", To: []string{"a@b"}, Every: time.Minute, Wanted: Wanted{Requesters: []string{""}}}}},
		"an outcome is":                                 {Webhooks: []WebhookConfig{{SecretFile: "s", URL: "https://x/", Wanted: Wanted{Outcomes: []string{"dead"}}}}},
		"to is missing":                                 {Mails: []MailConfig{{Address: "m:25", From: "a@b.c"}}},
		"is not a mail address":                         {Mails: []MailConfig{{Address: "m:25", From: "a@b.c\r\nBcc: x@y.z", To: []string{"a@b.c"}}}},
		"use starttls, or say":                          {Mails: []MailConfig{{Address: "m:25", From: "a@b.c", To: []string{"a@b.c"}, Transport: "plain"}}},
		"password_file belong":                          {Mails: []MailConfig{{Address: "m:25", From: "a@b.c", To: []string{"a@b.c"}, User: "u"}}},
		"such as mail.example":                          {Mails: []MailConfig{{Address: "m", From: "a@b.c", To: []string{"a@b.c"}}}},
		"every is 1s to 24h":                            {Mails: []MailConfig{{Address: "m:25", From: "a@b.c", To: []string{"a@b.c"}, Every: time.Millisecond}}},
	} {
		err := c.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestNamesAreMadeAndStay(t *testing.T) {
	t.Parallel()
	c := Config{
		Receivers: []ReceiverConfig{{Address: "SIEM.example.org:6514"}, {Address: "siem.example.org.a.very.long.name.indeed:6514"}, {Address: "siem.example.org.a.very.long.name.indeed:6515"}},
		Files:     []FileConfig{{Path: "/var/log/a"}, {Path: "/var/log_a"}},
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if got := c.withDefaults().Receivers[0].Name; got != "tls-siem-example-org-65-"+got[len(got)-8:] || c.Receivers[0].Name != "" {
		t.Error(got)
	}
}
