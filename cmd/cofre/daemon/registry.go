//go:build !cofre_planted && !cofre_nextlevel

package daemon

import (
	"net/http"

	"cofre/fsm"
	"cofre/fsm/command"
)

// verbs is what this binary can apply.
func verbs() (*command.Registry, error) { return fsm.NewRegistry() }

// testRoutes is what the binaries of tests answer besides: nothing here.
func (d *Daemon) testRoutes(*http.ServeMux) {}
