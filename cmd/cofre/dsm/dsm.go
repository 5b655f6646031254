// Package dsm is the client of application secrets: the command `cofre dsm runb`, which accepts the flags, keys and files
// of the vendor's dsm client and of the user's specification, and Fetch, which `cofre run --application` uses too.
//
// It guarantees that only variables which the mapping file names leave the machine, that the file with the secrets belongs
// to its user alone and never holds a part of an earlier run, and that no value is printed. Only cmd/cofre uses it.
package dsm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cofre/cmd/cofre/client"
)

// Surroundings are what the command takes from its process; tests replace them.
type Surroundings struct {
	Lookup  func(string) (string, bool) // environment
	Environ func() []string
	Home    func() (string, error)
}

// Process are the surroundings of this process.
func Process() Surroundings {
	return Surroundings{Lookup: os.LookupEnv, Environ: os.Environ, Home: os.UserHomeDir}
}

// Root is the command line of a binary that is called dsm.
func Root(version string) *cobra.Command {
	c := Command(Process(), version)
	c.SilenceUsage, c.SilenceErrors = true, true
	return c
}

// Command is `cofre dsm`.
func Command(s Surroundings, version string) *cobra.Command {
	c := &cobra.Command{Use: "dsm", Short: "Bring secrets of an application into a pipeline, as the dsm client does", Version: version}
	var f flags // those of the client itself may stand before runb, too
	c.PersistentFlags().StringVarP(&f.config, "config", "c", "", "YAML file with the keys")
	c.PersistentFlags().BoolVarP(&f.verbose, "verbose", "v", false, "say what is done")
	runb := runbCommand(s, &f)
	runb.Version = version // its flag --version; -v is --verbose there
	c.AddCommand(runb)
	c.SetVersionTemplate("dsm version {{.Version}}\n")
	return c
}

type flags struct {
	application, system, environment string
	config, tool, format             string
	insecure, verbose, debug         bool
}

func runbCommand(s Surroundings, f *flags) *cobra.Command {
	c := &cobra.Command{
		Use: "runb --application APPLICATION --system SYSTEM --environment ENVIRONMENT", Short: "Write the secrets of an application into a file for the pipeline", Args: cobra.NoArgs,
		Long: `Register the application (system and environment name its authorization), send the variables that the mapping file names, read every secret of
the authorization, and write them into a file that the pipeline reads with "source". The file is replaced as a whole and has mode 0600; remove
it after use.

Where the API is and who asks stands in the environment, or in a YAML file of mode 0600 with the same keys; the environment wins, but
for a variable that is empty:

  SENHASEGURA_URL             https://HOST[:PORT]; several nodes with commas; a path is left out
  SENHASEGURA_CLIENT_ID       SENHASEGURA_CLIENT_SECRET
  SENHASEGURA_CA_FILE         PEM of the authority of the API's certificate; the system's authorities if not set
  SENHASEGURA_CONFIG_FILE     the YAML file; else ~/.senhasegura/config.yaml, else ~/.config.yaml
  SENHASEGURA_MAPPING_FILE    JSON: access_keys, credentials, key_value, with names of variables; without it nothing is sent
  SENHASEGURA_SECRETS_FILE    the file to write, .runb.vars by default
  SENHASEGURA_SECRETS_FOLDER  its folder, if the name has none
  SENHASEGURA_DISABLE_RUNB    1: do nothing and fail
  SENHASEGURA_INSECURE        true: do not verify the API's certificate (everybody on the way can then read the secrets)
  SENHASEGURA_TIMEOUT         seconds for each request, 30 by default

Tools, and what the file holds:
` + toolHelp(),
		Example: "  cofre dsm runb --application billing --system erp --environment prod && source .runb.vars\n" +
			"  cofre dsm runb -a billing -s erp -e prod --tool-name github && source .runb.vars      # in a step of GitHub Actions\n" +
			"  cofre dsm runb -a billing -s erp -e prod -t custom --format '%s: %s'                  # name, value",
		RunE: func(c *cobra.Command, _ []string) error { return runb(c, s, *f) },
	}
	c.Flags().StringVarP(&f.application, "application", "a", "", "application (required; --app-name is the same)")
	c.Flags().StringVarP(&f.system, "system", "s", "", "system of its authorization (required)")
	c.Flags().StringVarP(&f.environment, "environment", "e", "", "environment of its authorization (required)")
	c.Flags().StringVarP(&f.tool, "tool", "t", "linux", "who reads the file: "+strings.Join(toolNames(), ", ")+" (--tool-name is the same)")
	c.Flags().StringVarP(&f.format, "format", "f", "", "line of the tool custom: %s twice, for name and value")
	c.Flags().BoolVarP(&f.insecure, "insecure", "i", false, "do not verify the API's certificate")
	c.Flags().BoolVar(&f.debug, "debug", false, "say it with every request")
	c.Flags().SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		switch name {
		case "app-name":
			name = "application"
		case "tool-name":
			name = "tool"
		}
		return pflag.NormalizedName(name)
	})
	for _, name := range []string{"application", "system", "environment"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

func runb(c *cobra.Command, s Surroundings, f flags) error {
	tool, err := toolOf(f.tool, f.format, s.Lookup)
	if err != nil {
		return err
	}
	k, err := readKeys(s, f.config)
	if err != nil {
		return err
	}
	if off, err := k.flag("DISABLE_RUNB"); err != nil || off {
		return errors.Join(err, errors.New("SENHASEGURA_DISABLE_RUNB is set: nothing was done"))
	}
	conn, err := k.connection(f.insecure)
	if err != nil {
		return err
	}
	notes := c.ErrOrStderr()
	say := func(format string, a ...any) {
		if f.verbose || f.debug {
			fmt.Fprintf(notes, format+"\n", a...)
		}
	}
	if conn.Insecure {
		fmt.Fprintln(notes, "warning: the API's certificate is not verified: everybody on the way can read the secrets")
	}
	if f.debug {
		conn.Trace = func(method, path string, status int, took time.Duration) {
			fmt.Fprintf(notes, "%s %s: %d in %s\n", method, path, status, took.Round(time.Millisecond))
		}
	}
	api, err := client.New(conn)
	if err != nil {
		return err
	}
	m, err := k.mapping(s.Environ())
	if err != nil {
		return err
	}
	say("%d variables are named by the mapping file and set", len(m.names))
	if len(m.missing) > 0 {
		fmt.Fprintf(notes, "not registered, as they are not set: %s\n", strings.Join(m.missing, ", "))
	}
	all, sealed, err := fetch(c.Context(), api, Name{f.application, f.system, f.environment}, m)
	if err != nil {
		return err
	}
	if sealed {
		return errors.New("the secrets are encrypted to the authorization's key, and a pipeline cannot use them so: cofre run --key-file opens them")
	}
	lines, left := tool.lines(all)
	for _, l := range left {
		fmt.Fprintln(notes, "left out:", l)
	}
	file := k.secretsFile()
	if err := write(file, lines); err != nil {
		return fmt.Errorf("write the secrets: %w", err)
	}
	if len(all) == 0 {
		fmt.Fprintf(notes, "there are no secrets of %s, system %s, environment %s: %s is empty. A name that was not known is registered, also a mistyped one\n", f.application, f.system, f.environment, file)
	}
	say("%d variables are in %s", len(all)-len(left), file)
	return nil
}

// write replaces the file as a whole: a reader finds the old text or the new one, never a mixture.
func write(file string, lines []string) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".runb-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	_, err = io.WriteString(tmp, strings.Join(lines, ""))
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}

func toolNames() []string {
	var names []string
	for _, t := range tools {
		names = append(names, t.name)
	}
	return slices.Sorted(slices.Values(names))
}
