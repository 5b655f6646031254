package compat

import (
	"bytes"
	"errors"
	"mime/multipart"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"cofre/fsm/model"
	"cofre/vault/secret"
	"github.com/google/go-cmp/cmp"
)

func decode(t *testing.T, method, target, contentType, body string, o DecodeOptions) (*Input, error) {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Content-Type", contentType)
	return Decode(r, []byte(body), o)
}

func TestDecodeLooksAtTheBody(t *testing.T) {
	t.Parallel()
	var mp bytes.Buffer
	m := multipart.NewWriter(&mp)
	_ = m.WriteField("username", "root")
	_ = m.WriteField("content", "p&=+é")
	_ = m.Close()
	form := url.Values{"username": {"root"}, "content": {"p&=+é"}}.Encode()
	for name, c := range map[string]struct{ method, target, contentType, body string }{
		"form":                {"POST", "/", "application/x-www-form-urlencoded", form},
		"form declared JSON":  {"DELETE", "/", "application/json", form},
		"form undeclared":     {"GET", "/", "", form},
		"JSON":                {"POST", "/", "application/json", `{"Username":"root","content":"p&=+é","x":null}`},
		"JSON declared form":  {"POST", "/", "application/x-www-form-urlencoded", `{"username":"root","content":"p&=+é"}`},
		"multipart":           {"POST", "/", m.FormDataContentType(), mp.String()},
		"query of a POST":     {"POST", "/?" + form, "", ""},
		"the body wins":       {"POST", "/?username=other", "", form},
		"JSON with a BOM":     {"POST", "/", "", "\xef\xbb\xbf" + `{"username":"root","content":"p&=+é"}`},
		"JSON null overrides": {"POST", "/?username=root", "", `{"username":null,"content":"p&=+é"}`},
	} {
		in, err := decode(t, c.method, c.target, c.contentType, c.body, DecodeOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s := in.Secret("password", "content"); in.Text("username") != "root" || s == nil || !s.Equal(secret.New([]byte("p&=+é"))) {
			t.Errorf("%s: %v", name, in.Names())
		}
	}
}

func TestDecodeLeniently(t *testing.T) {
	t.Parallel()
	in, err := decode(t, "POST", "/?tags[]=a&tags[]=b", "", `{"id":7,"on":"yes","off":0,"list":["x",2,null," "],"deep":[{"k":"v"}],"commas":"a, b,,c"}`, DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	on, _ := in.Bool("on")
	off, _ := in.Bool("off")
	none, _ := in.Bool("none")
	deep, _ := in.Object("deep")
	got := map[string]any{"id": in.Text("id"), "on": *on, "off": *off, "none": none == nil, "deep": deep.Text("k")}
	for _, name := range []string{"list", "commas", "tags"} {
		l, err := in.List(name)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = *l
	}
	want := map[string]any{"id": "7", "on": true, "off": false, "none": true, "deep": "v", "list": []string{"x", "2"}, "commas": []string{"a", "b", "c"}, "tags": []string{"a", "b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What forms say in the ways of PHP and of other libraries is what JSON says.
func TestDecodeForms(t *testing.T) {
	t.Parallel()
	var mp bytes.Buffer
	m := multipart.NewWriter(&mp)
	for _, f := range [][2]string{{"Tags", "a"}, {"Tags", "b"}, {"devices[0][hostname]", "h1"}, {"devices[1][hostname]", "h2"}, {"settings[automatic_change]", "1"}, {"data[key_value][][API_KEY]", "k"}, {"data[key_value][][Q]", "q"}} {
		_ = m.WriteField(f[0], f[1])
	}
	_ = m.Close()
	const php = "devices%5B0%5D%5Bhostname%5D=h1&devices[1][hostname]=h2&settings[automatic_change]=1&data[key_value][0][API_KEY]=k&data[key_value][1][Q]=q"
	for name, c := range map[string]struct{ target, contentType, body string }{
		"JSON":           {"/", "", `{"tags":["a","b"],"devices":[{"hostname":"h1"},{"hostname":"h2"}],"settings":{"automatic_change":1},"data":{"key_value":[{"API_KEY":"k"},{"Q":"q"}]}}`},
		"PHP":            {"/", "", php + "&tags[0]=a&tags[1]=b"},
		"jQuery":         {"/", "", php + "&tags[]=a&tags[]=b"},
		"repeated":       {"/", "", php + "&tags=a&tags=b"},
		"with commas":    {"/", "", php + "&tags=a,b"},
		"the body wins":  {"/?tags=c&tags=d", "", php + "&tags=a&tags=b"},
		"query":          {"/?tags=a&tags=b&" + php, "", ""},
		"multipart":      {"/", m.FormDataContentType(), mp.String()},
		"nested as JSON": {"/", "", url.Values{"tags": {"a", "b"}, "settings": {`{"automatic_change":true}`}, "data": {`{"key_value":[{"API_KEY":"k"},{"Q":"q"}]}`}}.Encode() + "&devices[][hostname]=h1&devices[][hostname]=h2"},
	} {
		in, err := decode(t, "POST", c.target, c.contentType, c.body, DecodeOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		tags, err1 := in.List("tags")
		devices, err2 := in.Members("devices", "hostname")
		settings, err3 := in.Object("settings")
		data, err4 := in.Document("data")
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		on, _ := settings.Bool("automatic_change")
		got := []any{*tags, *devices, *on}
		for _, item := range data.Member("key_value").Items() {
			for _, m := range item.Members() {
				got = append(got, m.Name+"="+m.Text())
			}
		}
		if diff := cmp.Diff([]any{[]string{"a", "b"}, []string{"h1", "h2"}, true, "API_KEY=k", "Q=q"}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	in, err := decode(t, "POST", "/", "", "username=first&Username=last&odd[=1&[x]=2&a[b]c]=3&s[x]=first&s[x]=last", DecodeOptions{})
	if err != nil || in.Text("username") != "last" || in.Text("odd[") != "1" || in.Text("[x]") != "2" || in.Text("a[b]c]") != "3" {
		t.Errorf("%v %v", err, in.Names())
	}
	if s, err := in.Object("s"); err != nil || s.Text("x") != "last" {
		t.Error(err)
	}
	in, err = decode(t, "POST", "/?content=query&id=1&id=2", "", "content=first&content=last", DecodeOptions{})
	if err != nil || in.Text("id") != "2" || !in.Secret("content").Equal(secret.New([]byte("last"))) {
		t.Errorf("%v %v", err, in.Names())
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target, contentType, body, field string
		o                                DecodeOptions
	}{
		"bad percent":         {"/", "", "content=%zz", "content", DecodeOptions{}},
		"bad UTF-8":           {"/", "", "username=%ff", "username", DecodeOptions{}},
		"bad name":            {"/", "", "%ff=1", "body", DecodeOptions{}},
		"bad JSON":            {"/", "", `{"a":`, "body", DecodeOptions{}},
		"XML":                 {"/", "text/xml", "<a>1</a>", "body", DecodeOptions{}},
		"a JSON text":         {"/", "", `"a=1"`, "body", DecodeOptions{}},
		"a list":              {"/", "", `[1]`, "body", DecodeOptions{}},
		"bad multipart":       {"/", "multipart/form-data; boundary=x", "y", "body", DecodeOptions{}},
		"no boundary":         {"/", "multipart/form-data", "y", "body", DecodeOptions{}},
		"secret in URL":       {"/?password=x", "", "", "password", DecodeOptions{RefuseSecretsInURL: true}},
		"secret in URL []":    {"/?content[]=x", "", "", "content", DecodeOptions{RefuseSecretsInURL: true}},
		"secret in URL below": {"/?settings[Secret_Key]=x", "", "", "secret_key", DecodeOptions{RefuseSecretsInURL: true}},
		"pipeline in URL":     {"/?env=x", "", "", "env", DecodeOptions{RefuseSecretsInURL: true}},
		"two forms":           {"/", "", "tags=a&tags[]=b", "tags", DecodeOptions{}},
		"list and object":     {"/", "", "d[0]=a&d[x]=b", "d", DecodeOptions{}},
		"below a text":        {"/", "", "s[x]=a&s[x][y]=b", "s", DecodeOptions{}},
		"too many below":      {"/", "", strings.Repeat("a[]=1&", 5000), "body", DecodeOptions{}},
		"too many":            {"/", "", strings.Repeat("a=1&", 5000), "body", DecodeOptions{}},
	} {
		_, err := decode(t, "POST", c.target, c.contentType, c.body, c.o)
		if f := Fail(err, Vendor, ""); err == nil || f.Status != 400 || f.Field != c.field {
			t.Errorf("%s: field %q: %v", name, f.Field, err)
		}
	}
	if _, err := decode(t, "DELETE", "/", "application/json", "{nonsense", DecodeOptions{IgnoreBody: true}); err != nil {
		t.Errorf("a DELETE with an undecodable body: %v", err)
	}
}

// FuzzDecode looks for panics and for values that stand in an error.
func FuzzDecode(f *testing.F) {
	f.Add("application/json", []byte(`{"a":"b"}`), "x=1")
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--b--"), "")
	f.Add("", []byte("content=%zz&a=b"), "a[]=1&a[]=2&a=3")
	f.Add("", []byte("a[0][b]=1&a[0][c]=2&a[1]=3&a[][]=4"), "s[x][y]=1&s[x][z]=2")
	f.Fuzz(func(t *testing.T, contentType string, body []byte, query string) {
		r := httptest.NewRequest("POST", "/", nil)
		r.URL.RawQuery = query
		r.Header["Content-Type"] = []string{contentType}
		in, err := Decode(r, body, DecodeOptions{})
		if err != nil {
			if !model.Is(err, model.Invalid) {
				t.Fatal(err)
			}
			return
		}
		for _, n := range in.Names() {
			_ = in.Text(n)
			_, _ = in.Bool(n)
			_, _ = in.List(n)
			if o, _ := in.Object(n); o != nil {
				_ = o.Names()
			}
			if s := in.Secret(n); s != nil {
				s.Wipe()
			}
		}
		in.Wipe()
	})
}
