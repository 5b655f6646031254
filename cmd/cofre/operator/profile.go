package operator

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func profileCommand(client func() *Client) *cobra.Command {
	seconds, out := 10.0, ""
	cmd := &cobra.Command{
		Use: "profile cpu|heap|allocs|goroutine|mutex|block", Short: "Record where this node spends its time or memory", Args: cobra.ExactArgs(1),
		Long:    "Record a profile of the daemon on this node, in the format of the Go tools. It holds call stacks, times and sizes, never values: it can be sent to a developer.",
		Example: "  cofre profile cpu --seconds 20 --out cpu.pprof\n  go tool pprof -top cpu.pprof",
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := client().Bytes(cmd.Context(), fmt.Sprintf("/profile/%s?seconds=%g", args[0], seconds))
			if err != nil {
				return err
			}
			if out == "" {
				out = args[0] + ".pprof"
			}
			if err := os.WriteFile(out, b, 0o600); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes (go tool pprof -top %s)\n", out, len(b), out)
			return nil
		},
	}
	cmd.Flags().Float64Var(&seconds, "seconds", seconds, "how long the CPU is watched, at most 60")
	cmd.Flags().StringVar(&out, "out", "", "file (default: KIND.pprof)")
	return cmd
}
