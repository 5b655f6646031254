package edge_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// plainer makes answers comparable: what differs from run to run becomes a value that stands for it, the same each time.
type plainer struct {
	seen map[string]string
}

var (
	moment   = regexp.MustCompile(`("|time, |try, at )20[2-8]\d-\d\d-\d\d([T ])\d\d:\d\d:\d\d(\.\d+)?(Z?)"`)
	day      = regexp.MustCompile(`"20[2-8]\d-\d\d-\d\d"`)
	clock    = regexp.MustCompile(`"\d\d:\d\d:\d\d"`)
	token    = regexp.MustCompile(`"eyJ[\w-]+\.[\w-]+\.[\w-]+"`)
	made     = regexp.MustCompile(`app_\d{12}_[0-9a-f]{8}`)
	hexadec  = regexp.MustCompile(`\b([0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})\b`)
	secrets  = regexp.MustCompile(`"(client_secret|signature|consumer_secret|token_secret|consumer_key|secret_access_key|access_key_id|token|ciphertext|public_key|key|private_key|fingerprint|header|trailer|line|next_token)":"([^"]{20,})"`)
	ciphered = regexp.MustCompile(`"encrypted_value":"([A-Za-z0-9+/=]{24,})"`)
	exported = regexp.MustCompile(`\\"(public|signature)\\":\\"[^"\\]+\\"`)
	exportAt = regexp.MustCompile(`\\"at\\":\d+`)
)

func (p *plainer) text(raw string) string {
	s := moment.ReplaceAllString(raw, `${1}2026-01-31${2}12:00:00${4}"`)
	s = day.ReplaceAllString(s, `"2026-01-31"`)
	s = clock.ReplaceAllString(s, `"00:00:00"`)
	s = token.ReplaceAllString(s, `"eyJhbGciOiJFZERTQSJ9..."`)
	s = made.ReplaceAllString(s, "app_260131120000_0a1b2c3d")
	s = secrets.ReplaceAllString(s, `"$1":"..."`)
	s = ciphered.ReplaceAllString(s, `"encrypted_value":"..."`)
	s = exported.ReplaceAllString(s, `\"$1\":\"...\"`)
	s = exportAt.ReplaceAllString(s, `\"at\":1769860800000`)
	s = hexadec.ReplaceAllStringFunc(s, func(id string) string {
		if p.seen[id] == "" {
			p.seen[id] = fmt.Sprintf("%0*x", len(id), len(p.seen)+1)
		}
		return p.seen[id]
	})
	return layout(s)
}

// layout writes JSON for people: what fits into a line stands in one.
func layout(raw string) string {
	var b strings.Builder
	d := json.NewDecoder(strings.NewReader(raw))
	var v json.RawMessage
	if err := d.Decode(&v); err != nil {
		return strings.TrimSpace(raw)
	}
	lay(&b, v, "")
	return b.String()
}

const lineLength = 140

func lay(b *strings.Builder, v json.RawMessage, indent string) {
	var flat bytes.Buffer
	_ = json.Compact(&flat, v)
	short := spaced(flat.String())
	if len(indent)+len(short) <= lineLength || !strings.ContainsAny(flat.String()[:1], "{[") {
		b.WriteString(short)
		return
	}
	d := json.NewDecoder(bytes.NewReader(v))
	open, _ := d.Token()
	b.WriteString(fmt.Sprint(open))
	for i := 0; d.More(); i++ {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n" + indent + "  ")
		if open == json.Delim('{') {
			k, _ := d.Token()
			name, _ := json.Marshal(k)
			b.WriteString(string(name) + ": ")
		}
		var member json.RawMessage
		_ = d.Decode(&member)
		lay(b, member, indent+"  ")
	}
	end, _ := d.Token()
	b.WriteString("\n" + indent + fmt.Sprint(end))
}

// spaced puts a blank behind each colon and comma that is not inside a text.
func spaced(flat string) string {
	var b strings.Builder
	inside := false
	for i := 0; i < len(flat); i++ {
		c := flat[i]
		b.WriteByte(c)
		switch {
		case c == '\\' && inside:
			i++
			b.WriteByte(flat[i])
		case c == '"':
			inside = !inside
		case !inside && (c == ',' || c == ':'):
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func decoded(body string) map[string]any {
	var v map[string]any
	_ = json.Unmarshal([]byte(body), &v)
	return v
}
