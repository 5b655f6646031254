package runner

import (
	"errors"
	"testing"

	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

func sealedText(s string) model.Sealed { return model.Sealed{Term: 1, Box: []byte(s)} }

func opened(s model.Sealed) (secret.Value, error) {
	return secret.New(append([]byte(nil), s.Box...)), nil
}

// valued is a job in which every tag has a value that can have one: the account of a dynamic user of an application's secret.
func valued(user bool) *job {
	j := &job{
		operation:  &model.Operation{Number: 7, Executor: "ssh"},
		credential: &model.Credential{Username: "app_1", Additional: "info", Settings: &model.Settings{ServerPath: "/srv/app"}, Domain: "corp", OTP: &model.OTPKey{Row: "r"}, Versions: []model.SecretVersion{{N: 1, Role: model.RoleCurrent, Secret: sealedText("old-pass")}}},
		auth:       &model.Credential{Username: "manager", Domain: "adm", Versions: []model.SecretVersion{{N: 1, Role: model.RoleCurrent, Secret: sealedText("door-pass")}}},
		device:     &model.Device{IP: "192.0.2.1", Hostname: "web1", Connectivities: []model.Connectivity{{Protocol: "SSH", Port: 2222}}},
		executor:   listed{}, candidate: secret.New([]byte("new-pass")),
		code: func(*model.OTPKey) (secret.Value, error) { return secret.New([]byte("123456")), nil },
	}
	j.decrypt = func(c *model.Credential) (secret.Value, error) { return opened(c.ByRole(model.RoleCurrent).Secret) }
	if !user {
		return j
	}
	field := func(name, value string) model.DSMField {
		return model.DSMField{Name: name, Row: "r", Secret: sealedText(value)}
	}
	j.user = &model.DynamicUser{TTL: 90_000}
	j.held = &held{
		application: "shop", auth: &model.Authorization{ID: "auth1", ClientID: "client1"},
		oauth1: &model.OAuth1Keys{Consumer: "ck", Token: "tk", ConsumerRow: "r", ConsumerSecret: sealedText("ck-secret"), TokenRow: "r", TokenSecret: sealedText("tk-secret")},
		secret: &model.DSMSecret{Name: "Shop's database", Identity: "shop-db", Engine: "Generic", Version: 3, ExpiresAt: 1_800_000_000_000},
		version: &model.DSMVersion{N: 3, Entries: []model.DSMEntry{
			{Kind: model.DSMKeyValue, Fields: []model.DSMField{field("google_project", "p\"1")}},
			{Kind: model.DSMAccessKey, Fields: []model.DSMField{field("ACCESS_KEY_ID", "AKIA"), field("SECRET_ACCESS_KEY", "aws-secret"), field("ACCESS_KEY_TTL", "3600")}},
			{Kind: model.DSMCredential, Credential: "other", Fields: []model.DSMField{{Name: "DB_PASS", From: "password"}}},
		}},
		open: func(_ string, s model.Sealed) (secret.Value, error) { return opened(s) },
	}
	return j
}

// TestValues goes through the whole list of words: each has its value, or is known to have none in this product.
func TestValues(t *testing.T) {
	t.Parallel()
	always := map[mask.Name]string{
		"USERNAME": "app_1", "NEW_PASSWORD": "new-pass", "CURRENT_PASSWORD": "old-pass", "AUTH_USER": "manager", "AUTH_PASSWORD": "door-pass", "AUTH_DOMAIN": "adm", "ADD_INFO": "info",
		"IP": "192.0.2.1", "HOSTNAME": "web1", "DOMAIN": "corp", "SERVER_PATH": "/srv/app", "TOTP_TOKEN": "123456", "CONNECT_IP": "192.0.2.1", "CONNECT_PORT": "2222", "OPERACAO_COD": "7",
	}
	users := map[mask.Name]string{
		"APP_NAME": "shop", "APP_AUTH_UNIQUE_KEY": "auth1", "APP_AUTH_TYPE": "OAuth 1.0", "APP_AUTH_CLIENT_ID": "client1", "APP_AUTH_CONSUMER_KEY": "ck", "APP_AUTH_CONSUMER_SECRET": "ck-secret",
		"APP_AUTH_TOKEN": "tk", "APP_AUTH_TOKEN_SECRET": "tk-secret", "SECRET_NAME": "Shop's database", "SECRET_IDENTIFIER": "shop-db", "SECRET_VERSION": "3", "SECRET_ENGINE": "Generic",
		"SECRET_EXPIRATION_DATE": "2027-01-15T08:00:00Z", "SECRET_DATA": `{"google_project":"p\"1","ACCESS_KEY_ID":"AKIA","SECRET_ACCESS_KEY":"aws-secret","ACCESS_KEY_TTL":"3600"}`,
		"ACCESS_KEY_ID": "AKIA", "SECRET_ACCESS_KEY": "aws-secret", "ACCESS_KEY_TTL": "3600", "CREDENTIAL_HOSTNAME": "web1", "CREDENTIAL_USERNAME": "app_1", "CREDENTIAL_PASSWORD": "new-pass",
		"CREDENTIAL_ADDITIONAL_INFORMATION": "info", "CREDENTIAL_TTL": "90", "GOOGLE_PROJECT": "p\"1",
	}
	for _, user := range []bool{false, true} {
		names := []mask.Name{"GOOGLE_PROJECT", "DB_PASS", "NO_SUCH_KEY"}
		for _, d := range mask.List() {
			names = append(names, d.Name)
		}
		for _, n := range names {
			want, ok := always[n]
			if !ok && user {
				want, ok = users[n]
			}
			v, err := valued(user).resolve(n)
			switch {
			case ok && (err != nil || !v.Equal(secret.New([]byte(want)))):
				t.Errorf("user %v: %s has another value, or %v", user, n, err)
			case !ok && !errors.Is(err, mask.ErrNoValue):
				t.Errorf("user %v: %s: %v, want no value", user, n, err)
			}
		}
	}
	none := valued(false)
	none.credential.OTP = nil
	if _, err := none.resolve("TOTP_TOKEN"); !errors.Is(err, mask.ErrNoValue) {
		t.Errorf("a code without a key: %v", err)
	}
	none.auth.OTP = &model.OTPKey{Row: "r"}
	if v, err := none.resolve("TOTP_TOKEN"); err != nil || v.Len() != 6 {
		t.Errorf("the code of the credential that logs in: %v", err)
	}
}
