package api

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"cofre/executors/all"
	"cofre/fsm/model"
	"cofre/httpapi/template"
)

const libraryHelp = "Files are laid out as EXECUTOR/EXECUTION TYPE/NAME, such as 'SSH/Change password/Linux', as in the vendor's public library; a NAME may have folders of its own."

func placeFlags(c *cobra.Command, p *place) {
	c.Flags().StringVar(&p.executor, "executor", "", "executor, if the path does not tell: "+strings.Join(all.Names(), ", "))
	c.Flags().StringVar((*string)(&p.kind), "kind", "", "execution type, if the path does not tell: "+executionTypes())
}

// check turns the kind that was written into ours.
func (p *place) check() error {
	if p.kind == "" {
		return nil
	}
	kind, ok := model.NamedKind(string(p.kind))
	if !ok {
		return fmt.Errorf("a kind is one of %s", executionTypes())
	}
	p.kind = kind
	return nil
}

func lintTemplates(s *session) *cobra.Command {
	var p place
	c := &cobra.Command{
		Use: "lint PATH...", Short: "Check templates here, without the API", Args: cobra.MinimumNArgs(1),
		Long: "Check files and folders of templates here, without the API. " + libraryHelp +
			" Exit status 1: something does not compile; 3: everything else compiles, but some are for executors that Cofre does not offer.",
		Example: "  cofre template lint ours.txt --executor ssh\n  make-template | cofre template lint - --executor ssh\n  cofre template lint 'SSH/Change password/Ours'\n  cofre template lint execution-templates/ --json",
	}
	placeFlags(c, &p)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := p.check(); err != nil {
			return err
		}
		files, err := readLibrary(c.Context(), args, p)
		if err != nil {
			return err
		}
		var t tally
		for _, f := range files {
			t.add(f)
		}
		if err := s.showTally(c, &t, func(w io.Writer) {
			fmt.Fprintf(w, "%d compile, %d refused, %d not offered\n", t.Compile, t.Refused, t.NotOffered)
		}); err != nil {
			return err
		}
		return t.err()
	}
	return c
}

// showTally prints what became of each file, and in the end how many of each.
func (s *session) showTally(c *cobra.Command, t *tally, end func(io.Writer)) error {
	return s.show(c, t, func(w io.Writer) error {
		for _, f := range t.sorted() {
			switch {
			case f.Error != "" && len(t.Files) > 1:
				fmt.Fprintf(w, "%s: %s: %s\n", f.Result, clean(f.Path), clean(f.Error))
			case f.Error == "":
				fmt.Fprintf(w, "%s: %s: %s; it uses %s\n", f.Result, clean(f.Path), f.Executor, or(join(f.Tags), "no tag"))
			}
			for _, n := range f.Notices {
				fmt.Fprintf(w, "  notice: %s\n", clean(n))
			}
		}
		if len(t.Files) != 1 {
			end(w)
		}
		return nil
	})
}

func importTemplates(s *session) *cobra.Command {
	var p place
	c := &cobra.Command{
		Use: "import PATH...", Short: "Add the templates of a library", Args: cobra.MinimumNArgs(1),
		Long: "Add the templates of files and folders, each as a whole or not at all; what is there already with the same content stays as it is, so that it may be repeated. " + libraryHelp +
			" Typographic quotes become ASCII quotes. Exit status 1: something was refused; 3: everything else was imported, but some are for executors that Cofre does not offer.",
		Example: "  cofre template lint execution-templates/\n  cofre template import execution-templates/\n  cofre template import 'execution-templates/SSH/Change password/Linux - Change Password'",
	}
	placeFlags(c, &p)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := p.check(); err != nil {
			return err
		}
		files, err := readLibrary(c.Context(), args, p)
		if err != nil {
			return err
		}
		newest, err := s.templates(c, nil)
		if err != nil {
			return err
		}
		known := map[model.ExecutorName]map[string]int{}
		for _, v := range newest {
			if known[v.Executor] == nil {
				known[v.Executor] = map[string]int{}
			}
			known[v.Executor][v.Name] = v.Newest
		}
		var t tally
		for _, f := range files {
			if f.Result == compiles {
				put, err := call[template.View](s, c, http.MethodPost, "/api/v1/templates", template.Body{Name: f.Name, Executor: f.Executor, Kind: f.Kind, Content: f.content})
				switch {
				case err != nil:
					f.Result, f.Error = refused, err.Error()
				case put.Newest == known[f.Executor][f.Name]:
					f.Result = unchanged
				default:
					f.Result = imported
					if put.Current < put.Newest {
						t.Waiting++
					}
				}
			}
			t.add(f)
		}
		if err := s.showTally(c, &t, func(w io.Writer) {
			fmt.Fprintf(w, "%d imported, %d unchanged, %d refused, %d not offered\n", t.Imported, t.Unchanged, t.Refused, t.NotOffered)
		}); err != nil {
			return err
		}
		if t.Waiting > 0 && !s.asJSON {
			fmt.Fprintf(note(c), "%d wait for the approval of somebody else: cofre template list --review pending\n", t.Waiting)
		}
		return t.err()
	}
	return c
}

// templates lists all of them.
func (s *session) templates(c *cobra.Command, keep func(*template.View) bool) ([]template.View, error) {
	api, err := s.client()
	if err != nil {
		return nil, err
	}
	all, _, err := fetch[template.View](c.Context(), api, "/api/v1/templates", nil, 1<<20)
	if err != nil || keep == nil {
		return all, err
	}
	var kept []template.View
	for i := range all {
		if keep(&all[i]) {
			kept = append(kept, all[i])
		}
	}
	return kept, nil
}

func exportTemplates(s *session) *cobra.Command {
	var catalogue, force bool
	c := &cobra.Command{
		Use: "export DIR", Short: "Write templates as files of a library", Args: cobra.ExactArgs(1),
		Long:    "Write the newest version of every template of your own into DIR, which import reads. " + libraryHelp + " A file with other content is not overwritten without --force.",
		Example: "  cofre template export templates/ && git -C templates commit -a\n  cofre template export /tmp/all --catalogue",
	}
	c.Flags().BoolVar(&catalogue, "catalogue", false, "those of the catalogue too")
	c.Flags().BoolVar(&force, "force", false, "overwrite files with other content")
	c.RunE = func(c *cobra.Command, args []string) error {
		found, err := s.templates(c, func(v *template.View) bool { return catalogue || !v.BuiltIn })
		if err != nil {
			return err
		}
		if err := os.MkdirAll(args[0], 0o750); err != nil {
			return fmt.Errorf("export: %w", err)
		}
		root, err := os.OpenRoot(args[0]) // no name leads out of it
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		defer func() { _ = root.Close() }() // it only names a folder
		written := []string{}
		for i := range found {
			content, err := s.newest(c, &found[i])
			if err != nil {
				return err
			}
			file := path.Join(all.Label(found[i].Executor), string(found[i].Kind), found[i].Name)
			if err := writeTemplate(root, file, content, force); err != nil {
				return fmt.Errorf("export %q: %w", found[i].Name, err)
			}
			written = append(written, file)
		}
		return s.show(c, struct {
			Files []string `json:"files"`
		}{written}, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%d templates are in %s\n", len(written), args[0])
			return err
		})
	}
	return c
}

// newest reads the content of a template's newest version.
func (s *session) newest(c *cobra.Command, v *template.View) (string, error) {
	got, err := call[template.Version](s, c, http.MethodGet, at("templates/%s/versions/%s", string(v.ID), fmt.Sprint(v.Newest)), nil)
	return got.Content, err
}

// writeTemplate writes a file unless one with other content is there.
func writeTemplate(root *os.Root, file, content string, force bool) error {
	local := filepath.FromSlash(file)
	if !filepath.IsLocal(local) || path.Clean(file) != file {
		return fmt.Errorf("its name cannot be the name of a file")
	}
	old, err := fs.ReadFile(root.FS(), file)
	switch {
	case err == nil && string(old) == content:
		return nil
	case err == nil && !force:
		return fmt.Errorf("%s has other content: --force overwrites it", file)
	}
	if err := root.MkdirAll(filepath.Dir(local), 0o750); err != nil {
		return err
	}
	return root.WriteFile(local, []byte(content), 0o640)
}
