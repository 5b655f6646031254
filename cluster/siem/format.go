package siem

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"cofre/fsm/audit"
)

// view is an event with only the fields that a sink may see.
type view struct {
	*audit.Event
	title        string
	name, source string
	fields       []audit.Field
}

// viewOf leaves out what is below a class. Names of operators and addresses are sensitive; secret fields never pass.
func viewOf(e *audit.Event, least audit.Class) view {
	v := view{Event: e}
	if d := audit.Find(e.Kind); d != nil {
		v.title = d.Title
	}
	if least <= audit.Sensitive {
		v.name, v.source = e.Name, e.Source
	}
	for _, f := range e.Fields {
		if c := audit.ClassOf(e.Kind, f.Name); c >= least && c != audit.Secret {
			v.fields = append(v.fields, f)
		}
	}
	return v
}

// pairs lists what an event says of itself, besides its fields.
func (v view) pairs() []audit.Field {
	all := []audit.Field{
		{Name: "seq", Value: strconv.FormatUint(v.Seq, 10)}, {Name: "node", Value: string(v.Node)},
		{Name: "actor", Value: v.Actor.String()}, {Name: "authorization", Value: string(v.Authorization)},
		{Name: "name", Value: v.name}, {Name: "source", Value: v.source}, {Name: "hash", Value: hex.EncodeToString(v.Hash)},
	}
	out := all[:0]
	for _, f := range all {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

const (
	stamp = "2006-01-02T15:04:05.000Z07:00"
	bom   = "\ufeff"
)

// syslogRecord is a record of RFC 5424. Everything that varies stands in the structured data, where it is escaped; the
// message is the sentence of the catalogue. fields may repeat names of the first element, so they have their own.
func syslogRecord(v view, facility int, sdID string) []byte {
	return record(v, facility, structuredData(sdID, v.pairs())+structuredData(strings.Replace(sdID, "@", "-fields@", 1), v.fields), v.title)
}

// cefRecord is a CEF event in a record of RFC 5424.
func cefRecord(v view, facility int, version string) []byte {
	return record(v, facility, "-", cef(v, version))
}

func record(v view, facility int, sd, msg string) []byte {
	if sd == "" {
		sd = "-"
	}
	s := fmt.Sprintf("<%d>1 %s %s cofre - %s %s", facility*8+int(v.Severity&7), v.At.Std().Format(stamp), header(string(v.Node), 255), header(v.Kind, 32), sd)
	if msg == "" {
		return []byte(s)
	}
	if strings.ContainsFunc(msg, func(r rune) bool { return r > 0x7e }) {
		msg = bom + msg // a message that is not plain ASCII says that it is UTF-8 (RFC 5424, 6.4)
	}
	return []byte(s + " " + msg)
}

// header makes a header field: printable ASCII without spaces, "-" if nothing is left.
func header(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), limit)]
}

var sdEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)

func structuredData(id string, fields []audit.Field) string {
	if len(fields) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("[" + id)
	for _, f := range fields {
		b.WriteString(" " + paramName(f.Name) + `="` + sdEscape.Replace(strings.ToValidUTF8(f.Value, "\uFFFD")) + `"`)
	}
	b.WriteString("]")
	return b.String()
}

func paramName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '=' || r == ']' || r == '"' {
			return '_'
		}
		return r
	}, header(s, 32))
}

var (
	cefHeader = strings.NewReplacer(`\`, `\\`, `|`, `\|`, "\r", " ", "\n", " ")
	cefValue  = strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\r", `\r`, "\n", `\n`)
)

// cefSeverity maps a syslog severity to CEF's 0 to 10.
func cefSeverity(s audit.Severity) int { return [...]int{10, 10, 9, 8, 6, 3, 1, 0}[s&7] }

// cef is the event in ArcSight's common event format, version 0.
func cef(v view, version string) string {
	var b strings.Builder
	b.WriteString("CEF:0|Cofre|cofre|" + cefHeader.Replace(version) + "|" + cefHeader.Replace(v.Kind) + "|" + cefHeader.Replace(v.title) + "|" + strconv.Itoa(cefSeverity(v.Severity)) + "|")
	put := func(key, value string) {
		if value != "" {
			b.WriteString(key + "=" + cefValue.Replace(strings.ToValidUTF8(value, "\uFFFD")) + " ")
		}
	}
	put("rt", strconv.FormatInt(int64(v.At), 10))
	put("externalId", strconv.FormatUint(v.Seq, 10))
	put("dvchost", string(v.Node))
	put("suid", string(v.Authorization))
	put("suser", v.name)
	if _, err := netip.ParseAddr(v.source); err == nil {
		put("src", v.source)
	} else {
		put("cofreSource", v.source)
	}
	if number, origin, ok := v.Vendor(); ok {
		put("cat", origin)
		put("cn1", strconv.Itoa(number))
		put("cn1Label", "senhaseguraEvent")
	}
	put("cofreActor", v.Actor.String())
	put("cofreHash", hex.EncodeToString(v.Hash))
	for _, f := range v.fields {
		put("cofre"+camel(f.Name), f.Value)
	}
	return strings.TrimSuffix(b.String(), " ")
}

func camel(s string) string {
	var b strings.Builder
	up := true
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z' && up:
			b.WriteRune(r - 'a' + 'A')
			up = false
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			b.WriteRune(r)
			up = false
		default:
			up = true
		}
	}
	return b.String()
}

// localText is the record for the machine's syslog: one line whatever the values hold.
func localText(v view) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "event %s: %s", header(v.Kind, 64), v.title)
	for _, f := range append(v.pairs(), v.fields...) {
		if f.Name == "hash" && v.Kind != audit.AuditCheckpoint.Kind {
			continue // the chain is for receivers that keep it
		}
		b.WriteString(" " + paramName(f.Name) + "=")
		if strings.ContainsFunc(f.Value, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '=' }) {
			b.WriteString(strconv.QuoteToASCII(f.Value))
		} else {
			b.WriteString(f.Value)
		}
	}
	return []byte(b.String())
}

// jsonLine is the event for a file.
func jsonLine(v view) ([]byte, error) {
	fields := map[string]string{}
	for _, f := range v.fields {
		fields[f.Name] = f.Value
	}
	b, err := json.Marshal(struct {
		Seq           uint64            `json:"seq"`
		Time          string            `json:"time"`
		Node          string            `json:"node"`
		Kind          string            `json:"kind"`
		Severity      string            `json:"severity"`
		Title         string            `json:"title"`
		Actor         string            `json:"actor"`
		Authorization string            `json:"authorization,omitempty"`
		Name          string            `json:"name,omitempty"`
		Source        string            `json:"source,omitempty"`
		Fields        map[string]string `json:"fields"`
		Hash          string            `json:"hash"`
	}{
		v.Seq, v.At.Std().Format(time.RFC3339Nano), string(v.Node), v.Kind, v.Severity.String(), v.title, v.Actor.String(),
		string(v.Authorization), v.name, v.source, fields, hex.EncodeToString(v.Hash),
	})
	if err != nil {
		return nil, fmt.Errorf("encode event %d: %w", v.Seq, err)
	}
	return append(b, '\n'), nil
}
