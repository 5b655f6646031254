package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// strict lets no mistake on the command line pass for success, and every one name the command whose help shows how: cobra
// itself prints help and exits with 0 where the name of a command below another one is misspelt.
func strict(c *cobra.Command) {
	c.SetFlagErrorFunc(hint)
	for _, sub := range c.Commands() {
		strict(sub)
	}
	switch check := c.Args; {
	case c.HasParent() && c.HasSubCommands() && !c.Runnable():
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return hint(c, unknown(c, args[0]))
			}
			return c.Help()
		}
	case check != nil:
		c.Args = func(c *cobra.Command, args []string) error {
			err := errors.Join(check(c, args), noneEmpty(c, args))
			if err == nil {
				err = c.ValidateRequiredFlags() // cobra itself does so later, and says it without a hint
			}
			return hint(c, err)
		}
	}
}

// noneEmpty refuses an empty name, as an unset variable of a script gives it: in the path of the API it would be another place. What
// stands behind -- belongs to the program that is run.
func noneEmpty(c *cobra.Command, args []string) error {
	if n := c.ArgsLenAtDash(); n >= 0 {
		args = args[:n]
	}
	for i, a := range args {
		if strings.TrimSpace(a) == "" {
			return fmt.Errorf("argument %d is empty", i+1)
		}
	}
	return nil
}

func hint(c *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	if no, ok := errors.AsType[*pflag.NotExistError](err); ok && no.GetSpecifiedName() == "csv" {
		err = fmt.Errorf("%w: only lists are printed as CSV", err)
	}
	return fmt.Errorf("%w; %s --help shows how", err, c.CommandPath())
}

// unknown suggests as cobra does for the commands of the root.
func unknown(c *cobra.Command, name string) error {
	err := fmt.Errorf("unknown command %q for %q", name, c.CommandPath())
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(name); len(near) > 0 {
		err = fmt.Errorf("%w: did you mean %s?", err, strings.Join(near, " or "))
	}
	return err
}
