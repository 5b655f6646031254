package compat

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Input is what a client sent to one of the vendor's routes, whichever way it wrote it: form, multipart, JSON, query
// parameters, or a mixture, on any method. Names are found in any case; JSON null means absent; numbers and booleans are
// taken as text and text as lists where a list is wanted. The body wins over the query. A form writes a list as a text with
// commas, by sending its name again, or as tags[]; and an object as its JSON or as settings[name]. Of any other field that a
// form sends again the last one counts, as with the vendor's server.
type Input struct {
	names  []string
	values []*node
	body   int // how many of them the body held: those of the query stand behind
	asked  map[string]bool
}

// SecretNames are the fields that hold secrets in some request of the vendor's API: they may be forbidden in a URL.
var SecretNames = []string{"password", "content", "client_secret", "secret", "private_key", "passphrase", "secret_key", "value", "data", "env", "session_token"}

// ErrSecretInURL refuses a secret in a URL, where proxies and histories keep it.
func ErrSecretInURL(name string) error {
	return model.Errorf(model.Invalid, "%s must be sent in the body, not in the URL", name).WithField(name)
}

// DecodeOptions say how a request is read.
type DecodeOptions struct {
	RefuseSecretsInURL bool
	IgnoreBody         bool // a body that cannot be understood is as good as none: DELETE
}

// Decode reads query and body of a request to a vendor's route. The body is wiped; Input is the caller's, to Wipe.
func Decode(r *http.Request, body []byte, o DecodeOptions) (*Input, error) {
	defer clear(body)
	in := &Input{}
	if err := in.form([]byte(r.URL.RawQuery), "query"); err != nil {
		return nil, err
	}
	if o.RefuseSecretsInURL {
		if name := in.secretIn(); name != "" {
			in.Wipe()
			return nil, ErrSecretInURL(name)
		}
	}
	parsed, err := decodeBody(r.Header.Get("Content-Type"), body)
	if err != nil && parsed != nil {
		parsed.Wipe() // what was read of it before the mistake
		parsed = nil
	}
	if err != nil && !o.IgnoreBody {
		in.Wipe()
		return nil, err
	}
	if parsed != nil {
		in.body = len(parsed.names)
		in.names = append(parsed.names, in.names...)
		in.values = append(parsed.values, in.values...)
	}
	return in, nil
}

// decodeBody looks at the body rather than at its declared type: clients declare JSON over forms and forms over nothing.
func decodeBody(contentType string, body []byte) (*Input, error) {
	in := &Input{}
	body = bytes.TrimPrefix(body, []byte(bom))
	trimmed := bytes.TrimSpace(body)
	kind, params, _ := mime.ParseMediaType(contentType)
	switch {
	case len(trimmed) == 0 || string(trimmed) == "null":
		return in, nil
	case kind == "multipart/form-data":
		return in, in.multipart(trimmed, params["boundary"])
	case trimmed[0] == '<' || trimmed[0] == '"': // XML, a text in JSON: as a form it would be one field with an odd name
		return nil, model.Errorf(model.Invalid, "the body must be a JSON object or a form").WithField("body")
	case trimmed[0] == '{' || trimmed[0] == '[':
		n, err := parseJSON(trimmed)
		if err != nil {
			return nil, err
		}
		if n.kind == nodeList && len(n.list) == 0 {
			return in, nil // how PHP writes an empty object
		}
		if n.kind != nodeObject {
			n.wipe()
			return nil, model.Errorf(model.Invalid, "the body must be a JSON object or a form").WithField("body")
		}
		return objectInput(n), nil
	}
	return in, in.form(trimmed, "body")
}

// bom is the mark that editors of Windows put before UTF-8.
const bom = "\xef\xbb\xbf"

func objectInput(n *node) *Input {
	in := &Input{}
	for i, k := range n.keys {
		if n.list[i].kind != nodeNull {
			in.names, in.values = append(in.names, strings.ToLower(k)), append(in.values, n.list[i])
		}
	}
	return in
}

func (in *Input) form(b []byte, where string) error {
	for fields := 0; len(b) > 0; fields++ {
		var pair []byte
		pair, b, _ = bytes.Cut(b, []byte("&"))
		if len(pair) == 0 {
			continue
		}
		if fields >= maxMembers {
			return model.Errorf(model.Invalid, "too many fields").WithField(where)
		}
		k, v, _ := bytes.Cut(pair, []byte("="))
		key, ok := unescape(k)
		value, good := unescape(v)
		if !ok || !utf8.Valid(key) {
			return model.Errorf(model.Invalid, "malformed form: a name is not percent-encoded UTF-8").WithField(where)
		}
		if name := strings.ToLower(string(key)); !good || !utf8.Valid(value) {
			clear(value)
			return model.Errorf(model.Invalid, "%s is not percent-encoded UTF-8", FieldName(name)).WithField(FieldName(name))
		}
		if err := in.addField(string(key), &node{kind: nodeString, text: value}); err != nil {
			return err
		}
	}
	return nil
}

// unescape decodes percent-encoding and '+' into bytes of its own.
func unescape(b []byte) ([]byte, bool) {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '+':
			out = append(out, ' ')
		case c == '%':
			if i+2 >= len(b) || !isHex(b[i+1]) || !isHex(b[i+2]) {
				return out, false
			}
			out = append(out, unhex(b[i+1])<<4|unhex(b[i+2]))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out, true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

func (in *Input) multipart(b []byte, boundary string) error {
	malformed := model.Errorf(model.Invalid, "malformed multipart form").WithField("body")
	if boundary == "" {
		return malformed
	}
	r := multipart.NewReader(bytes.NewReader(b), boundary)
	for fields := 0; ; fields++ {
		part, err := r.NextRawPart()
		if err == io.EOF { //nolint:errorlint // a torn body is an error that wraps EOF; only the plain one is the end
			return nil
		}
		if err != nil || fields >= maxMembers {
			return malformed
		}
		value, err := io.ReadAll(part)
		name := part.FormName()
		if err != nil || name == "" {
			return malformed
		}
		if !utf8.Valid(value) || !utf8.ValidString(name) {
			name = FieldName(strings.ToLower(name))
			return model.Errorf(model.Invalid, "%s is not valid UTF-8", name).WithField(name)
		}
		if err := in.addField(name, &node{kind: nodeString, text: value}); err != nil {
			return err
		}
	}
}

func (in *Input) find(names []string) *node {
	if all := in.all(names); all != nil {
		return all[len(all)-1]
	}
	return nil
}

// all are the values of the first of the names that was sent: more than one if a form sent it again.
func (in *Input) all(names []string) (out []*node) {
	for _, name := range names {
		in.ask(name)
		i := slices.Index(in.names, name)
		if i < 0 {
			continue
		}
		end := len(in.names)
		if i < in.body {
			end = in.body
		}
		for ; i < end; i++ {
			if in.names[i] == name {
				out = append(out, in.values[i])
			}
		}
		return out
	}
	return nil
}

// Empty tells whether nothing at all was sent.
func (in *Input) Empty() bool { return len(in.names) == 0 }

// Says tells whether a field was sent that asks for something: not empty, and not a switch that is off.
func (in *Input) Says(name string) bool {
	n := in.find([]string{name})
	switch {
	case n == nil:
		return false
	case n.kind == nodeList || n.kind == nodeObject:
		return len(n.list) > 0
	}
	on, err := in.Bool(name)
	return err != nil || *on
}

// Names lists the names of the fields that were sent.
func (in *Input) Names() []string { return slices.Clone(in.names) }

// Text gives the first of the named fields that was sent; "" if none was.
func (in *Input) Text(names ...string) string {
	if p := in.Pointer(names...); p != nil {
		return *p
	}
	return ""
}

// Pointer gives the first of the named fields that was sent, or nil. Objects and lists are not text.
func (in *Input) Pointer(names ...string) *string {
	n := in.find(names)
	if n == nil || n.kind == nodeList || n.kind == nodeObject {
		return nil
	}
	s := string(n.text)
	return &s
}

// Secret gives the first of the named fields as a secret of the caller's, or nil.
func (in *Input) Secret(names ...string) *secret.Value {
	n := in.find(names)
	if n == nil || n.kind == nodeList || n.kind == nodeObject {
		return nil
	}
	v := secret.New(append([]byte(nil), n.text...))
	return &v
}

// Texts refuses objects and lists in fields that are texts, which would be as good as not sent; an empty list is how some
// clients send nothing.
func (in *Input) Texts(names ...string) error {
	for _, name := range names {
		if n := in.find([]string{name}); n != nil && (n.kind == nodeObject || n.kind == nodeList && len(n.list) > 0) {
			return wrongType(name, "a text", n)
		}
	}
	return nil
}

// Bool reads a switch in any of the spellings of clients; nil if it was not sent.
func (in *Input) Bool(names ...string) (*bool, error) {
	if err := in.Texts(names...); err != nil {
		return nil, err
	}
	s := in.Pointer(names...)
	if s == nil {
		return nil, nil
	}
	yes := false
	switch strings.ToLower(*s) {
	case "1", "true", "yes", "on", "sim":
		yes = true
	case "0", "false", "no", "off", "", "nao", "não":
	default:
		return nil, model.Errorf(model.Invalid, "%s must be true or false", names[0]).WithField(names[0])
	}
	return &yes, nil
}

// List reads a list, or a text with commas; nil if it was not sent. Elements are trimmed, empty ones dropped.
func (in *Input) List(names ...string) (*[]string, error) {
	sent := in.all(names)
	if sent == nil {
		return nil, nil
	}
	out := []string{}
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	for _, n := range sent {
		switch n.kind {
		case nodeObject:
			return nil, wrongType(names[0], "a list or a text with commas", n)
		case nodeList:
			for _, c := range n.list {
				if c.kind == nodeList || c.kind == nodeObject {
					return nil, wrongType(names[0], "a list of texts", c)
				}
				if c.kind != nodeNull {
					add(string(c.text))
				}
			}
		default:
			for _, s := range strings.Split(string(n.text), ",") {
				add(s)
			}
		}
	}
	return &out, nil
}

// Members reads a list of texts, or of objects with such a member; nil if it was not sent.
func (in *Input) Members(name, member string) (*[]string, error) {
	n := in.find([]string{name})
	if n == nil || n.kind != nodeList || !slices.ContainsFunc(n.list, func(c *node) bool { return c.kind == nodeObject }) {
		return in.List(name)
	}
	out := []string{}
	for _, c := range n.list {
		if c.kind != nodeObject {
			return nil, wrongType(name, "a list of objects", c)
		}
		out = append(out, objectInput(c).Text(member))
	}
	return &out, nil
}

// Object reads a nested object, or a list of one object, or its JSON as text in a form; nil if it was not sent.
func (in *Input) Object(name string) (*Input, error) {
	n := in.find([]string{name})
	if n == nil {
		return nil, nil
	}
	if n.kind == nodeString {
		if len(bytes.TrimSpace(n.text)) == 0 {
			return nil, nil
		}
		parsed, err := parseJSON(n.text)
		if err != nil {
			return nil, model.Errorf(model.Invalid, "%s must be an object", name).WithField(name)
		}
		n = parsed
	}
	if n.kind == nodeList && len(n.list) == 1 {
		n = n.list[0]
	}
	if n.kind == nodeList && len(n.list) == 0 {
		return nil, nil
	}
	if n.kind != nodeObject {
		return nil, wrongType(name, "an object", n)
	}
	return objectInput(n), nil
}

// Wipe overwrites everything that was sent.
func (in *Input) Wipe() {
	for _, v := range in.values {
		v.wipe()
	}
}
