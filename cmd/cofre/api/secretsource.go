package api

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"
)

// secretSource says where the secret of a new credential comes from. It never stands in the manifest.
type secretSource struct{ generate, env, file, stdin string }

const secretHelp = "secret is one of: {generate: true}, {generate: POLICY}, {env: NAME}, {file: PATH}, {stdin: true}; a secret itself never stands in a manifest"

// secret reads the special key; nil: there is none. Its errors show no value, which may be a secret that stands in the
// wrong place.
func (o *object) secret() (*secretSource, error) {
	v, ok := o.special["secret"]
	if !ok {
		return nil, nil
	}
	m, _ := v.(map[string]any)
	if len(m) != 1 {
		return nil, o.fault("secret", secretHelp)
	}
	s := &secretSource{}
	for key, to := range map[string]*string{"generate": &s.generate, "env": &s.env, "file": &s.file, "stdin": &s.stdin} {
		v, ok := m[key]
		if !ok {
			continue
		}
		switch v := v.(type) {
		case string:
			*to = v
		case bool:
			if v && (key == "generate" || key == "stdin") {
				*to = "true"
			}
		}
		if *to == "" || key == "stdin" && *to != "true" {
			return nil, o.fault("secret", secretHelp)
		}
		if key == "env" && !variable.MatchString(*to) {
			return nil, o.fault("secret", "env is not the name of a variable")
		}
		return s, nil
	}
	return nil, o.fault("secret", secretHelp)
}

// ready tells whether the secret will be there when the credential is created; a policy is looked up by the caller.
func (s *session) secretReady(o *object, src *secretSource) error {
	switch {
	case src.env != "":
		if v, ok := s.lookup(src.env); !ok || v == "" {
			return o.fault("secret", "the environment variable %s is not set", src.env)
		}
	case src.file != "":
		if _, err := private(src.file); err != nil {
			return o.fault("secret", "%v", err)
		}
	}
	return nil
}

// fetchSecret gets the secret of a credential that is created now.
func (s *session) fetchSecret(c *cobra.Command, o *object, src *secretSource) (*string, error) {
	switch {
	case src.env != "":
		v, _ := s.lookup(src.env)
		return &v, nil
	case src.file != "":
		b, err := private(src.file)
		if err != nil {
			return nil, err
		}
		return secretFrom(bytes.NewReader(b))
	case src.stdin != "":
		return secretFrom(c.InOrStdin())
	}
	v, err := s.generate(c, o.generator(src))
	if err != nil {
		return nil, fmt.Errorf("make a secret: %w", err)
	}
	return v, nil
}

// generator is the policy that makes the secret.
func (o *object) generator(src *secretSource) string {
	if src.generate != "true" {
		return src.generate
	}
	own, _ := o.want["policy"].(string)
	return or(own, "default")
}
