package api

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cofre/cmd/cofre/input"
	"cofre/executors"
	"cofre/executors/all"
	"cofre/fsm/model"
	"cofre/httpapi/template"
)

func templateCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List templates", Args: cobra.NoArgs, Example: "  cofre template list --executor ssh\n  cofre template list --review pending\n  cofre template list --origin own --search linux"}
	limit := s.lists(list, 1000)
	list.RunE = func(c *cobra.Command, _ []string) error {
		q := url.Values{}
		for _, f := range []string{"executor", "kind", "origin", "review", "search"} {
			if v := text(c, f); v != nil {
				q.Set(f, *v)
			}
		}
		return listed(s, c, "/api/v1/templates", q, *limit, func(a, b template.View) int { return strings.Compare(a.Name, b.Name) }, template.Columns, template.View.Row)
	}
	list.Flags().String("kind", "", "execution type: "+executionTypes())
	list.Flags().String("origin", "", "own or catalogue")
	list.Flags().String("review", "", "approval of the newest version: pending, approved, disapproved, canceled, expired")
	list.Flags().String("search", "", "part of the name")
	version := 0
	show := &cobra.Command{Use: "show NAME", Short: "Show a template and its versions", Args: cobra.ExactArgs(1), Example: "  cofre template show 'Linux passwd'\n  cofre template show 'Linux passwd' --version 2"}
	show.Flags().IntVar(&version, "version", 0, "print the content of this version alone")
	show.RunE = func(c *cobra.Command, args []string) error { return s.showTemplate(c, args[0], version) }
	approve := &cobra.Command{
		Use: "approve NAME", Short: "Put a version into force; its author cannot", Args: cobra.ExactArgs(1),
		Long:    "Put a version into force. A template is code that is handed secrets: read the version first (cofre template show NAME --version N).",
		Example: "  cofre template show Ours --version 3\n  cofre template approve Ours --version 3",
	}
	approve.Flags().IntVar(&version, "version", 0, "version that you read (required)")
	_ = approve.MarkFlagRequired("version")
	approve.RunE = func(c *cobra.Command, args []string) error {
		return s.template(c, http.MethodPost, at("templates/%s/approve", args[0])+query(executorOf(c)), template.ApproveBody{Version: version})
	}
	status := func(use, short string, active bool) *cobra.Command {
		cmd := &cobra.Command{Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1), Example: "  cofre template " + use + " Ours"}
		cmd.RunE = func(c *cobra.Command, args []string) error {
			return s.template(c, http.MethodPut, at("templates/%s/status", args[0])+query(executorOf(c)), template.StatusBody{Active: &active})
		}
		return cmd
	}
	enable, disable := status("enable", "Activate a template", true), status("disable", "Deactivate a template: changes that use it stop", false)
	for _, c := range []*cobra.Command{list, show, approve, enable, disable} {
		c.Flags().String("executor", "", "when two executors have a template of this name")
	}
	return group("template", "Instructions that change secrets on targets", list, show, putTemplate(s), approve, enable, disable, diffTemplate(s), reviewTemplate(s), disapproveTemplate(s), cloneTemplate(s), approvalLevels(s), explainTemplate(s), dryRunTemplate(s), replayAttempt(s), lintTemplates(s), importTemplates(s), exportTemplates(s))
}

func executorOf(c *cobra.Command) url.Values {
	if e := text(c, "executor"); e != nil {
		return url.Values{"executor": {*e}}
	}
	return nil
}

func query(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

func (s *session) showTemplate(c *cobra.Command, name string, version int) error {
	q := query(executorOf(c))
	t, err := call[template.View](s, c, http.MethodGet, at("templates/%s", name)+q, nil)
	if err != nil {
		return err
	}
	versions, err := call[struct {
		Items []template.Version `json:"items"`
	}](s, c, http.MethodGet, at("templates/%s/versions", name)+q, nil)
	if err != nil {
		return err
	}
	if version > 0 {
		for _, v := range versions.Items {
			if v.N == version {
				return s.show(c, v, func(w io.Writer) error { return source(w, v.Content) })
			}
		}
		return fmt.Errorf("%s has no version %d: its newest is %d", name, version, t.Newest)
	}
	both := struct {
		template.View
		Versions []template.Version `json:"versions"`
	}{t, versions.Items}
	return s.show(c, both, func(w io.Writer) error {
		if err := describe(w, &t); err != nil {
			return err
		}
		for _, v := range versions.Items {
			fmt.Fprintf(w, "version %d  %s  by %s  %s%s\n", v.N, moment(v.At), cmp.Or(v.AuthorName, string(v.Author), "catalogue"), v.Review, closing(v))
		}
		return source(w, t.Content)
	})
}

// closing tells who refused a version, and why.
func closing(v template.Version) string {
	out := ""
	if by := cmp.Or(v.ClosedByName, string(v.ClosedBy)); by != "" {
		out = " by " + by
	}
	if v.Note != "" {
		out += ": " + clean(v.Note)
	}
	return out
}

// source prints a template; what others wrote does not drive the terminal.
func source(w io.Writer, content string) error {
	for l := range strings.Lines(content) {
		if _, err := fmt.Fprintln(w, "  "+clean(strings.ReplaceAll(strings.TrimRight(l, "\r\n"), "\t", "    "))); err != nil {
			return err
		}
	}
	return nil
}

func describe(w io.Writer, t *template.View) error {
	return details(w, "template", t.Name, "executor", string(t.Executor), "kind", string(t.Kind), "state", word(t.Active, "active", "inactive"), "origin", word(t.BuiltIn, "catalogue: read-only", "own"),
		"in force", t.InForce(), "newest", strconv.Itoa(t.Newest), "review", t.Review, "changed", moment(t.Changed), "by", cmp.Or(t.AuthorName, string(t.Author)), "cloned from", string(t.Source))
}

// template sends one call about a template and prints it.
func (s *session) template(c *cobra.Command, method, path string, body any) error {
	t, err := call[template.View](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, t, func(w io.Writer) error {
		if err := describe(w, &t); err != nil {
			return err
		}
		if t.Review == model.ReviewPending {
			fmt.Fprintf(w, "Version %d waits for the approval of somebody else: cofre template approve %q --version %d\n", t.Newest, t.Name, t.Newest)
		}
		return nil
	})
}

func putTemplate(s *session) *cobra.Command {
	b := template.Body{Kind: model.TemplateChange}
	c := &cobra.Command{
		Use: "put NAME FILE", Short: "Add a version of a template, or create it", Args: cobra.ExactArgs(2),
		Long:    "Add a version. FILE is - for standard input. It is checked here first. As soon as two people may approve templates, it runs only after somebody else approved it.",
		Example: "  cofre template put Ours ours.txt --executor ssh\n  cofre template put Ours ours.txt --executor ssh --base 3     # refuse if somebody added version 4 meanwhile",
	}
	c.Flags().StringVar((*string)(&b.Executor), "executor", "", "executor: "+strings.Join(all.Names(), ", ")+" (required)")
	c.Flags().StringVar((*string)(&b.Kind), "kind", string(model.TemplateChange), "execution type: "+executionTypes())
	c.Flags().IntVar(&b.Base, "base", 0, "newest version that you saw: refuse if there is a newer one")
	_ = c.MarkFlagRequired("executor")
	c.RunE = func(c *cobra.Command, args []string) error {
		content, err := readSource(c, args[1])
		if err != nil {
			return err
		}
		if b.Executor, b.Kind, err = compile(string(b.Executor), string(b.Kind), content); err != nil {
			return fmt.Errorf("%s: %w", args[1], err)
		}
		b.Name, b.Content = args[0], content
		return s.template(c, http.MethodPost, "/api/v1/templates", b)
	}
	return c
}

// compile checks a template as the API will, and gives the names of executor and kind that the API knows.
func compile(executor, kind, content string) (model.ExecutorName, model.TemplateKind, error) {
	k, ok := model.NamedKind(kind)
	if !ok {
		return "", "", fmt.Errorf("a kind is one of %s", executionTypes())
	}
	name, err := all.Named(executor)
	if err == nil {
		_, err = executors.Compile(all.Find(name), k, content)
	}
	return name, k, err
}

func executionTypes() string {
	quoted := make([]string, len(model.TemplateKinds))
	for i, k := range model.TemplateKinds {
		quoted[i] = "'" + string(k) + "'"
	}
	return strings.Join(quoted, ", ")
}

func readSource(c *cobra.Command, file string) (string, error) {
	read := func() ([]byte, error) { return readTemplate(file) }
	if file == "-" {
		read = func() ([]byte, error) { return boundedTemplate(c.InOrStdin()) }
	}
	b, err := input.Await(c.Context(), read)
	if err != nil {
		return "", fmt.Errorf("read the template: %w", err)
	}
	return string(b), nil
}
