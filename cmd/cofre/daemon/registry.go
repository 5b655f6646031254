//go:build !cofre_planted

package daemon

import (
	"cofre/fsm"
	"cofre/fsm/command"
)

// verbs is what this binary can apply.
func verbs() (*command.Registry, error) { return fsm.NewRegistry() }
