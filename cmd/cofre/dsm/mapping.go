package dsm

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// mapping is what a pipeline registers: the text of the mapping file, and those of its variables that are set.
type mapping struct {
	text    []byte
	names   []string
	missing []string // named and not set
	env     map[string]string
}

// mapping reads the mapping file and picks the variables that it names out of an environment.
func (k keys) mapping(environ []string) (mapping, error) {
	file := k["MAPPING_FILE"]
	if file == "" {
		return mapping{}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return mapping{}, fmt.Errorf("read the mapping file: %w", err)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // the mark that editors of Windows put before UTF-8
	m := mapping{text: text, env: map[string]string{}}
	named, err := variablesOf(text)
	if err != nil {
		return mapping{}, fmt.Errorf("read the mapping file %s: %w", file, err)
	}
	for _, e := range environ {
		if name, value, _ := strings.Cut(e, "="); named[name] {
			m.env[name] = value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if _, set := m.env[name]; set {
			m.names = append(m.names, name)
		} else {
			m.missing = append(m.missing, name)
		}
	}
	return m, nil
}

// variablesOf lists the names of variables that a mapping file mentions.
func variablesOf(text []byte) (map[string]bool, error) {
	type item struct {
		Name   string          `json:"name"`
		Fields json.RawMessage `json:"fields"`
	}
	var file struct {
		AccessKeys  []item `json:"access_keys"`
		Credentials []item `json:"credentials"`
		KeyValue    []item `json:"key_value"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("it is no JSON of the form {access_keys: [...], credentials: [...], key_value: [...]}: %w", err)
	}
	if file.AccessKeys == nil && file.Credentials == nil && file.KeyValue == nil && strings.Contains(string(text), ":") { // it holds something else
		return nil, errors.New("it has none of access_keys, credentials and key_value: it would register nothing")
	}
	named := map[string]bool{}
	for kind, items := range map[string][]item{"access_keys": file.AccessKeys, "credentials": file.Credentials, "key_value": file.KeyValue} {
		for i, it := range items {
			var list []string
			var fields map[string]string
			if json.Unmarshal(it.Fields, &list) != nil && json.Unmarshal(it.Fields, &fields) != nil {
				return nil, fmt.Errorf("%s, item %d: fields is neither a list of variables nor an object that names one for each field", kind, i+1)
			}
			for _, name := range list {
				named[name] = true
			}
			for _, name := range fields {
				named[name] = true
			}
		}
	}
	return named, nil
}

// document is what the API is told: an object of texts. Lines of NAME=value would cut a value with such a line in it.
func (m mapping) document() ([]byte, error) {
	for _, name := range m.names {
		if !utf8.ValidString(m.env[name]) {
			return nil, fmt.Errorf("the variable %s is not UTF-8: encode it, for example as base64", name)
		}
	}
	return json.Marshal(m.env)
}

// encoded is base64 in the alphabet of the vendor's client: - _ and comma stand for + / and =.
func encoded(b []byte) string {
	return strings.NewReplacer("+", "-", "/", "_", "=", ",").Replace(base64.StdEncoding.EncodeToString(b))
}
