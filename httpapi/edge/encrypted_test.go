package edge_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // what the known client decrypts with
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"cofre/httpapi/edge"
	"cofre/httpapi/examples"
	"cofre/httpapi/route"
)

// TestEveryRouteEncrypts plays the examples, of which every route has one, as clients with a public key. What is encrypted at
// which route stands in a table that people have read; what was encrypted anywhere stands in the clear nowhere; and a route that
// leaves the event of one that answers a secret answers it encrypted too.
func TestEveryRouteEncrypts(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		t.Fatal(err)
	}
	table, events, mu := map[string]map[string]bool{}, map[string]bool{}, sync.Mutex{}
	t.Run("clients", func(t *testing.T) {
		for _, script := range scripts(t) {
			t.Run(script.Name, func(t *testing.T) {
				t.Parallel()
				w := &sealedPlayer{player: newPlayer(t), private: private, secrets: map[string]bool{}, found: map[string]map[string]bool{}}
				w.play(&script)
				mu.Lock()
				defer mu.Unlock()
				for name, fields := range w.found {
					if table[name] == nil {
						table[name] = map[string]bool{}
					}
					maps.Copy(table[name], fields)
				}
			})
		}
	})
	var out strings.Builder
	routes := edge.Routes()
	for _, r := range routes {
		if table[r.Method+" "+r.Path] != nil && strings.HasSuffix(r.Event, "read") {
			events[r.Event] = true
		}
	}
	for i := range routes {
		name := routes[i].Method + " " + routes[i].Path
		if table[name] != nil {
			fmt.Fprintf(&out, "%s\n    %s\n", name, strings.Join(slices.Sorted(maps.Keys(table[name])), "\n    "))
		} else if events[routes[i].Event] {
			t.Errorf("%s is a read of a secret, and nothing in its answers was encrypted", name)
		}
	}
	golden(t, "testdata/encrypted.txt", "what is encrypted changed", out.String())
}

// sealedPlayer plays a script whose clients have a public key wherever the script lets them.
type sealedPlayer struct {
	*player
	private *rsa.PrivateKey
	root    string            // a token that changes the key of others
	holders map[string]string // by name in the script: the path of the authorization
	secrets map[string]bool   // what was decrypted
	found   map[string]map[string]bool
	answers []played
}

type played struct {
	name string
	answer
}

func (w *sealedPlayer) play(s *examples.Script) {
	w.json(w.tokens["admin"], "POST", "/api/v1/applications", 201, `{"name":"root"}`)
	a := w.json(w.tokens["admin"], "POST", "/api/v1/applications/root/authorizations", 201, strings.Replace(others["filter"], `"filter":{"tags":["foreign"]}`, `"filter":{"all":true}`, 1))
	w.root = w.token(keys{a.text("client_id"), a.text("client_secret")})
	w.holders = map[string]string{"admin": "/api/v1/applications/admin/authorizations/admin"}
	w.key("admin", true)
	w.deliver = w.twice
	for i := range s.Steps {
		w.player.play(&s.Steps[i])
	}
	for _, a := range w.answers {
		for value := range w.secrets {
			if shown, _ := json.Marshal(value); strings.Contains(a.raw, string(shown)) {
				w.t.Errorf("%s shows in the clear what is encrypted elsewhere: %s", a.name, a.raw)
			}
		}
	}
}

// key gives a client a public key, or takes it.
func (w *sealedPlayer) key(who string, on bool) {
	text := ""
	if on {
		text = publicPEM(w.t, &w.private.PublicKey)
	}
	b, _ := json.Marshal(map[string]string{"public_key": text})
	w.json(w.root, "PUT", w.holders[who], 200, string(b))
}

// twice sends a step as a client with a key, and as one without it where that is refused: who has a key makes nobody without one.
func (w *sealedPlayer) twice(s *examples.Step, request func() *http.Request) answer {
	who, r := s.Options["as"], routeOf(s.Method, s.Path)
	if who == "" {
		who = "admin"
	}
	a := w.send(request())
	switch {
	case w.holders[who] == "" || r == nil || r.Auth != route.Authenticated:
		return a
	case a.status >= 400:
		w.key(who, false)
		a = w.send(request())
		w.key(who, true)
	default:
		w.read(r.Method+" "+r.Path, "", a.body)
		w.answers = append(w.answers, played{r.Method + " " + r.Path, a})
	}
	if name := s.Options["login"]; name != "" {
		w.holders[name] = s.Path + "/" + a.text("authorization.name")
		w.key(name, true)
	}
	return a
}

// read decrypts what it can of an answer.
func (w *sealedPlayer) read(name, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			w.read(name, strings.TrimPrefix(at+"."+k, "."), v[k])
		}
	case []any:
		for i := range v {
			w.read(name, at+"[]", v[i])
		}
	case string:
		if plain, ok := decrypt(w.private, v); ok {
			if w.found[name] == nil {
				w.found[name] = map[string]bool{}
			}
			w.found[name][at], w.secrets[plain] = true, true
		}
	}
}

// decrypt opens a value as a client with the private key does.
func decrypt(key *rsa.PrivateKey, text string) (string, bool) {
	if box, err := base64.StdEncoding.DecodeString(text); err == nil {
		plain, err := rsa.DecryptOAEP(sha1.New(), nil, key, box, nil)
		return string(plain), err == nil
	}
	box, err := jose.ParseEncryptedCompact(text, []jose.KeyAlgorithm{jose.RSA_OAEP}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return "", false
	}
	plain, err := box.Decrypt(key)
	return string(plain), err == nil
}
