package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
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
			key, _, _ := strings.Cut(strings.TrimLeft(lines[n-1], " -"), ":")
			msg = fmt.Sprintf("%s: %s", key, msg)
		}
		errs = append(errs, errors.New(msg))
	}
	return errors.Join(errs...)
}
