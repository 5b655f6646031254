// Package eso runs the provider "senhasegura" of the External Secrets Operator, as it was published, against three nodes of
// Cofre: `make clients`. The Kubernetes API is controller-runtime's fake one, which holds the client secret.
package eso

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	esmeta "github.com/external-secrets/external-secrets/apis/meta/v1"
	"github.com/external-secrets/external-secrets/pkg/provider/senhasegura"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// ready is what cofre dev tells of its cluster.
type ready struct {
	Admin struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	} `json:"admin"`
	CAFile string `json:"ca_file"`
	Nodes  []struct {
		API string `json:"api"`
	} `json:"nodes"`
}

// cluster starts three nodes until the test ends.
func cluster(t *testing.T) ready {
	t.Helper()
	bin := os.Getenv("COFRE_BIN")
	if bin == "" {
		t.Fatal("COFRE_BIN is not set: run make clients")
	}
	dir, err := os.MkdirTemp("", "eso")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	file := filepath.Join(dir, "ready.json")
	cmd := exec.Command(bin, "dev", "--nodes", "3", "--dir", dir, "--base-port", strconv.Itoa(21000+os.Getpid()%9000), "--ready-file", file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	var r ready
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if b, err := os.ReadFile(file); err == nil && json.Unmarshal(b, &r) == nil {
			return r
		}
		if time.Now().After(end) {
			t.Fatal("the cluster did not start")
		}
	}
}

// api calls Cofre as its administrator.
type api struct {
	t     *testing.T
	http  *http.Client
	base  string
	token string
}

func connect(t *testing.T, r ready) *api {
	t.Helper()
	pem, err := os.ReadFile(r.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	a := &api{t: t, base: r.Nodes[0].API, http: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}}
	res, err := a.http.PostForm(a.base+"/iso/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {r.Admin.ClientID}, "client_secret": {r.Admin.ClientSecret}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var tok struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&tok); err != nil {
		t.Fatal(err)
	}
	a.token = tok.Token
	return a
}

func (a *api) post(path string, args, out any) {
	a.t.Helper()
	b, err := json.Marshal(args)
	if err != nil {
		a.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, a.base+path, bytes.NewReader(b))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set("Content-Type", "application/json")
	res, err := a.http.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	if res.StatusCode >= 300 {
		a.t.Fatalf("%s: %d %s", path, res.StatusCode, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			a.t.Fatal(err)
		}
	}
}

func TestProvider(t *testing.T) {
	r := cluster(t)
	t.Setenv("SSL_CERT_FILE", r.CAFile) // the provider has no field for an authority: it trusts the system's
	a := connect(t, r)
	var keys struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	a.post("/api/v1/applications", map[string]any{"name": "shop"}, nil)
	a.post("/api/v1/applications/shop/authorizations", map[string]any{"name": "prod", "system": "erp", "environment": "prod", "modules": []string{"Application", "Secrets Management"}, "rights": []string{"secret.read"}}, &keys)
	secret := map[string]any{"application": "shop", "system": "erp", "environment": "prod"}
	for identity, data := range map[string]map[string]string{"db": {"USER": "app", "PASS": `it's "x" ü`}, "api": {"KEY": "k"}} {
		secret["identifier"], secret["data"] = identity, data
		a.post("/api/dsm/secret", secret, nil)
	}
	ctx := context.Background()
	for _, node := range r.Nodes {
		kube := fake.NewClientBuilder().WithObjects(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "auth", Namespace: "shop"}, Data: map[string][]byte{"secret": []byte(keys.Secret), "wrong": []byte("x")}}).Build()
		store := func(id, key string) *esv1.SecretStore {
			return &esv1.SecretStore{TypeMeta: metav1.TypeMeta{Kind: "SecretStore"}, ObjectMeta: metav1.ObjectMeta{Name: "cofre", Namespace: "shop"}, Spec: esv1.SecretStoreSpec{Provider: &esv1.SecretStoreProvider{
				Senhasegura: &esv1.SenhaseguraProvider{URL: node.API, Module: esv1.SenhaseguraModuleDSM, Auth: esv1.SenhaseguraAuth{ClientID: id, ClientSecret: esmeta.SecretKeySelector{Name: "auth", Key: key}}},
			}}}
		}
		p := &senhasegura.Provider{}
		good := store(keys.ID, "secret")
		if _, err := p.ValidateStore(good); err != nil {
			t.Fatal(err)
		}
		c, err := p.NewClient(ctx, good, kube, "shop")
		if err != nil {
			t.Fatal(err)
		}
		if res, err := c.Validate(); err != nil || res != esv1.ValidationResultReady {
			t.Errorf("%v %v", res, err)
		}
		if v, err := c.GetSecret(ctx, esv1.ExternalSecretDataRemoteRef{Key: "db", Property: "PASS"}); err != nil || string(v) != `it's "x" ü` {
			t.Errorf("%q %v", v, err)
		}
		if m, err := c.GetSecretMap(ctx, esv1.ExternalSecretDataRemoteRef{Key: "db"}); err != nil || len(m) != 2 || string(m["USER"]) != "app" {
			t.Errorf("%q %v", m, err)
		}
		if v, err := c.GetSecret(ctx, esv1.ExternalSecretDataRemoteRef{Key: "api"}); err != nil || string(v) != `[{"KEY":"k"}]` {
			t.Errorf("%q %v", v, err)
		}
		for _, missing := range []esv1.ExternalSecretDataRemoteRef{{Key: "none"}, {Key: "db", Property: "NONE"}} {
			if _, err := c.GetSecret(ctx, missing); !errors.Is(err, esv1.NoSecretError{}) {
				t.Errorf("%v: %v", missing, err)
			}
		}
		if _, err := p.NewClient(ctx, store(keys.ID, "wrong"), kube, "shop"); err == nil || !strings.Contains(err.Error(), "HTTP code") {
			t.Errorf("a wrong client secret: %v", err)
		}
	}
}
