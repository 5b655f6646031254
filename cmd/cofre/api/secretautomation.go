package api

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/httpapi/dsm"
)

func secretAutomationCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List the automations that you may manage", Args: cobra.NoArgs, Example: "  cofre secret automation list"}
	limit := s.lists(list, 1000)
	list.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/secret-automations", nil, *limit, nil, "NUMBER NAME TRIGGERS TEMPLATE DEVICES LAST STATE", func(v dsm.AutomationView) []string {
			return []string{strconv.FormatUint(v.Number, 10), v.Name, join(v.Triggers), v.Executor + ":" + v.Template, strings.Join(automationDevices(v), ","), moment(v.LastAt), word(v.Enabled, "enabled", "disabled")}
		})
	}
	one := func(use, short, method string, body any) *cobra.Command {
		return &cobra.Command{Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1), Example: "  cofre secret automation " + use + " push", RunE: func(c *cobra.Command, args []string) error {
			return s.secretAutomation(c, method, at("secret-automations/%s", args[0]), body)
		}}
	}
	yes, no := true, false
	return group("automation", "Templates that run when something happens to secrets or authorizations", list, one("show", "Show an automation", http.MethodGet, nil),
		putSecretAutomation(s, "create NAME", "Create an automation"), putSecretAutomation(s, "update NAME", "Change an automation; what is not named stays"),
		one("enable", "Enable an automation", http.MethodPut, dsm.AutomationBody{Enabled: &yes}), one("disable", "Disable an automation: runs that have not begun end without doing anything", http.MethodPut, dsm.AutomationBody{Enabled: &no}),
		one("delete", "Delete an automation: runs that have not begun end without doing anything", http.MethodDelete, nil))
}

func putSecretAutomation(s *session, use, short string) *cobra.Command {
	create := strings.HasPrefix(use, "create")
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1),
		Long: short + `. Its template is of the kind Secret Management Automation and may use the values of the secret as tags: [#API_KEY#]. It runs once
for each credential, which logs in to its device. You must be able to read the secrets, and to read and use every credential; each run is decided again
on what you may do then. A run may happen twice, so the template must stand that. Runs are operations of the kind secret_management_automation; what
failed stands in cofre secret errors.`,
		Example: "  cofre secret automation create push --trigger secret.created,secret.updated --application billing --template 'Push to vault' --executor ssh --credential deploy@jump1"}
	f := c.Flags()
	f.StringSlice("trigger", nil, "secret.created, secret.updated, secret.inactivated, secret.activated, or the same of authorization; may be repeated")
	f.StringSlice("application", nil, "whose secrets and authorizations count; may be repeated; '' for none")
	f.StringSlice("identity", nil, "identity or number of a secret that counts besides; may be repeated; '' for none")
	f.String("template", "", "template that runs")
	f.String("executor", "", "executor of the template")
	f.StringSlice("credential", nil, "that logs in to its device (number, identifier or user@host); may be repeated")
	f.String("description", "", "description")
	f.StringSlice("tag", nil, "tag; may be repeated; '' for none")
	f.Bool("enabled", true, "it runs")
	if !create {
		c.Example = "  cofre secret automation update push --application billing,shop --enabled=false"
		f.String("name", "", "new name")
		f.Uint64("revision", 0, "refuse if it is not the current one")
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		b := dsm.AutomationBody{Description: text(c, "description"), Tags: texts(c, "tag"), Enabled: truth(c, "enabled"), Triggers: texts(c, "trigger"), Applications: texts(c, "application"), Secrets: texts(c, "identity"),
			Executor: text(c, "executor"), Template: text(c, "template")}
		if credentials := texts(c, "credential"); credentials != nil {
			b.Devices = &[]dsm.AutomationDeviceBody{}
			for _, one := range *credentials {
				*b.Devices = append(*b.Devices, dsm.AutomationDeviceBody{Credential: one})
			}
		}
		if create {
			b.Name = &args[0]
			return s.secretAutomation(c, http.MethodPost, "/api/v1/secret-automations", b)
		}
		b.Name = text(c, "name")
		b.Revision, _ = c.Flags().GetUint64("revision")
		return s.secretAutomation(c, http.MethodPut, at("secret-automations/%s", args[0]), b)
	}
	return c
}

func automationDevices(v dsm.AutomationView) []string {
	var out []string
	for _, d := range v.Devices {
		out = append(out, fmt.Sprintf("%s (%s)", d.Hostname, d.Credential))
	}
	return out
}

// secretAutomation sends one call about an automation and prints it.
func (s *session) secretAutomation(c *cobra.Command, method, path string, body any) error {
	v, err := call[dsm.AutomationView](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, v, func(w io.Writer) error {
		return details(w, "automation", v.Name, "number", strconv.FormatUint(v.Number, 10), "description", v.Description, "tags", join(v.Tags), "state", word(v.Enabled, "enabled", "disabled"), "triggers", join(v.Triggers),
			"applications", join(v.Applications), "secrets", join(v.Secrets), "template", v.Executor+": "+v.Template, "devices", strings.Join(automationDevices(v), ", "), "saved by", v.By, "created", moment(v.CreatedAt),
			"last run", moment(v.LastAt), "revision", strconv.FormatUint(v.Revision, 10))
	})
}

func secretErrors(s *session) *cobra.Command {
	c := &cobra.Command{Use: "errors NAME", Short: "List what failed for a secret for good: automations, renewals, dynamic users; newest first", Args: cobra.ExactArgs(1), Example: "  cofre secret errors db"}
	limit := s.lists(c, 50)
	c.RunE = func(c *cobra.Command, args []string) error {
		return listed(s, c, at("secrets/%s/errors", args[0]), nil, *limit, nil, "AT TASK OPERATION MESSAGE", func(e dsm.ErrorView) []string {
			n := ""
			if e.Operation != 0 {
				n = strconv.FormatUint(e.Operation, 10)
			}
			return []string{moment(e.At), e.Task, n, e.Message}
		})
	}
	return c
}
