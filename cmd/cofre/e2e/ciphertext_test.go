package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cofre/executors/executortest/target"
)

// TestTheStateHoldsCiphertext: of a binary whose disk hides nothing, log, state and daemon's log hold names, but no secret of any kind
// that clients bring, targets get or Cofre makes: what the vault does not seal reaches no command. The controls: names are found, and
// of a binary whose vault hides nothing either, every kind that is kept is found.
func TestTheStateHoldsCiphertext(t *testing.T) {
	t.Parallel()
	for _, seals := range []bool{true, false} {
		bin, found := readable(t, seals), 0
		if !seals {
			found = 21
		}
		t.Run(fmt.Sprintf("the vault seals: %v", seals), func(t *testing.T) {
			t.Parallel()
			c := StartNodes(t, 1, Setup{Binary: bin, Args: []string{"--log.level", "debug"}})
			k := &kinds{Nodes: c, secrets: map[string][]Sentinel{}}
			k.hide("recovery share", c.recovery...)
			k.hide("administrator's secret", c.api.admin.Secret)
			k.brought()
			k.made()
			k.changed()
			k.mistyped()
			c.list[0].Stop()
			k.scan(found)
		})
	}
}

// scan looks for every secret; so many kinds are to be found.
func (k *kinds) scan(readable int) {
	k.t.Helper()
	dir := filepath.Join(k.dir, "n1")
	found, read, err := Find(k.names, dir)
	if err != nil || len(found) != len(k.names) {
		k.t.Fatalf("the control failed: %d of %d names are found: %v", len(found), len(k.names), err)
	}
	n, seen := 0, []string{}
	for kind, secrets := range k.secrets {
		n += len(secrets)
		found, _, err := Find(secrets, dir)
		if err != nil {
			k.t.Error(err)
		}
		for _, file := range found {
			seen = append(seen, kind+" in "+filepath.Base(file))
			break
		}
	}
	slices.Sort(seen)
	if len(seen) != readable {
		k.t.Errorf("%d kinds of secrets stand readable, want %d:\n%s", len(seen), readable, strings.Join(seen, "\n"))
	}
	k.t.Logf("%d bytes, %d secrets of %d kinds, readable %d", read, n, len(k.secrets), len(seen))
}

// kinds are the secrets of every kind that a cluster was given, and names that it was given beside them.
type kinds struct {
	*Nodes
	secrets map[string][]Sentinel
	names   []Sentinel
}

func (k *kinds) hide(kind string, texts ...string) {
	k.t.Helper()
	for _, text := range texts {
		if len(text) < 16 {
			k.t.Fatalf("%s is too short to be looked for", kind)
		}
		k.secrets[kind] = append(k.secrets[kind], NewSentinel(text))
	}
}

func (k *kinds) fresh(kind string) string {
	s := sentinels(1)[0]
	k.hide(kind, s.Text)
	return s.Text
}

func (k *kinds) name() string {
	s := sentinels(1)[0]
	k.names = append(k.names, s)
	return s.Text
}

// brought are secrets that clients hand over.
func (k *kinds) brought() {
	k.Must(http.MethodPost, "/api/v1/whoami/secret-read", nil, nil)
	host := k.name()
	k.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": host, "ip": "192.0.2.1", "tags": []string{k.name()}}, nil)
	k.Must(http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": "one", "hostname": host, "username": k.name(), "secret": k.fresh("password"),
		"settings": map[string]string{"notes": k.name()}, "totp": strings.ToUpper(k.fresh("key of one-time codes"))}, nil)
	k.Must(http.MethodPut, "/api/v1/credentials/one", map[string]any{"secret": k.fresh("new password")}, nil)
	k.Must(http.MethodPost, "/iso/pam/credential", map[string]any{"identifier": "vendor", "hostname": host, "username": k.name(), "content": k.fresh("password of the vendor's route"), "type": "Local User"}, nil)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		k.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		k.t.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	k.hide("private key", string(private.Seed()))
	k.Must(http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": "ssh", "hostname": host, "username": k.name(), "secret": key, "key": map[string]any{"name": k.name()}}, nil)
	k.Must(http.MethodPost, "/api/v1/secrets", map[string]any{"identity": "values", "values": []map[string]string{{"name": k.name(), "value": k.fresh("value of a secret")}}}, nil)
	k.Must(http.MethodPut, "/api/v1/secrets/values", map[string]any{"values": []map[string]string{{"name": "NEXT", "value": k.fresh("next value of a secret")}}}, nil)
	k.Must(http.MethodPost, "/iso/sctm/secret", map[string]any{"identity": "pipeline", "data": map[string]any{"access_keys": []any{map[string]any{"access_key": map[string]any{"fields": map[string]any{
		"type": "aws", "access_key_id": k.fresh("id of an access key"), "secret_access_key": k.fresh("access key")}}}}, "key_value": []any{map[string]any{"A": k.fresh("value of the vendor's route")}}}}, nil)
	k.Must(http.MethodPost, "/api/v1/information", map[string]any{"identifier": "info", "name": k.name(), "type": "Other", "content": k.fresh("protected information")}, nil)
	k.Must(http.MethodPost, "/api/v1/encryption-keys", map[string]any{"name": "enc", "algorithm": "aes256-gcm96"}, nil)
	var box struct {
		Ciphertext string `json:"ciphertext"`
	}
	plain := k.fresh("plaintext to encrypt")
	k.Must(http.MethodPost, "/api/v1/encryption-keys/enc/encrypt", map[string]string{"plaintext": base64.StdEncoding.EncodeToString([]byte(plain))}, &box)
	k.Must(http.MethodPost, "/api/v1/encryption-keys/enc/decrypt", map[string]string{"ciphertext": box.Ciphertext}, nil)
	env := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "TOKEN=%s\nOTHER=%s\n", k.fresh("mapped variable of a pipeline"), k.fresh("unmapped variable")))
	mapping := base64.StdEncoding.EncodeToString([]byte(`{"key_value":[{"name":"V","fields":["TOKEN"]}]}`))
	k.Must(http.MethodPost, "/iso/cicd/variables", map[string]any{"env": env, "map": mapping}, nil)
}

// made are secrets that Cofre makes and shows once.
func (k *kinds) made() {
	app := k.name()
	k.Must(http.MethodPost, "/api/v1/applications", map[string]any{"name": app}, nil)
	var keys struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	path := "/api/v1/applications/" + app + "/authorizations"
	k.Must(http.MethodPost, path, map[string]any{"name": "prod", "modules": []string{"PAM Core", "A2A"}, "rights": []string{"secret.read"}, "filter": map[string]any{"all": true}}, &keys)
	k.hide("client secret", keys.Secret)
	k.Must(http.MethodPost, path+"/prod/rekey", nil, &keys)
	k.hide("client secret after a rekey", keys.Secret)
	token, err := k.api.Token(k.t.Context(), k.list[0], Keys{ID: keys.ID, Secret: keys.Secret})
	if err != nil {
		k.t.Fatal(err)
	}
	k.hide("access token", token[strings.LastIndexByte(token, '.')+1:]) // its signature: the claims are no secret
	if a, err := k.api.Send(k.t.Context(), k.list[0], http.MethodGet, "/api/v1/credentials/one/secret", token, nil); err != nil || a.Status != http.StatusOK {
		k.t.Fatalf("read with the token: %v %s", err, a.Reason())
	}
	if a, err := k.api.Send(k.t.Context(), k.list[0], http.MethodPost, "/iso/oauth2/revoke", "", url.Values{"token": {token}}); err != nil || a.Status != http.StatusOK {
		k.t.Fatalf("revoke: %v %s", err, a.Reason())
	}
	var signed struct {
		ConsumerSecret string `json:"consumer_secret"`
		TokenSecret    string `json:"token_secret"`
	}
	k.Must(http.MethodPost, path+"/prod/oauth1", nil, &signed)
	k.hide("secret of OAuth 1.0", signed.ConsumerSecret, signed.TokenSecret)
	var aws struct {
		Secret string `json:"secret_access_key"`
	}
	k.Must(http.MethodPost, path+"/prod/aws", nil, &aws)
	k.hide("secret of an AWS pair", aws.Secret)
}

// changed are secrets that go to targets: new passwords, and those of dynamic users.
func (k *kinds) changed() {
	pg := target.PostgreSQL(k.t)
	role, old := pg.AddRole(k.t)
	k.hide("password on a target", old, pg.AdminPassword)
	k.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "localhost", "ip": "127.0.0.1", "ca": pg.CA(), "connectivities": []map[string]any{{"protocol": "POSTGRESQL", "port": pg.Port()}}}, nil)
	k.Must(http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": "admin", "hostname": "localhost", "username": pg.AdminUser, "secret": pg.AdminPassword}, nil)
	ends := map[string]string{"own": "succeeded", "wrong": "out_of_sync"}
	for id := range ends {
		user, secret := role, old
		if id == "wrong" { // its attempts fail, and tell what the target said
			user, secret = k.name(), k.fresh("password that the target refuses")
		}
		k.Must(http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": id, "hostname": "localhost", "username": user, "secret": secret, "execution": map[string]string{"template": "PostgreSQL ALTER ROLE"}}, nil)
		if o := k.operation(id, "change"); o.State != ends[id] {
			k.t.Fatalf("the change of %s ended as %s: %s", id, o.State, o.Message)
		}
	}
	k.hide("password that Cofre made", k.secret("own"))
	k.captured()
	k.Must(http.MethodPost, "/api/v1/dynamic-profiles", map[string]any{"identifier": "app", "executor": "postgres", "create": "PostgreSQL create role", "remove": "PostgreSQL drop role", "authentication": "admin", "ttl": "10m"}, nil)
	var lease struct {
		ID    string `json:"id"`
		State string `json:"state"`
	}
	k.Must(http.MethodPost, "/api/v1/leases", map[string]any{"profile": "app", "device": "localhost"}, &lease)
	var user struct {
		Password string `json:"password"`
	}
	Eventually(k.t, 60*time.Second, "the dynamic user is active", func() error {
		k.Must(http.MethodGet, "/api/v1/leases/"+lease.ID, nil, &lease)
		if lease.State != "active" {
			return fmt.Errorf("it is %s", lease.State)
		}
		return nil
	})
	k.Must(http.MethodGet, "/api/v1/leases/"+lease.ID+"/secret", nil, &user)
	k.hide("password of a dynamic user", user.Password)
}

// captured is what a target said in a dialogue that was to be kept.
func (k *kinds) captured() {
	sshd := target.SSHD(k.t)
	user, old := sshd.AddUser(k.t)
	k.hide("password of a Linux user", old)
	k.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": "linux", "ip": "127.0.0.1", "connectivities": []map[string]any{{"protocol": "SSH", "port": sshd.Port()}}}, nil)
	k.Must(http.MethodPost, "/api/v1/devices/linux/trust", map[string]any{"keys": []map[string]string{{"key": sshd.HostKeyLines()[0]}}}, nil)
	k.Must(http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": "linux", "hostname": "linux", "username": user, "secret": old, "execution": map[string]string{"template": "Linux passwd"}}, nil)
	var o Operation
	k.Must(http.MethodPost, "/api/v1/operations", map[string]any{"credential": "linux", "capture": true}, &o)
	Eventually(k.t, 60*time.Second, "the change with a capture succeeds", func() error {
		if k.Must(http.MethodGet, fmt.Sprintf("/api/v1/operations/%d", o.Number), nil, &o); o.State != "succeeded" {
			return fmt.Errorf("%s: %s", o.State, o.Message)
		}
		return nil
	})
	said := "password updated successfully"
	token, err := k.api.Token(k.t.Context(), k.list[0], k.api.admin)
	if err != nil {
		k.t.Fatal(err)
	}
	a, err := k.api.Send(k.t.Context(), k.list[0], http.MethodGet, fmt.Sprintf("/api/v1/operations/%d/capture", o.Number), token, nil)
	if err != nil || !strings.Contains(string(a.Body), said) {
		k.t.Fatalf("the control failed: the capture does not show what passwd says: %v %d", err, a.Status)
	}
	k.hide("what a target said", said)
	k.hide("password that passwd set", k.secret("linux"))
}

// mistyped are secrets in places that are none.
func (k *kinds) mistyped() {
	for _, form := range []url.Values{
		{"grant_type": {"client_credentials"}, "client_id": {k.fresh("password as client id")}, "client_secret": {k.fresh("wrong client secret")}},
		{"grant_type": {k.fresh("password as grant type")}, "client_id": {k.api.admin.ID}, "client_secret": {"x"}},
	} {
		if a, err := k.api.Send(k.t.Context(), k.list[0], http.MethodPost, "/iso/oauth2/token", "", form); err != nil || a.Status < 400 {
			k.t.Fatalf("a wrong token request: %d %v", a.Status, err)
		}
	}
	token, err := k.api.Token(k.t.Context(), k.list[0], k.api.admin)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, q := range []struct {
		path, token string
		body        any
	}{
		{"/api/v1/credentials", token, map[string]any{"identifier": "bad", "hostname": "nowhere-at-all", "username": "u", "secret": k.fresh("password of a refused credential")}},
		{"/api/v1/credentials", token, map[string]any{k.fresh("password as key"): "x"}},
		{"/api/v1/credentials", token, []string{k.fresh("password as list")}},
		{"/api/v1/secrets", token, map[string]any{"identity": "values", "values": []map[string]string{{"name": "A", "value": k.fresh("value of a refused secret")}}}},
		{"/iso/sctm/secret", token, map[string]any{"identity": "x", "data": k.fresh("data that is none")}},
		{"/api/v1/credentials", k.fresh("password as token"), nil},
	} {
		if a, err := k.api.Send(k.t.Context(), k.list[0], http.MethodPost, q.path, q.token, q.body); err != nil || a.Status < 400 {
			k.t.Errorf("%s takes what is wrong: %d %v", q.path, a.Status, err)
		}
	}
	<-time.After(1500 * time.Millisecond) // denials are written once a second
}
