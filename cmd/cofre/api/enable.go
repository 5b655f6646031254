package api

import (
	"strings"

	"github.com/spf13/cobra"
)

// onOff makes the two verbs of an object that is enabled or not: every one has both. Noun is how the object is called on the command line,
// args what names it, and name one for the examples.
func onOff(noun, args, name, enable, disable string, set func(c *cobra.Command, args []string, enabled bool) error) []*cobra.Command {
	verb := func(use, short string, enabled bool) *cobra.Command {
		return &cobra.Command{
			Use: use + " " + args, Short: short, Args: cobra.ExactArgs(len(strings.Fields(args))), Example: "  cofre " + noun + " " + use + " " + name,
			RunE: func(c *cobra.Command, args []string) error { return set(c, args, enabled) },
		}
	}
	return []*cobra.Command{verb("enable", enable, true), verb("disable", disable, false)}
}
