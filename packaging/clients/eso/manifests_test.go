package eso

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	"github.com/external-secrets/external-secrets/pkg/provider/senhasegura"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	"sigs.k8s.io/yaml"
)

const dsm = "../../../docs/dsm.md"

// blocks are the YAML examples of docs/dsm.md, document by document.
func blocks(t *testing.T) (all []string) {
	t.Helper()
	b, err := os.ReadFile(dsm)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```").FindAllStringSubmatch(string(b), -1) {
		all = append(all, regexp.MustCompile(`(?m)^---$`).Split(m[1], -1)...)
	}
	return all
}

// crd is the definition that the operator installs in a cluster.
func crd(t *testing.T, plural string) apiextensions.CustomResourceDefinitionVersion {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/external-secrets/external-secrets").Output()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "config/crds/bases/external-secrets.io_"+plural+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var d apiextensions.CustomResourceDefinition
	if err := yaml.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	for _, v := range d.Spec.Versions {
		if v.Name == "v1" && v.Served && v.Storage {
			return v
		}
	}
	t.Fatalf("%s is not served as v1", plural)
	return apiextensions.CustomResourceDefinitionVersion{}
}

// TestManifests: a current cluster accepts the manifests of docs/dsm.md: no unknown field, what the operator's own definitions
// demand, and what its provider checks. The other examples are YAML.
func TestManifests(t *testing.T) {
	seen := map[string]int{}
	for _, text := range blocks(t) {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(text), &object); err != nil {
			var list []any
			if yaml.Unmarshal([]byte(text), &list) != nil {
				t.Errorf("no YAML: %v\n%s", err, text)
			}
			continue
		}
		kind, _ := object["kind"].(string)
		version, _ := object["apiVersion"].(string)
		if kind == "" {
			continue
		}
		seen[kind]++
		plural, into := "", typeOf(kind)
		if into == nil {
			t.Errorf("nobody knows the kind %s", kind)
			continue
		}
		if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if version == "external-secrets.io/v1" {
			plural = strings.ToLower(kind) + "s"
			schema := new(spec.Schema)
			b, err := yaml.Marshal(crd(t, plural).Schema.OpenAPIV3Schema)
			if err == nil {
				err = yaml.Unmarshal(b, schema)
			}
			if err != nil {
				t.Fatal(err)
			}
			if r := validate.NewSchemaValidator(schema, nil, "", strfmt.Default).Validate(object); !r.IsValid() {
				t.Errorf("%s: %v", kind, r.AsError())
			}
		} else if strings.Contains(version, "external-secrets") {
			t.Errorf("%s: a current cluster does not serve %s", kind, version)
		}
		if store, ok := into.(esv1.GenericStore); ok {
			if _, err := (&senhasegura.Provider{}).ValidateStore(store); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
	for _, kind := range []string{"Secret", "SecretStore", "ClusterSecretStore", "ExternalSecret", "Role"} {
		if seen[kind] == 0 {
			t.Errorf("%s shows no %s", dsm, kind)
		}
	}
}

func typeOf(kind string) any {
	switch kind {
	case "Secret":
		return &corev1.Secret{}
	case "Role":
		return &rbacv1.Role{}
	case "SecretStore":
		return &esv1.SecretStore{}
	case "ClusterSecretStore":
		return &esv1.ClusterSecretStore{}
	case "ExternalSecret":
		return &esv1.ExternalSecret{}
	}
	return nil
}
