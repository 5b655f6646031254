package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readFile reads a YAML file over c. Unknown keys are refused.
func readFile(c *Config, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	err = d.Decode(c)
	if errors.Is(err, io.EOF) {
		return nil // an empty file
	}
	if err != nil {
		return fmt.Errorf("read the configuration %s: %w", file, withKeys(err, string(b)))
	}
	if d.Decode(&yaml.Node{}) == nil {
		return fmt.Errorf("read the configuration %s: it holds a second document after ---, which would be ignored", file)
	}
	return nil
}

// withKeys adds to each complaint of the decoder, which knows lines only, the key of that line.
func withKeys(err error, file string) error {
	var t *yaml.TypeError
	if !errors.As(err, &t) {
		return err
	}
	lines := strings.Split(file, "\n")
	var errs []error
	for _, msg := range t.Errors {
		var n int
		if _, err := fmt.Sscanf(msg, "line %d:", &n); err == nil && n > 0 && n <= len(lines) {
			key, _, _ := strings.Cut(strings.TrimLeft(lines[n-1], " -{"), ":")
			msg = fmt.Sprintf("%s: %s", key, plain(msg))
		}
		errs = append(errs, errors.New(msg))
	}
	return errors.Join(errs...)
}

var (
	unknownKey = regexp.MustCompile(`field (\S+) not found in type \S+`)
	wrongType  = regexp.MustCompile("cannot unmarshal !!(\\S+)( `.*`)? into (\\S+)")
	// typeWords are the field's words for the types of YAML and of Go.
	typeWords = map[string]string{
		"map": "a mapping", "seq": "a list", "int": "a whole number", "float64": "a number", "bool": "true or false", "string": "a text", "[]string": "a list of words",
		"time.Duration": "a span of time such as 720h",
	}
)

// plain says a complaint of the decoder in the field's words.
func plain(msg string) string {
	if m := unknownKey.FindStringSubmatch(msg); m != nil {
		return strings.Replace(msg, m[0], "there is no key "+m[1], 1)
	}
	if m := wrongType.FindStringSubmatch(msg); m != nil {
		found := cmp.Or(strings.Trim(m[2], " "), typeWords[m[1]], m[1])
		return strings.Replace(msg, m[0], found+" is not "+cmp.Or(typeWords[m[3]], "what belongs here"), 1)
	}
	return msg
}
