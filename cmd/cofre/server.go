package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cofre/cmd/cofre/config"
	cofred "cofre/cmd/cofre/daemon"
)

func serverCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "server", Short: "Run the daemon of this node", Args: cobra.NoArgs,
		Long: `Run the daemon. Settings come from a YAML file, then from environment variables (COFRE_API_LISTEN for api.listen),
then from flags. Unknown keys are refused, unknown variables told. cofre server --print-config shows every key with its value.`,
		Example: "  cofre server --config /etc/cofre/cofre.yaml\n  cofre server --node n1 --data_dir ./n1 --key_dir ./keys/n1 --socket ./n1.sock --api.listen 127.0.0.1:8443",
	}
	cmd.Flags().StringVar(&file, "config", os.Getenv("COFRE_CONFIG"), "YAML file (COFRE_CONFIG)")
	show := cmd.Flags().Bool("print-config", false, "print the settings in force and exit")
	for _, k := range config.Keys() {
		cmd.Flags().String(k.Path, k.Default, k.Doc)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		set := map[string]string{}
		cmd.Flags().Visit(func(f *pflag.Flag) { set[f.Name] = f.Value.String() })
		c, err := config.Load(file, os.LookupEnv, set)
		unknown := config.Unknown(os.Environ())
		if *show || err != nil { // there is no log then
			for _, text := range unknown {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+text)
			}
		}
		if *show {
			return errors.Join(config.Print(cmd.OutOrStdout(), c), err)
		}
		if err != nil {
			return err
		}
		log, err := newLog(c.Log)
		if err != nil {
			return err
		}
		for _, text := range unknown {
			log.Warn(text)
		}
		return cofred.Run(cmd.Context(), c, version, log, func() { _, _ = daemon.SdNotify(false, daemon.SdNotifyReady) })
	}
	return cmd
}

func newLog(c config.Log) (*logrus.Logger, error) {
	log := logrus.New()
	level, err := logrus.ParseLevel(c.Level)
	if err != nil {
		return nil, fmt.Errorf("log.level: %q is none of debug, info, warn, error", c.Level)
	}
	log.SetLevel(level)
	switch c.Format {
	case "json":
		log.SetFormatter(&logrus.JSONFormatter{})
	case "text":
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true})
	default:
		return nil, fmt.Errorf("log.format: %q is neither text nor json", c.Format)
	}
	log.AddHook(redact{})
	return log, nil
}
