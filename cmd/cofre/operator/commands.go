package operator

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// Commands lists the commands that use the daemon's socket.
func Commands() []*cobra.Command {
	var socket string
	client := func() *Client { return NewClient(socket) }
	admin := &cobra.Command{Use: "admin", Short: "Break-glass: administrator keys from this node's console"}
	admin.AddCommand(adminIssue(client))
	cmds := []*cobra.Command{
		initCommand(client), unsealCommand(client), sealCommand(client), recoverCommand(client), rotateCommand(client),
		statusCommand(client, "cofre status"), clusterCommand(client), admin, profileCommand(client),
	}
	for _, c := range cmds {
		socketFlag(c, &socket)
	}
	return cmds
}

func socketFlag(c *cobra.Command, socket *string) {
	def := "/run/cofre/cofre.sock"
	if s, ok := os.LookupEnv("COFRE_SOCKET"); ok {
		def = s
	}
	c.PersistentFlags().StringVar(socket, "socket", def, "unix socket of the daemon (COFRE_SOCKET)")
}

func adminIssue(client func() *Client) *cobra.Command {
	return &cobra.Command{
		Use: "issue NAME", Short: "Make a new administrator application; everybody is alerted", Args: cobra.ExactArgs(1),
		Long:    "Make a new administrator application with every right but secret.read, for the day when the administrator's keys are lost. The trail gets an alert that names you and this node.",
		Example: "  cofre admin issue rescue",
		RunE: func(cmd *cobra.Command, args []string) error {
			var a struct {
				ClientID     string `json:"client_id"`
				ClientSecret string `json:"client_secret"`
			}
			if err := client().Post(cmd.Context(), "/admin", map[string]string{"id": args[0]}, &a); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "client id      %s\nclient secret  %s\n", a.ClientID, a.ClientSecret)
			return nil
		},
	}
}
