package operator

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/wholefile"
)

func profileCommand(client func() *Client) *cobra.Command {
	seconds, out := 10.0, ""
	cmd := &cobra.Command{
		Use: "profile cpu|heap|allocs|goroutine|mutex|block", Short: "Record where this node spends its time or memory", Args: cobra.ExactArgs(1),
		Long:    "Record a profile of the daemon on this node, in the format of the Go tools. It holds call stacks, times and sizes, never values: it can be sent to a developer.",
		Example: "  cofre profile cpu --seconds 20 --out cpu.pprof\n  go tool pprof -top cpu.pprof",
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				out = args[0] + ".pprof"
			}
			n := 0
			err := wholefile.Write(cmd, out, func(w io.Writer) error {
				b, err := client().Bytes(cmd.Context(), fmt.Sprintf("/profile/%s?seconds=%g", args[0], seconds))
				if err == nil {
					n, err = w.Write(b)
				}
				return err
			})
			if err == nil && out != "-" {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes (go tool pprof -top %s)\n", out, n, out)
			}
			return err
		},
	}
	cmd.Flags().Float64Var(&seconds, "seconds", seconds, "how long the CPU is watched, at most 60")
	cmd.Flags().StringVar(&out, "out", "", "file, or - for standard output (default: KIND.pprof)")
	return cmd
}
