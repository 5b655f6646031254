// Command cofre is the one binary: the daemon of an appliance node (cofre server), and the commands for its operators and
// for administrators and applications of the API.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	_ "time/tzdata" // windows of policies name zones; a minimal system has no rules for them

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/api"
	"cofre/cmd/cofre/dev"
	"cofre/cmd/cofre/dsm"
	"cofre/cmd/cofre/input"
	"cofre/cmd/cofre/operator"
)

// version is set by the linker.
var version = "0.1.0-dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root := command()
	root.SetIn(input.Of(ctx, os.Stdin))
	if err := root.ExecuteContext(ctx); err != nil {
		if api.Own(err) {
			fmt.Fprintln(os.Stderr, root.Name()+":", err)
			if advice := api.Advice(err); advice != "" {
				fmt.Fprintln(os.Stderr, "      ", advice)
			}
		}
		os.Exit(api.Status(err))
	}
}

// command is the whole of cofre, or the dsm client where the binary is called so.
func command() *cobra.Command {
	if filepath.Base(os.Args[0]) == "dsm" {
		return dsm.Root(version)
	}
	root := &cobra.Command{
		Use: "cofre", Short: "Cofre keeps privileged credentials, hands them out, and changes them on the real systems",
		Version: version, SilenceUsage: true, SilenceErrors: true,
	}
	root.AddCommand(serverCommand(), dev.Command())
	root.AddCommand(operator.Commands()...)
	root.AddCommand(api.Commands()...)
	root.AddCommand(dsm.Command(dsm.Process(), version))
	for _, c := range root.Commands() {
		if c.Name() == "backup" { // made and checked through the API, rescued and restored on a node's console
			c.AddCommand(operator.Rescue(), operator.Restore())
		}
	}
	strict(root)
	return root
}
