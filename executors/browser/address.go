package browser

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"cofre/executors/mask"
)

// Contexts of holes in a URL.
const (
	inHost = iota + 1
	inPath
)

// address notes where the holes of a URL stand. Which host it names is judged when it is asked for.
func address(parts []mask.Part) error {
	wrong := errors.New("expected a URL that begins with https:// or http://, with tags that are no secrets")
	if len(parts) == 0 || !strings.HasPrefix(parts[0].Literal, "https://") && !strings.HasPrefix(parts[0].Literal, "http://") {
		return wrong
	}
	at := inHost
	for i := range parts {
		text := parts[i].Literal
		if i == 0 {
			text = text[strings.Index(text, "://")+3:]
		}
		switch {
		case parts[i].Hole == "" && at == inHost && strings.ContainsRune(text, '@'):
			return wrong
		case parts[i].Hole == "" && strings.ContainsAny(text, "/?#"):
			at = inPath
		case parts[i].Hole != "" && parts[i].Hole.Secret():
			return wrong
		}
		if parts[i].Hole != "" {
			parts[i].Context = at
		}
	}
	return nil
}

// origin is the beginning of a URL up to its path.
func origin(parts []mask.Part) []mask.Part {
	var out []mask.Part
	for i, p := range parts {
		begin := 0
		if i == 0 {
			begin = strings.Index(p.Literal, "://") + 3
		}
		if at := strings.IndexAny(p.Literal[begin:], "/?#"); p.Hole == "" && at >= 0 {
			p.Literal = p.Literal[:begin+at]
			return append(out, p)
		}
		out = append(out, p)
	}
	return out
}

// location notes where the holes of a part of a URL stand.
func location(parts []mask.Part) error {
	if len(parts) > 0 && (strings.HasPrefix(parts[0].Literal, "https://") || strings.HasPrefix(parts[0].Literal, "http://")) {
		return address(parts)
	}
	if len(parts) == 0 {
		return errors.New("expected test-location with a part of a URL")
	}
	for i := range parts {
		if parts[i].Hole == "" {
			continue
		}
		if parts[i].Context = inPath; parts[i].Hole.Secret() {
			return errors.New("expected a part of a URL, with tags that are no secrets")
		}
	}
	return nil
}

var host = regexp.MustCompile(`^[0-9A-Za-z.:-]+$`)

// pathOrQuery escapes what a path may hold and a query may not.
var pathOrQuery = strings.NewReplacer("&", "%26", "=", "%3D", "+", "%2B")

// escapeURL writes a value for its place in a URL.
func escapeURL(p mask.Part, value []byte) ([]byte, error) {
	switch {
	case !utf8.Valid(value):
		return nil, errors.New("expected text in UTF-8")
	case p.Context == inHost && strings.Count(string(value), ":") > 1 && host.Match(value):
		return []byte("[" + string(value) + "]"), nil
	case p.Context == inHost && !host.Match(value):
		return nil, errors.New("expected a host name or an address")
	case p.Context == inHost:
		return value, nil
	}
	return []byte(pathOrQuery.Replace(url.PathEscape(string(value)))), nil
}

// escapeInput lets no value pass that cannot be typed into a field.
func escapeInput(p mask.Part, value []byte) ([]byte, error) {
	if !utf8.Valid(value) || strings.ContainsFunc(string(value), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, errors.New("expected text in UTF-8 without control characters: a field has one line")
	}
	if len(value) == 0 && p.Hole.Candidate() {
		return nil, errors.New("an empty password would let everybody in")
	}
	return value, nil
}
