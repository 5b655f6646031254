package curl

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"cofre/executors/mask"
)

// Where a hole stands.
const (
	asItIs   = iota // the whole content
	inHost          // of a URL
	inPath          // of a URL
	inQuery         // of a URL, or of a form
	inHeader        // value of a header, or one side of a login
	inJSON          // inside of a JSON string
	inXML           // text or attribute
)

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)

// escape writes a value for its place, or refuses what the place cannot carry.
func escape(p mask.Part, value []byte) ([]byte, error) {
	if !utf8.Valid(value) {
		return nil, errors.New("the value is not UTF-8 text")
	}
	switch p.Context {
	case inHost:
		if a, err := netip.ParseAddr(string(value)); err == nil && a.Is6() {
			return []byte("[" + string(value) + "]"), nil
		}
		if !hostName.Match(value) {
			return nil, errors.New("the value is no host name, address or port")
		}
		return value, nil
	case inPath:
		if len(value) == 0 || string(value) == "." || string(value) == ".." {
			return nil, errors.New("the value would lead to another path")
		}
		return []byte(url.PathEscape(string(value))), nil
	case inQuery:
		return []byte(url.QueryEscape(string(value))), nil
	case inHeader:
		for _, c := range value {
			if c < ' ' || c == 0x7f {
				return nil, errors.New("the value holds a line break or another control character, which a header cannot carry")
			}
		}
		return value, nil
	case inJSON:
		quoted, err := json.Marshal(string(value))
		return quoted[1 : len(quoted)-1], err
	case inXML:
		for _, r := range string(value) {
			if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
				return nil, errors.New("the value holds a control character, which XML cannot carry")
			}
		}
		var b bytes.Buffer
		err := xml.EscapeText(&b, value)
		return b.Bytes(), err
	}
	return value, nil
}

// place gives all holes one context.
func place(parts []mask.Part, context int) []mask.Part {
	out := append([]mask.Part(nil), parts...)
	for i := range out {
		out[i].Context = context
	}
	return out
}

var form = regexp.MustCompile(`^[^=&\s]+=`)

// content finds out how values are written in a body, and what type it has unless the template says otherwise.
func content(parts []mask.Part) (placed []mask.Part, kind string, err error) {
	source := mask.Source(parts)
	holes := len(mask.Names(parts)) > 0
	begin := ""
	if len(parts) > 0 {
		begin = strings.TrimSpace(parts[0].Literal)
	}
	switch {
	case begin != "" && strings.ContainsRune(`{["`, rune(begin[0])):
		placed, err = jsonPlaces(parts)
		return placed, "application/json", err
	case strings.HasPrefix(begin, "<"):
		if strings.Contains(source, "<![CDATA[") && holes {
			return nil, "", errors.New("expected XML without CDATA: a value cannot be written inside of it")
		}
		return place(parts, inXML), "application/xml", nil
	case form.MatchString(begin):
		return place(parts, inQuery), "application/x-www-form-urlencoded", nil
	case !holes || len(parts) == 1:
		return place(parts, asItIs), "text/plain; charset=utf-8", nil
	}
	return nil, "", errors.New("expected JSON, XML, a form (name=value&...), or one tag alone: nothing else tells how a value must be written")
}

// jsonPlaces makes sure that every hole stands inside of a string of sound JSON.
func jsonPlaces(parts []mask.Part) ([]mask.Part, error) {
	inside, escaped := false, false
	var sample strings.Builder
	for _, p := range parts {
		if p.Hole != "" {
			if !inside || escaped {
				return nil, errors.New("expected tags of JSON content inside of strings")
			}
			sample.WriteByte('x')
			continue
		}
		sample.WriteString(p.Literal)
		for i := 0; i < len(p.Literal); i++ {
			switch c := p.Literal[i]; {
			case escaped:
				escaped = false
			case inside && c == '\\':
				escaped = true
			case c == '"':
				inside = !inside
			}
		}
	}
	if !json.Valid([]byte(sample.String())) {
		return nil, errors.New(`expected valid JSON; inside of a quoted argument \" is a quote`)
	}
	return place(parts, inJSON), nil
}
