package operator

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// initAnswer is what a new cluster shows once.
type initAnswer struct {
	Cluster        string   `json:"cluster"`
	Fingerprint    string   `json:"fingerprint"`
	API            string   `json:"api"`
	CA             string   `json:"ca"`
	ClientID       string   `json:"client_id"`
	ClientSecret   string   `json:"client_secret"`
	Shares         []string `json:"shares"`
	RecoveryShares []string `json:"recovery_shares"`
}

func initCommand(client func() *Client) *cobra.Command {
	var args struct {
		Shares            int  `json:"shares"`
		Threshold         int  `json:"threshold"`
		RecoveryShares    int  `json:"recovery_shares"`
		RecoveryThreshold int  `json:"recovery_threshold"`
		FastLeases        bool `json:"fast_leases"`
	}
	var recoveryOut string
	cmd := &cobra.Command{
		Use: "init", Short: "Found a new cluster with this node as its first member", Args: cobra.NoArgs,
		Long: `Found a new cluster. The daemon must run (cofre server) and have no data yet.

Shown once, here, and nowhere kept: the administrator's client id and secret, and the recovery shares (any 3 of 5 open
the vault when every seal is lost). With seal: shamir also the shares that open a node after each restart.`,
		Example: "  cofre init\n  cofre init --recovery-out /media/usb1        # for scripts: one file per share\n  cofre init --shares 5 --threshold 3           # with seal: shamir",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if recoveryOut == "" && !term.IsTerminal(int(os.Stdin.Fd())) {
				return fmt.Errorf("no terminal: name a folder for the recovery shares with --recovery-out DIR")
			}
			var to *place
			if recoveryOut != "" {
				var err error
				if to, err = newPlace(recoveryOut, args.RecoveryShares, args.Shares); err != nil {
					return err
				}
				defer to.close()
			}
			var a initAnswer
			if err := client().Post(cmd.Context(), "/init", args, &a); err != nil {
				return err
			}
			return showInit(cmd, a, to)
		},
	}
	f := cmd.Flags()
	f.IntVar(&args.Shares, "shares", 5, "shares of the Shamir seal")
	f.IntVar(&args.Threshold, "threshold", 3, "shares of the Shamir seal that open a node")
	f.IntVar(&args.RecoveryShares, "recovery-shares", 5, "recovery shares")
	f.IntVar(&args.RecoveryThreshold, "recovery-threshold", 3, "recovery shares that open the vault")
	f.BoolVar(&args.FastLeases, "fast-leases", false, "leases of 6 s instead of 60 s: for practice and tests")
	f.StringVar(&recoveryOut, "recovery-out", "", "write the shares and the administrator's keys into files of mode 0600 in this folder, instead of showing them")
	return cmd
}

func showInit(cmd *cobra.Command, a initAnswer, to *place) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "Cluster %s was founded.\nThis node's fingerprint: %s\n", a.Cluster, a.Fingerprint)
	if to != nil {
		return writeInit(cmd, a, to)
	}
	if len(a.Shares) > 0 {
		fmt.Fprintf(out, "\nShares that open a node after a restart (give each to another person):\n  %s\n", strings.Join(a.Shares, "\n  "))
	}
	fmt.Fprintf(out, "\nRecovery shares (keep them apart, off line; any 3 open the vault when every seal is lost):\n  %s\n", strings.Join(a.RecoveryShares, "\n  "))
	fmt.Fprintf(out, "\nAdministrator of the API %s\n  client id      %s\n  client secret  %s\n", a.API, a.ClientID, a.ClientSecret)
	fmt.Fprintf(out, "\nNone of this is shown again. Type one of the recovery shares to prove that you have them:\n> ")
	in := bufio.NewScanner(cmd.InOrStdin())
	for in.Scan() {
		typed := strings.ToUpper(strings.TrimSpace(in.Text()))
		for _, s := range a.RecoveryShares {
			if strings.ToUpper(s) == typed {
				fmt.Fprint(out, "Good.\n", nextSteps)
				return nil
			}
		}
		fmt.Fprint(out, "That is none of the recovery shares. Type one of them:\n> ")
	}
	fmt.Fprint(out, "\n", nextSteps)
	return errUnproven
}

// errUnproven ends an init at whose end nobody typed a share.
var errUnproven = errors.New("the cluster exists, but nobody has proven that a recovery share was kept, and what was shown is not shown again. If it is lost: " +
	"cofre recover rekey makes new recovery shares, cofre rotate shares new ones of a Shamir seal, cofre admin issue new keys of an administrator")

func writeInit(cmd *cobra.Command, a initAnswer, to *place) error {
	files := map[string]string{
		"ca.pem":    a.CA,
		"admin.env": fmt.Sprintf("COFRE_URL=%s\nCOFRE_CLIENT_ID=%s\nCOFRE_CLIENT_SECRET=%s\nCOFRE_CA_FILE=%s\n", a.API, a.ClientID, a.ClientSecret, filepath.Join(to.dir, "ca.pem")),
	}
	for i, s := range a.RecoveryShares {
		files[shareFile("recovery", i)] = s + "\n"
	}
	for i, s := range a.Shares {
		files[shareFile("unseal", i)] = s + "\n"
	}
	for name, content := range files {
		if err := to.write(name, content); err != nil {
			return fmt.Errorf("write the shares (the cluster exists, and they are shown nowhere: stop the daemon, empty its data directory and found anew): %w", err)
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "Shares and administrator keys are in %s, mode 0600: move each share to another place. admin.env holds the keys as the environment wants them.\n%s", to.dir, nextSteps)
	return nil
}

// nextSteps are what a new cluster needs, in this order.
const nextSteps = `
Next:
  cofre cluster token --name NODE             for each further node, on this machine
  cofre whoami                                with COFRE_URL, COFRE_CLIENT_ID, COFRE_CLIENT_SECRET_FILE (or COFRE_CLIENT_SECRET) and
                                              COFRE_CA_FILE (cofre cluster ca prints it); or in ~/.config/cofre/profile.env, mode 0600
  cofre authorization take-secret-read        if this administrator is to read secrets, or to let others read them
`
