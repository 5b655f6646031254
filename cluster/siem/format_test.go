package siem

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/leodido/go-syslog/v4/rfc5424"

	"cofre/fsm/audit"
	"cofre/fsm/model"
)

// read is an event with one value in every place where a client or an operator can put text.
func read(seq uint64, node model.NodeID, text string) audit.Event {
	e := audit.CredentialRead.With("credential", "c1", "number", "7", "version", "3", "identifier", text, "custody", "k1").
		Event(model.PosOf(seq, 0), 1_795_000_000_123, node, model.Actor{Kind: model.ActorClient, Authorization: "a1", Source: "192.0.2.7", Name: text})
	h := audit.Head{Seq: seq - 1, Hash: bytes.Repeat([]byte{byte(seq)}, 32)}
	h.Append(&e)
	return e
}

var hostile = []string{
	"plain", `a"b`, `a\b`, `a]b`, `\"]`, `"]["x="y`, "line\nbreak\r\n", "tab\tand\x00nul", "Grüße 🔐", "a=b|c", strings.Repeat("x", 9000),
	`\`, `]`, `"`, "\ufeffbom", "<13>1 - - - - - - fake",
}

// parsed reads a record with an independent parser.
func parsed(t testing.TB, rec []byte) *rfc5424.SyslogMessage {
	t.Helper()
	m, err := rfc5424.NewParser().Parse(rec)
	if err != nil {
		t.Fatalf("%v in %q", err, rec)
	}
	return m.(*rfc5424.SyslogMessage)
}

func checkRecord(t testing.TB, e audit.Event, facility int) {
	t.Helper()
	m := parsed(t, syslogRecord(viewOf(&e, audit.Sensitive), facility, "cofre@32473"))
	if got := int(*m.Priority); got != facility*8+int(e.Severity) {
		t.Errorf("priority %d", got)
	}
	if !m.Timestamp.Equal(e.At.Std()) || *m.Appname != "cofre" || *m.MsgID != e.Kind {
		t.Errorf("%s %s %s", m.Timestamp, *m.Appname, *m.MsgID)
	}
	sd := *m.StructuredData
	var want map[string]string // a kind without fields has no element for them
	for _, f := range e.Fields {
		if want == nil {
			want = map[string]string{}
		}
		want[f.Name] = f.Value
	}
	if diff := cmp.Diff(want, sd["cofre-fields@32473"]); diff != "" {
		t.Errorf("fields: %s", diff)
	}
	own := sd["cofre@32473"]
	if own["seq"] == "" || own["hash"] != hex.EncodeToString(e.Hash) || own["name"] != e.Name || own["source"] != e.Source {
		t.Errorf("element: %v", own)
	}
}

func TestRecordsSurviveHostileValues(t *testing.T) {
	t.Parallel()
	for _, s := range hostile {
		checkRecord(t, read(5, "n1", s), 10)
	}
}

func FuzzRecord(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, "n1", 10)
	}
	f.Fuzz(func(t *testing.T, text, node string, facility int) {
		text = strings.ToValidUTF8(text, "\uFFFD")
		if facility < 0 || facility > 23 || text == "" {
			t.Skip()
		}
		checkRecord(t, read(5, model.NodeID(node), text), facility)
	})
}

func TestRecordOfEveryKind(t *testing.T) {
	t.Parallel()
	for _, d := range audit.Catalogue() {
		var pairs []string
		for name := range d.Fields {
			pairs = append(pairs, name, `v"`+name)
		}
		e := d.With(pairs...).Event(1, 1_795_000_000_000, "n1", model.Actor{Kind: model.ActorSystem, Name: "scheduler"})
		new(audit.Head).Append(&e)
		checkRecord(t, e, 10)
		if len(d.Kind) > 32 {
			t.Errorf("%s does not fit the MSGID of a record", d.Kind)
		}
	}
}

func TestGoldenForms(t *testing.T) {
	t.Parallel()
	e := read(5, "n1", `a"\]b`)
	hash := hex.EncodeToString(e.Hash)
	for _, c := range []struct{ name, got, want string }{
		{"rfc5424", string(syslogRecord(viewOf(&e, audit.Sensitive), 10, "cofre@32473")),
			`<85>1 2026-11-18T11:06:40.123Z n1 cofre - credential.read [cofre@32473 seq="5" node="n1" actor="client" authorization="a1" name="a\"\\\]b" source="192.0.2.7" hash="` + hash +
				`"][cofre-fields@32473 credential="c1" number="7" version="3" identifier="a\"\\\]b" custody="k1"] a secret was read`},
		{"cef", string(cefRecord(viewOf(&e, audit.Sensitive), 10, "1.0|x")),
			`<85>1 2026-11-18T11:06:40.123Z n1 cofre - credential.read - CEF:0|Cofre|cofre|1.0\|x|credential.read|a secret was read|3|rt=1795000000123 externalId=5 dvchost=n1 suid=a1 suser=a"\\]b src=192.0.2.7 cat=COSE cn1=1 cn1Label=senhaseguraEvent cofreActor=client cofreHash=` + hash +
				` cofreCredential=c1 cofreNumber=7 cofreVersion=3 cofreIdentifier=a"\\]b cofreCustody=k1`},
		{"local", string(localText(viewOf(&e, audit.Public))),
			`event credential.read: a secret was read seq=5 node=n1 actor=client authorization=a1 credential=c1 number=7 version=3 custody=k1`},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestClassesDecideWhatLeaves(t *testing.T) {
	t.Parallel()
	const canary = "canary-5f1d"
	e := read(5, "n1", canary)
	e.Source = canary
	e.Fields = append(e.Fields, audit.Field{Name: "undeclared", Value: "secret-77aa"})
	line, err := jsonLine(viewOf(&e, audit.Public))
	if err != nil {
		t.Fatal(err)
	}
	for name, public := range map[string][]byte{"local": localText(viewOf(&e, audit.Public)), "file": line} {
		if bytes.Contains(public, []byte(canary)) {
			t.Errorf("%s shows a sensitive value: %s", name, public)
		}
	}
	full := bytes.Join([][]byte{
		syslogRecord(viewOf(&e, audit.Sensitive), 10, "c@1"), cefRecord(viewOf(&e, audit.Sensitive), 10, "1"), localText(viewOf(&e, audit.Sensitive)),
	}, nil)
	if n := bytes.Count(full, []byte(canary)); n != 9 {
		t.Errorf("the sensitive value stands %d times in the three full forms", n)
	}
	if bytes.Contains(append(full, line...), []byte("secret-77aa")) {
		t.Error("a field that nobody declared left the house")
	}
}

func TestFileLineIsJSON(t *testing.T) {
	t.Parallel()
	for _, s := range hostile {
		e := read(5, "n1", s)
		b, err := jsonLine(viewOf(&e, audit.Sensitive))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Time   time.Time
			Name   string
			Fields map[string]string
		}
		if bytes.Count(b, []byte("\n")) != 1 {
			t.Fatalf("one event is one line: %q", b)
		}
		if err := json.Unmarshal(b, &got); err != nil || got.Name != s || got.Fields["identifier"] != s || !got.Time.Equal(e.At.Std()) {
			t.Errorf("%v: %s", err, b)
		}
	}
}

func TestCEFValuesCannotStartAnotherKey(t *testing.T) {
	t.Parallel()
	e := read(5, "n1", "x src=6.6.6.6\nCEF:0|evil|")
	s := cef(viewOf(&e, audit.Sensitive), "1")
	if strings.Contains(s, "src=6") || strings.Contains(s, "\n") || strings.Count(s, "src=") != 1 {
		t.Error(s)
	}
}
