package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// A mistake on the command line is an error that says where help is, and never help that passes for success.
func TestMistakes(t *testing.T) {
	for line, want := range map[string]string{
		"credential lst":               `unknown command "lst" for "cofre credential": did you mean list?; cofre credential --help shows how`,
		"secret automation shwo":       `unknown command "shwo" for "cofre secret automation": did you mean show?`,
		"credential create":            "accepts 1 arg(s), received 0; cofre credential create --help shows how",
		"template dry-run Ours":        `required flag(s) "credential" not set; cofre template dry-run --help shows how`,
		"credential list --nowhere":    "unknown flag: --nowhere; cofre credential list --help shows how",
		"device show web1 --csv":       "unknown flag: --csv: only lists are printed as CSV; cofre device show --help shows how",
		"credential list --json --csv": "none of the others can be",
		"credntial":                    `unknown command "credntial" for "cofre"`,
	} {
		root := command()
		root.SetArgs(strings.Fields(line))
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetErr(&out)
		if err := root.Execute(); err == nil || !strings.Contains(err.Error(), want) || out.Len() > 0 {
			t.Errorf("%s: %v, want %s; printed %q", line, err, want, out.String())
		}
	}
	for _, args := range [][]string{{"credential", "show", ""}, {"credential", "read", " ", "--raw"}, {"authorization", "create", "shop", ""}, {"cluster", "approve", ""}, {"run", "", "--", "sh"}} {
		root := command()
		root.SetArgs(args)
		if err := root.Execute(); err == nil || !strings.Contains(err.Error(), " is empty") || !strings.Contains(err.Error(), "--help shows how") {
			t.Errorf("%q: %v", args, err)
		}
	}
	csv := 0
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if has := c.Flags().Lookup("csv") != nil; has {
			csv++
		} else if c.Flags().Lookup("limit") != nil || c.Name() == "list" && c.InheritedFlags().Lookup("json") != nil {
			t.Errorf("%s lists, and not as CSV", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(command())
	if csv < 30 {
		t.Errorf("%d commands print CSV", csv)
	}
	root := command()
	root.SetArgs([]string{"credential"})
	var out bytes.Buffer
	root.SetOut(&out)
	if err := root.Execute(); err != nil || !strings.Contains(out.String(), "cofre credential [command]") {
		t.Errorf("without a command: %v, %q", err, out.String())
	}
}
