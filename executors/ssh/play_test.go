package ssh

import (
	"context"
	"testing"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/executors/executortest"
)

// TestDevicesDouble plays the dialogues of devices that cannot be had here.
func TestDevicesDouble(t *testing.T) {
	t.Parallel()
	executortest.Play(t, deviceCatalogue(), func(ctx context.Context, template string, s executors.Session, open dialogue.Open) (executors.Outcome, error) {
		p, err := New().Compile(template)
		if err != nil {
			t.Fatal(err)
		}
		return p.(program).Program.Run(ctx, s, open)
	})
}
