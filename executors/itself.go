package executors

import (
	"fmt"
	"strings"

	"cofre/executors/mask"
)

// Itself tells whether USERNAME is AUTH_USER. A domain's administrator and a machine's of the same name are two.
func (s Session) Itself() (bool, error) {
	var v [4]string
	for i, n := range []mask.Name{mask.Username, mask.AuthUser, "DOMAIN", "AUTH_DOMAIN"} {
		one, err := s.Resolve.Optional(n)
		if err != nil {
			return false, Fail(ClassTemplate, 0, fmt.Errorf("%s: %w", n, err))
		}
		_ = one.Reveal(func(b []byte) error { v[i] = string(b); return nil })
	}
	return v[0] != "" && v[0] == v[1] && strings.EqualFold(v[2], v[3]), nil
}
