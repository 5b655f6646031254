package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"cofre/httpapi/information"
)

func informationCommand(s *session) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List protected information, without contents", Args: cobra.NoArgs, Example: "  cofre information list\n  cofre information list --tag licences --csv"}
	limit := s.lists(list, 1000)
	queryFlags(list, "tag", "only with this tag")
	list.RunE = func(c *cobra.Command, _ []string) error {
		return listed(s, c, "/api/v1/information", queryOf(c, "tag"), *limit, nil, information.Columns, information.View.Row)
	}
	show := &cobra.Command{Use: "show NAME", Short: "Show protected information, without its content", Args: cobra.ExactArgs(1), Example: "  cofre information show licence", RunE: func(c *cobra.Command, args []string) error {
		return s.information(c, http.MethodGet, at("information/%s", args[0]), nil)
	}}
	create := &cobra.Command{Use: "create [IDENTIFIER]", Short: "Keep a text that belongs to no device, such as a licence or a recovery phrase", Args: cobra.MaximumNArgs(1),
		Long:    "Keep a text of at most 64 KiB, which is read from standard input. Who may read it is decided by its tags, as for credentials.",
		Example: "  cofre information create licence --name 'Backup licence' --tag licences --stdin <licence.txt"}
	update := &cobra.Command{Use: "update NAME", Short: "Change protected information; what is not named stays", Args: cobra.ExactArgs(1), Long: "Change protected information. A new content is its next version; the last 8 are kept.",
		Example: "  cofre information update licence --stdin <licence-2027.txt\n  cofre information update licence --tag licences,finance"}
	for c, method := range map[*cobra.Command]string{create: http.MethodPost, update: http.MethodPut} {
		queryFlags(c, "name", "what people call it", "type", "kind of text", "service", "what it is for", "url", "where it is used")
		c.Flags().StringSlice("tag", nil, "tag; may be repeated; '' for none")
		c.Flags().Bool("stdin", false, "read the content from standard input")
		c.RunE = func(c *cobra.Command, args []string) error {
			path := "/api/v1/information"
			b, err := informationBody(c, method == http.MethodPost)
			if err != nil {
				return err
			}
			switch {
			case method == http.MethodPut:
				path = at("information/%s", args[0])
			case len(args) > 0:
				b.Identifier = args[0]
			}
			return s.information(c, method, path, b)
		}
	}
	verbs := onOff("information", "NAME", "licence", "Enable protected information", "Disable protected information; its contents are kept", func(c *cobra.Command, args []string, enabled bool) error {
		return s.information(c, http.MethodPut, at("information/%s/status", args[0]), information.StatusBody{Enabled: &enabled})
	})
	return group("information", "Protected information: texts that are kept secret and belong to no device", append(verbs, list, show, create, update, readInformation(s))...)
}

// withContent is an information body whose content is sent: a secret.Value is never written.
type withContent struct {
	information.Body
	Content *string `json:"content,omitempty"`
}

func informationBody(c *cobra.Command, must bool) (withContent, error) {
	b := withContent{Body: information.Body{Name: text(c, "name"), Type: text(c, "type"), Service: text(c, "service"), URL: text(c, "url"), Tags: texts(c, "tag")}}
	var err error
	switch fromStdin, _ := c.Flags().GetBool("stdin"); {
	case fromStdin:
		b.Content, err = secretFrom(c.InOrStdin())
	case must:
		err = errors.New("no content: say --stdin")
	}
	return b, err
}

// information sends one call about a piece of information and prints it.
func (s *session) information(c *cobra.Command, method, path string, body any) error {
	v, err := call[information.View](s, c, method, path, body)
	if err != nil {
		return err
	}
	return s.show(c, v, func(w io.Writer) error {
		return details(w, "information", v.Identifier, "number", strconv.FormatUint(v.Number, 10), "name", v.Name, "type", v.Type, "service", v.Service, "url", v.URL, "state", word(v.Enabled, "enabled", "disabled"),
			"version", strconv.FormatUint(v.Version, 10), "tags", join(v.Tags), "created", moment(v.CreatedAt))
	})
}

// readInformationAnswer is the answer to a read.
type readInformationAnswer struct {
	Identifier string `json:"identifier"`
	Version    uint64 `json:"version"`
	Content    string `json:"content"`
}

func readInformation(s *session) *cobra.Command {
	c := &cobra.Command{Use: "read NAME", Short: "Read protected information; audited", Args: cobra.ExactArgs(1),
		Long:    "Read protected information. It is printed to a terminal only; --raw prints it anywhere, alone and without a line break.",
		Example: "  cofre information read licence\n  cofre information read licence --version 1 --raw >licence-old.txt"}
	raw := c.Flags().Bool("raw", false, "print the content wherever standard output goes")
	version := c.Flags().Uint64("version", 0, "a kept version; 0: the one in force")
	c.RunE = func(c *cobra.Command, args []string) error {
		if !*raw && !s.terminal(c.OutOrStdout()) {
			return errors.New("standard output is no terminal: the content would stay in a file or a log. Say --raw if you mean it")
		}
		path := at("information/%s/content", args[0])
		if *version > 0 {
			path += "?" + url.Values{"version": {strconv.FormatUint(*version, 10)}}.Encode()
		}
		r, err := call[readInformationAnswer](s, c, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		return s.show(c, r, func(w io.Writer) error {
			if *raw {
				_, err := io.WriteString(w, r.Content)
				return err
			}
			fmt.Fprintln(w, r.Content)
			fmt.Fprintf(note(c), "Content of %s, version %d.\n", clean(r.Identifier), r.Version)
			return nil
		})
	}
	return c
}
