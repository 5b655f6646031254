package executortest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// TestCanary: whatever form of a secret a target or a driver writes into its words, it does not come into a transcript. The control
// is the same transcript without the guard, in which every form is found.
func TestCanary(t *testing.T) {
	t.Parallel()
	const canary = `C4nary-"of the&vault'/ação`
	var wide []byte
	for _, u := range utf16.Encode([]rune(canary)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	text, _ := json.Marshal(canary) // a string always encodes
	for name, form := range map[string]string{
		"plain": canary, "quoted by Go": strconv.Quote(canary), "JSON": string(text), "doubled quotes": strings.ReplaceAll(canary, "'", "''"), "URL query": url.QueryEscape(canary), "URL path": url.PathEscape(canary),
		"base64": base64.StdEncoding.EncodeToString([]byte(canary)), "base64 in a text": base64.URLEncoding.EncodeToString([]byte("user:" + canary)), "UTF-16LE": string(wide),
		"base64 of UTF-16LE": base64.StdEncoding.EncodeToString(wide), "upper case": strings.ToUpper(canary), "hexadecimal": fmt.Sprintf("%x", canary),
	} {
		step := model.Step{Text: "exec [#NEW_PASSWORD#]", Matched: "it said " + form, Error: "refused: " + form + " is bad"}
		for _, guarded := range []bool{true, false} {
			rec := executors.NewRecorder()
			s := executors.Session{Trace: rec, Resolve: func(mask.Name) (secret.Value, error) { return secret.New([]byte(canary)), nil }}
			if guarded {
				s, _ = s.Guard()
			}
			if _, err := s.Resolve(mask.NewPassword); err != nil {
				t.Fatal(err)
			}
			s.Trace.Step(step)
			shown := rec.Steps()[0].Matched + " " + rec.Steps()[0].Error
			switch found := Leak(shown, canary); {
			case guarded && (found != "" || strings.Contains(shown, form)):
				t.Errorf("%s: it shows as %s", name, found)
			case !guarded && !strings.Contains(shown, strings.ToValidUTF8(form, "?")):
				t.Errorf("%s: the control does not show it", name)
			}
		}
	}
}
