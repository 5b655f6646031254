package api

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// onOff makes the two verbs of an object that is enabled or not: every one has both. Noun is how the object is called on the command line,
// args what names it, several of which may be given if that is NAME..., and name one for the examples.
func onOff(noun, args, name, enable, disable string, set func(c *cobra.Command, args []string, enabled bool) error) []*cobra.Command {
	verb := func(use, short string, enabled bool) *cobra.Command {
		v := &cobra.Command{
			Use: use + " " + args, Short: short, Args: cobra.ExactArgs(len(strings.Fields(args))), Example: "  cofre " + noun + " " + use + " " + name,
			RunE: func(c *cobra.Command, args []string) error { return set(c, args, enabled) },
		}
		if strings.HasSuffix(args, "...") {
			v.Args, v.RunE = cobra.MinimumNArgs(1), func(c *cobra.Command, names []string) error {
				var failed []error
				for _, n := range names {
					err := set(c, []string{n}, enabled)
					if err != nil && len(names) > 1 {
						err = fmt.Errorf("%s: %w", n, err)
					}
					failed = append(failed, err)
				}
				return errors.Join(failed...)
			}
		}
		return v
	}
	return []*cobra.Command{verb("enable", enable, true), verb("disable", disable, false)}
}
