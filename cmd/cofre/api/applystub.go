package api

import "github.com/spf13/cobra"

func applyCommand(*session) *cobra.Command { return &cobra.Command{Use: "apply"} }
