package fsm_test

import (
	"testing"

	"cofre/fsm/fsmtest"
)

// TestScripts runs the reducers from text and replays every log.
func TestScripts(t *testing.T) { t.Parallel(); fsmtest.Run(t, "testdata/*.txt") }
