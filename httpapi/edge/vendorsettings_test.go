package edge_test

import (
	"fmt"
	"strings"
	"testing"

	"cofre/fsm/model"
	"cofre/httpapi/edge"
)

// The vendor's blocks of settings: how an account is opened for sessions, how it is reconciled, and its key of one-time codes.
// Plugins come by the vendor's names.
func TestVendorSettings(t *testing.T) {
	t.Parallel()
	h := open(t, func(d *edge.Deps) {
		d.Executor = func(name string) (model.ExecutorName, error) {
			if e, ok := map[string]model.ExecutorName{"Secure Shell": "ssh", "ssh": "ssh", "SSH keys": "ssh-key"}[name]; ok {
				return e, nil
			}
			return "", fmt.Errorf("Cofre does not offer the executor %q", name)
		}
	})
	tok := h.token(h.admin)
	h.stock(tok)
	for name, kind := range map[string]string{
		"passwd": "Change password", "unlock": "Enable credential", "lock": "Disable credential", "make": "Create user", "remove": "Delete user",
	} {
		h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"`+name+`","executor":"ssh","kind":"`+kind+`","content":"x"}`)
	}
	put := func(status int, settings string) answer {
		return h.json(tok, "POST", "/iso/pam/credential", status, `{"hostname":"web1","ip":"192.0.2.1","username":"app","identifier":"web1-app","content":"s3cret",`+settings+`}`)
	}
	at := func() answer { return h.json(tok, "GET", "/api/v1/credentials/web1-app", 200, "") }
	put(201, `"jit_settings":{"jit":true,"enable_disable_credential":true,"credential_creation_and_deletion":false,"use_own_credential_to_connect":false,"authentication_credential":"root",
		"authentication_hostname":"web1","credential_enable_plugin":"Secure Shell","credential_enable_template":"unlock","credential_disable_plugin":"Secure Shell","credential_disable_template":"lock"}`)
	if a := at(); a.text("jit.activate") != "unlock" || a.text("jit.deactivate") != "lock" || a.text("jit.authentication") != "web1-root" || a.text("jit.executor") != "ssh" {
		t.Error(a.raw)
	}
	if a := h.json(tok, "GET", "/api/v2/pam/credentials?jit.credential_enabled=true", 200, ""); !strings.Contains(a.raw, `"web1-app"`) {
		t.Error(a.raw)
	}
	put(201, `"jit_settings":{"jit":"1","credential_creation_and_deletion":"1","credential_creation_template":"make","credential_deletion_template":"remove"}`)
	if a := at(); a.text("jit.activate") != "make" || a.text("jit.deactivate") != "remove" {
		t.Error(a.raw)
	}
	put(201, `"jit_settings":{}`)
	if a := at(); a.text("jit.activate") != "make" {
		t.Error("nothing was said, and something changed:", a.raw)
	}
	for settings, want := range map[string]string{
		`{"jit":true}`: "jit_settings",
		`{"jit":true,"credential_creation_and_deletion":true,"enable_disable_credential":true}`:                                      "jit_settings",
		`{"jit":true,"enable_disable_credential":true,"use_own_credential_to_connect":true}`:                                         "use_own_credential_to_connect",
		`{"jit":true,"enable_disable_credential":true,"credential_enable_template":"","credential_disable_template":"lock"}`:         "credential_enable_template",
		`{"jit":true,"enable_disable_credential":true,"credential_enable_template":"make","credential_disable_template":"lock"}`:     "jit",
		`{"jit":true,"enable_disable_credential":true,"credential_enable_template":"none","credential_disable_template":"lock"}`:     "no such template",
		`{"jit":true,"enable_disable_credential":true,"credential_enable_plugin":"Tk Expect","credential_enable_template":"unlock"}`: "jit.activate",
		`{"jit":true,"enable_disable_credential":true,"credential_enable_plugin":"SSH keys","credential_enable_template":"unlock"}`:  "no such template",
		`{"jit":"perhaps"}`: "jit",
	} {
		if a := put(400, `"jit_settings":`+settings); !strings.Contains(a.raw, want) {
			t.Errorf("%s: %s, want a word of %s", settings, a.raw, want)
		}
	}
	put(201, `"jit_settings":{"jit":false}`)
	if a := at(); a.at("jit") != nil {
		t.Error(a.raw)
	}
	put(201, `"execution_settings":{"change_plugin":"Secure Shell","change_template":"passwd","status":true,"reconciliation_credential":"root","reconciliation_hostname":"web1","reconciliation_plugin":"Secure Shell","reconciliation_template":"passwd"},
		"additional_settings":{"secret_key":"JBSWY3DPEHPK3PXP"}`)
	if a := at(); a.text("execution.template") != "passwd" || a.text("execution.executor") != "ssh" || a.text("execution.reconcile.template") != "passwd" ||
		a.text("execution.reconcile.authentication") != "web1-root" || a.at("execution.reconcile.autorun") != true || a.at("totp") != true {
		t.Error(a.raw)
	}
	if a := h.json(tok, "GET", "/api/v2/pam/credentials?reconciliation.credential_enabled=true", 200, ""); !strings.Contains(a.raw, `"web1-app"`) || strings.Contains(a.raw, `"web1-root"`) || !strings.Contains(a.raw, `"reconciliation":{"credential_enabled":true}`) {
		t.Error(a.raw)
	}
	if a := h.json(tok, "GET", "/api/v2/pam/credentials?reconciliation.credential_enabled=false", 200, ""); strings.Contains(a.raw, `"web1-app"`) || !strings.Contains(a.raw, `"web1-root"`) {
		t.Error(a.raw)
	}
	if a := put(400, `"execution_settings":{"change_plugin":"Tk Expect"}`); !strings.Contains(a.raw, "change_plugin") {
		t.Error(a.raw)
	}
	if a := put(400, `"additional_settings":{"secret_key":"no key, not base32"}`); strings.Contains(a.raw, "no key, not") {
		t.Error(a.raw)
	}
}

// Accounts may be named by the address of their device, which must then be the right one; and a client is told which of its settings
// have no place here.
func TestVendorSettingsByAddress(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	for _, host := range []string{"db1", "db2"} { // two devices behind one address
		h.form(tok, "POST", "/iso/pam/device", 201, "hostname", host, "ip", "192.0.2.9", "type", "Server", "vendor", "Oracle", "model", "19", "site", "main")
	}
	h.json(tok, "POST", "/iso/pam/credential", 201, `{"hostname":"db1","username":"dba","content":"s3cret","identifier":"db1-dba"}`)
	put := func(status int, settings string) answer {
		return h.json(tok, "POST", "/iso/pam/credential", status, `{"hostname":"web1","username":"app","identifier":"web1-app","content":"s3cret",`+settings+`}`)
	}
	at := func() answer { return h.json(tok, "GET", "/api/v1/credentials/web1-app", 200, "") }
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"passwd","executor":"ssh","kind":"Change password","content":"x"}`)
	if a := put(201, `"execution_settings":{"parent_credential":"dba","parent_ip":"192.0.2.9","authentication_credential":"root","authentication_hostname":"web1","authentication_ip":"192.0.2.1",
		"reconciliation_credential":"dba","reconciliation_ip":"192.0.2.9","reconciliation_template":"passwd"}`); a.text("response.detail") != "" {
		t.Error(a.raw)
	}
	if a := at(); a.text("parent") != "db1-dba" || a.text("execution.authentication") != "web1-root" || a.text("execution.reconcile.authentication") != "db1-dba" {
		t.Error(a.raw)
	}
	h.json(tok, "POST", "/iso/pam/credential", 201, `{"hostname":"db2","username":"dba","content":"s3cret","identifier":"db2-dba"}`)
	for settings, code := range map[string]string{
		`{"parent_credential":"dba","parent_ip":"192.0.2.9"}`:                                                   "1011", // two of them
		`{"parent_credential":"dba","parent_ip":"192.0.2.8"}`:                                                   "1007",
		`{"authentication_credential":"root","authentication_ip":"192.0.2.9"}`:                                  "1007",
		`{"authentication_credential":"root","authentication_hostname":"web1","authentication_ip":"192.0.2.9"}`: "1007", // another host's
		`{"reconciliation_credential":"dba","reconciliation_hostname":"db1","reconciliation_ip":"192.0.2.1"}`:   "1007",
	} {
		if a := put(400, `"execution_settings":`+settings); !strings.Contains(a.raw, code) {
			t.Errorf("%s: %s", settings, a.raw)
		}
	}
	put(201, `"execution_settings":{"parent_credential":"dba","parent_hostname":"db2","parent_ip":"192.0.2.9"}`)
	if a := at(); a.text("parent") != "db2-dba" {
		t.Error(a.raw)
	}
	a := put(201, `"session_settings":{"SSH":true},"model":"Ubuntu","vendor":"","additional_settings":[{"notes":"n","additional_authentication_fields":[{"name":"Tenant","short_name":"t","value":"hidden-1"}]}],
		"execution_settings":{"agent_based_password_change":true}`)
	if got := a.text("response.detail"); got != "not kept: session_settings, model, additional_settings.additional_authentication_fields, execution_settings.agent_based_password_change" || strings.Contains(a.raw, "hidden-1") {
		t.Error(got)
	}
	if a := h.json(tok, "PUT", "/iso/pam/credential/web1-app", 200, `{"session_settings":{},"execution_settings":{"agent_based_password_change":false},"additional":"x"}`); a.text("response.detail") != "" {
		t.Error(a.raw)
	}
}

// Switches of rows are written as the releases do that have the prefix.
func TestVendorSwitches(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	h.json(tok, "POST", "/api/v1/templates", 200, `{"name":"passwd","executor":"ssh","kind":"Change password","content":"x"}`)
	for on, want := range map[string][2]any{"true": {"1", true}, "false": {"0", false}} {
		h.json(tok, "PUT", "/iso/pam/credential/web1-root", 200, `{"execution_settings":{"change_template":"passwd","automatic_change":`+on+`}}`)
		for i, path := range []string{"/ISO/pam/credential", "/Api/pam/credential"} {
			if a := h.json(tok, "GET", path, 200, ""); a.at("credentials.0.automatic_change") != want[i] {
				t.Errorf("%s: %s", path, a.raw)
			}
		}
	}
}

// A put of what is inactive changes it and says that it stays inactive; what a client sends and nobody keeps is told at every route.
func TestVendorHints(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	tok := h.token(h.admin)
	h.stock(tok)
	told := func(method, path string, status int, body, want string) {
		t.Helper()
		if a := h.json(tok, method, path, status, body); a.text("response.detail") != want {
			t.Errorf("%s %s: %s", method, path, a.raw)
		}
	}
	key := `{"hostname":"web1","identifier":"key","username":"deploy","private_key":` + privateKey + `,"password":"not needed"`
	told("POST", "/iso/pam/key", 201, key+`,"enabled":false}`, "")
	h.json(tok, "GET", "/iso/pam/key/key", 400, "")
	told("POST", "/iso/pam/key", 201, key+`}`, "the key is inactive: PUT without a body activates it")
	told("POST", "/iso/pam/key", 201, key+`,"enabled":true}`, "")
	h.json(tok, "GET", "/iso/pam/key/key", 200, "")
	h.json(tok, "DELETE", "/iso/pam/credential/web1-root", 200, "")
	told("POST", "/iso/pam/credential", 201, `{"identifier":"web1-root","additional":"x","vendor":"Debian"}`, "not kept: vendor; the credential is inactive: PUT without a body activates it")
	told("PUT", "/api/pam/credential/web1-root", 200, `{"additional":"y"}`, "the credential is inactive: PUT without a body activates it")
	h.json(tok, "PUT", "/iso/pam/credential/web1-root", 200, "")
	told("POST", "/iso/pam/credential", 201, `{"identifier":"web1-root","additional":"x"}`, "")
	device := `{"hostname":"web1","ip":"192.0.2.1"`
	told("POST", "/iso/pam/device", 201, device+`,"session_remote_config":"SSH:login:u"}`, "not kept: session_remote_config")
	h.json(tok, "DELETE", "/iso/pam/device/web1", 200, "")
	told("POST", "/iso/pam/device", 201, device+`}`, "the device is inactive: PUT activates it")
	told("POST", "/iso/pam/info", 201, `{"identifier":"licence","content":"k","users_allowed":"ana"}`, "not kept: users_allowed")
	h.json(tok, "DELETE", "/iso/pam/info/licence", 200, "")
	told("POST", "/iso/pam/info", 201, `{"identifier":"licence","name":"n"}`, "the information is inactive: PUT /api/v1/information/{name}/status enables it")
}
