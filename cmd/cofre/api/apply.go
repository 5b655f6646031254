package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cofre/httpapi/device"
	"cofre/httpapi/template"
)

type applyFlags struct {
	file, keysDir    string
	plan, yes, prune bool
}

func applyCommand(s *session) *cobra.Command {
	var f applyFlags
	c := &cobra.Command{
		Use: "apply -f FILE.yaml", Short: "Make the cluster as a file says", Args: cobra.NoArgs,
		Long: `Make the cluster as a file says: YAML documents, one object each, with kind (` + kindNames() + `),
name, and the fields of the API (the kind of a template is its execution_type). Fields that the file does not name stay as they are. On a terminal it shows the plan and
changes nothing without --yes. Everything is checked first: unknown keys, references, templates; then it is applied in the order of
dependencies, each object only if nobody changed it since the plan, up to the first error. Applying again changes nothing.

A document {kind: manifest, name: NAME} names the file: its objects get that label, and --prune disables those that carry the label but do
not stand in the file any more; profiles, pools, chains and access-profiles take no label. Nothing is ever deleted. Secrets never stand in a file: secret: {generate: true}, {generate: POLICY},
{env: NAME}, {file: PATH} or {stdin: true} says where a new credential gets its secret from; it is not looked at later.`,
		Example: "  cofre apply -f shop.yaml                     # on a terminal: the plan\n  cofre apply -f shop.yaml --yes --keys-dir ./keys\n  cofre apply -f shop.yaml --prune --plan",
	}
	c.Flags().StringVarP(&f.file, "file", "f", "", "the manifest; - is standard input (required)")
	c.Flags().BoolVar(&f.plan, "plan", false, "show what would change, and change nothing")
	c.Flags().BoolVar(&f.yes, "yes", false, "apply, on a terminal too")
	c.Flags().BoolVar(&f.prune, "prune", false, "disable what carries the manifest's label and is not in the file")
	c.Flags().StringVar(&f.keysDir, "keys-dir", "", "folder for the client keys of new authorizations: APPLICATION-NAME.env, mode 0600")
	c.MarkFlagsMutuallyExclusive("plan", "yes")
	_ = c.MarkFlagRequired("file")
	c.RunE = func(c *cobra.Command, _ []string) error { return s.apply(c, f) }
	return c
}

// applied is the answer for scripts.
type applied struct {
	Applied bool    `json:"applied"`
	Steps   []*step `json:"steps"`
}

func (s *session) apply(c *cobra.Command, f applyFlags) error {
	b, dir, err := readManifest(c, f.file)
	if err != nil {
		return err
	}
	m, err := parseManifest(b)
	if err != nil {
		return fmt.Errorf("%s: %w", f.file, err)
	}
	if f.prune && m.name == "" {
		return fmt.Errorf("%s: --prune needs a document {kind: manifest, name: NAME}: only objects with its label are touched", f.file)
	}
	p := &planner{session: s, c: c, manifest: m, dir: dir, known: map[string]map[string]any{}, files: map[string]*object{}}
	steps, err := p.plan(f.prune)
	if err != nil {
		return fmt.Errorf("%s: nothing was applied:\n%w", f.file, err)
	}
	onlyPlan := f.plan || s.interactive(c) && !f.yes
	if err := checkInputs(steps, f, onlyPlan); err != nil {
		return err
	}
	if !s.asJSON {
		showPlan(c.OutOrStdout(), steps)
	}
	if !onlyPlan {
		if err := s.carryOut(c, m.name, steps, f); err != nil {
			return err
		}
	} else if slices.ContainsFunc(steps, (*step).changes) {
		fmt.Fprintf(note(c), "Nothing was changed. To apply: cofre apply -f %s --yes\n", f.file)
	}
	if s.asJSON {
		return s.show(c, applied{!onlyPlan, steps}, nil)
	}
	return nil
}

func readManifest(c *cobra.Command, file string) ([]byte, string, error) {
	if file == "-" {
		b, err := io.ReadAll(io.LimitReader(c.InOrStdin(), maxManifest+1))
		return b, ".", err
	}
	b, err := os.ReadFile(file)
	return b, filepath.Dir(file), err
}

func (s *step) changes() bool { return s.Action != "unchanged" }

// off tells whether somebody disabled an object of which the file does not say whether it is enabled: that is not undone
// in passing.
func (s *step) off() bool {
	_, said := s.object.special["enabled"]
	_, wanted := s.object.want["enabled"]
	return s.have != nil && !said && !wanted && (s.have["enabled"] == false || s.have["active"] == false)
}

// checkInputs refuses before anything was changed what would fail in the middle.
func checkInputs(steps []*step, f applyFlags, onlyPlan bool) error {
	stdin := 0
	for _, s := range steps {
		if s.Action != "create" {
			continue
		}
		if s.Kind == "authorization" && f.keysDir == "" && !onlyPlan {
			return fmt.Errorf("%s gets client keys, which are shown once: name a folder for them with --keys-dir. Nothing was applied", s.object)
		}
		if src, _ := s.object.secret(); src != nil && src.stdin != "" {
			if stdin++; stdin > 1 || f.file == "-" {
				return s.object.fault("secret", "standard input is taken already. Nothing was applied")
			}
		}
	}
	if f.keysDir == "" || onlyPlan {
		return nil
	}
	return os.MkdirAll(f.keysDir, 0o700)
}

var signs = map[string]string{"create": "+", "change": "~", "disable": "-"}

func showPlan(w io.Writer, steps []*step) {
	count := map[string]int{}
	for _, s := range steps {
		count[s.Action]++
		if s.off() {
			fmt.Fprintf(w, "! %s is disabled in the cluster and stays so; \"enabled: true\" in the file enables it\n", s.object)
		}
		if !s.changes() {
			continue
		}
		fmt.Fprintf(w, "%s %s %s\n", signs[s.Action], s.Action, s.object)
		for _, c := range s.Changes {
			if s.Action == "create" {
				fmt.Fprintf(w, "    %s: %s\n", c.Field, brief(c.To))
			} else {
				fmt.Fprintf(w, "    %s: %s -> %s\n", c.Field, brief(c.From), brief(c.To))
			}
		}
		if src, _ := s.object.secret(); src != nil && s.Action == "create" {
			fmt.Fprintf(w, "    secret: from %s\n", src)
		}
	}
	fmt.Fprintf(w, "%d to create, %d to change, %d to disable, %d unchanged\n", count["create"], count["change"], count["disable"], count["unchanged"])
}

func (s *secretSource) String() string {
	switch {
	case s.env != "":
		return "the environment variable " + s.env
	case s.file != "":
		return "the file " + s.file
	case s.stdin != "":
		return "standard input"
	}
	return "the generator"
}

// brief shows a value on one line.
func brief(v any) string {
	if v == nil {
		return "nothing"
	}
	b, _ := json.Marshal(v) // it was JSON
	if out := clean(string(b)); len(out) <= 100 {
		return out
	}
	return clean(strings.ToValidUTF8(string(b[:97]), "")) + "..."
}

// carryOut applies step by step up to the first error, and says then what was applied and what was not.
func (s *session) carryOut(c *cobra.Command, label string, steps []*step, f applyFlags) error {
	var did []string
	for i, st := range steps {
		if !st.changes() {
			continue
		}
		if err := s.do(c, label, st, f); err != nil {
			var rest []string
			for _, r := range steps[i+1:] {
				if r.changes() {
					rest = append(rest, r.object.String())
				}
			}
			return fmt.Errorf("%s: %w\napplied before: %s\nnot applied: %s\nApplying the file again goes on where it stopped", st.object, err, or(strings.Join(did, ", "), "nothing"), or(strings.Join(append([]string{st.object.String() + " (perhaps in part)"}, rest...), ", "), "nothing"))
		}
		did = append(did, st.object.String())
		fmt.Fprintf(note(c), "%s %s\n", map[string]string{"create": "created", "change": "changed", "disable": "disabled"}[st.Action], st.object)
	}
	return nil
}

// do carries out one step: the body, then what the API keeps beside it, then the label.
func (s *session) do(c *cobra.Command, label string, st *step, f applyFlags) error {
	o := st.object
	if st.Action == "disable" {
		return s.disable(c, o)
	}
	now, err := s.put(c, st, f)
	if err != nil {
		return err
	}
	if missing := missingKeys(o, st.have); len(missing) > 0 {
		if now, err = call[map[string]any](s, c, http.MethodPost, at("devices/%s/trust", o.name), device.TrustBody{Keys: missing}); err != nil {
			return fmt.Errorf("pin host keys: %w", err)
		}
	}
	if slices.ContainsFunc(st.Changes, func(c change) bool { return c.Field == "enabled" }) && o.special["enabled"] != nil {
		if err := s.setStatus(c, o, o.special["enabled"] == true); err != nil {
			return err
		}
	}
	id, _ := now["id"].(string)
	if !st.label || id == "" {
		return nil
	}
	if _, err := call[struct{}](s, c, http.MethodPut, at("manifests/%s/"+o.kind.name+"/%s", label, id), nil); err != nil {
		return fmt.Errorf("label it: %w", err)
	}
	return nil
}

// put creates or changes the object itself, if its body differs.
func (s *session) put(c *cobra.Command, st *step, f applyFlags) (map[string]any, error) {
	o := st.object
	body := map[string]any{}
	for k, v := range o.want {
		body[k] = v
	}
	if st.have != nil && len(compare("", o.want, st.have)) == 0 {
		return st.have, nil
	}
	switch {
	case o.kind.name == "template":
		if newest, ok := st.have["newest"]; ok {
			body["base"] = newest
		}
		return call[map[string]any](s, c, http.MethodPost, "/api/v1/templates", body)
	case st.have != nil:
		body["revision"] = st.have["revision"]
		return call[map[string]any](s, c, http.MethodPut, o.path(), body)
	case o.kind.name == "authorization":
		return s.newKeys(c, o, body, f.keysDir)
	}
	if src, _ := o.secret(); src != nil {
		v, err := s.fetchSecret(c, o, src)
		if err != nil {
			return nil, err
		}
		body["secret"] = v
	}
	return call[map[string]any](s, c, http.MethodPost, "/api/v1/"+o.kind.path, body)
}

// madeKeys are new client keys, with the authorization as JSON.
type madeKeys struct {
	Authorization map[string]any `json:"authorization"`
	ClientID      string         `json:"client_id"`
	ClientSecret  string         `json:"client_secret"`
}

// newKeys creates an authorization and keeps its keys. The file is opened first, so that keys are never lost for want of
// a place.
func (s *session) newKeys(c *cobra.Command, o *object, body map[string]any, dir string) (map[string]any, error) {
	name := filepath.Join(dir, o.within+"-"+o.name+".env")
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep the client keys: %w", err)
	}
	k, err := call[madeKeys](s, c, http.MethodPost, at("applications/%s/authorizations", o.within), body)
	if err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(name))
	}
	_, err = fmt.Fprintf(file, "COFRE_CLIENT_ID=%s\nCOFRE_CLIENT_SECRET=%s\n", k.ClientID, k.ClientSecret)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return nil, fmt.Errorf("keep the client keys (cofre authorization rekey makes new ones): %w", err)
	}
	return k.Authorization, nil
}

// missingKeys are the pins of the file that the device does not have.
func missingKeys(o *object, have map[string]any) []device.TrustedKey {
	wanted, _ := o.hostKeys() // checked when the file was read
	pins, _ := have["host_keys"].([]any)
	return slices.DeleteFunc(wanted, func(k device.TrustedKey) bool {
		return slices.ContainsFunc(pins, func(p any) bool {
			m, _ := p.(map[string]any)
			return k.Fingerprint != "" && m["fingerprint"] == k.Fingerprint || k.Key != "" && m["key"] == k.Key
		})
	})
}

// disable switches an object off that the manifest does not name any more.
func (s *session) disable(c *cobra.Command, o *object) error {
	switch o.kind.name {
	case "policy", "application", "authorization", "secret-automation":
		_, err := call[struct{}](s, c, http.MethodPut, o.path(), map[string]bool{"enabled": false})
		return err
	}
	return s.setStatus(c, o, false)
}

func (s *session) setStatus(c *cobra.Command, o *object, enabled bool) error {
	var err error
	if o.kind.name == "template" {
		_, err = call[struct{}](s, c, http.MethodPut, at("templates/%s/status", o.name)+query(url.Values{"executor": {o.within}}), template.StatusBody{Active: &enabled})
	} else {
		_, err = call[struct{}](s, c, http.MethodPut, o.path()+"/status", map[string]bool{"enabled": enabled})
	}
	if err != nil {
		return fmt.Errorf("set its status: %w", err)
	}
	return nil
}
