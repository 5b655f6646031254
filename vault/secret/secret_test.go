package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"text/template"

	"github.com/fxamacker/cbor/v2"
	"github.com/sirupsen/logrus"

	"cofre/vault/secret"
)

const plain = "S3ntinel-Value-42"

// forms are the ways in which the bytes could show up in output.
var forms = []string{
	plain, plain[:8], fmt.Sprintf("%x", plain), fmt.Sprintf("%X", plain), fmt.Sprint([]byte(plain))[1:20],
	fmt.Sprintf("%#v", []byte(plain))[7:30], "UzNudGluZWwtVmFsdWU", fmt.Sprintf("%o", []byte(plain))[1:20], fmt.Sprintf("%b", []byte(plain))[1:30],
	fmt.Sprintf("%q", []byte(plain))[1:9], fmt.Sprintf("% x", plain)[:20], fmt.Sprintf("%U", []byte(plain))[1:20],
}

func clean(t *testing.T, how, out string) {
	t.Helper()
	for _, form := range forms {
		if strings.Contains(out, form) {
			t.Errorf("%s shows the secret as %q", how, form)
		}
	}
}

func value() secret.Value { return secret.New([]byte(plain)) }

// holder keeps values where fmt cannot call their methods.
type holder struct {
	name     string
	inner    secret.Value
	pointer  *secret.Value
	list     []secret.Value
	mapped   map[string]secret.Value
	anything any
	nested   struct{ deep [1]secret.Value }
}

func hold() holder {
	v := value()
	h := holder{name: "visible", inner: v, pointer: &v, list: []secret.Value{v}, mapped: map[string]secret.Value{"k": v}, anything: v}
	h.nested.deep[0] = v
	return h
}

// Public is the same with exported fields, which encoders reach.
type Public struct {
	Name    string
	Value   secret.Value
	Pointer *secret.Value
	List    []secret.Value
	Any     any
}

func public() Public {
	v := value()
	return Public{"visible", v, &v, []secret.Value{v}, v}
}

// The forms are found when something does print the bytes: without this, clean would prove nothing.
func TestCleanFindsLeaks(t *testing.T) {
	t.Parallel()
	type naive struct{ b []byte }
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d", "%o", "%b", "%U"} {
		out, found := fmt.Sprintf(verb, naive{[]byte(plain)}), false
		for _, form := range forms {
			found = found || strings.Contains(out, form)
		}
		if !found {
			t.Errorf("%s prints %q and nothing is noticed", verb, out)
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	v := value()
	for name, x := range map[string]any{
		"value": v, "pointer": &v, "slice": []secret.Value{v}, "array": [1]secret.Value{v}, "map": map[string]secret.Value{"k": v},
		"unexported": hold(), "pointer to unexported": func() any { h := hold(); return &h }(), "exported": public(), "zero": secret.Value{},
		"error": fmt.Errorf("wrapped: %v", v),
	} {
		for _, flags := range []string{"", "+", "#", "-", " ", "0", "+#", "20", ".3", "#20.5"} {
			for c := 'A'; c <= 'z'; c++ {
				clean(t, fmt.Sprintf("%%%s%c of %s", flags, c, name), fmt.Sprintf("%"+flags+string(c), x))
			}
		}
		clean(t, "Sprint of "+name, fmt.Sprint(x)+fmt.Sprintln(x))
	}
	for _, verb := range []string{"%v", "%s", "%+v", "%#v", "%d", "%x", "%q"} {
		if got := fmt.Sprintf(verb, v); got != "[secret]" {
			t.Errorf("%s gives %q", verb, got)
		}
	}
	if v.String() != "[secret]" || v.GoString() != "[secret]" {
		t.Error("String or GoString differs")
	}
}

func TestLoggers(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	for name, h := range map[string]slog.Handler{"slog JSON": slog.NewJSONHandler(&out, nil), "slog text": slog.NewTextHandler(&out, nil)} {
		l := slog.New(h)
		out.Reset()
		p := value()
		l.Info("m", "value", value(), "pointer", &p, "held", hold(), "public", public(), "list", []secret.Value{value()}, slog.Group("g", "v", value()))
		l.With("v", value()).Error("m", "err", fmt.Errorf("e: %w", errors.New(value().String())))
		if !strings.Contains(out.String(), "[secret]") {
			t.Errorf("%s wrote %s", name, out.String())
		}
		clean(t, name, out.String())
	}
	for name, f := range map[string]logrus.Formatter{"logrus text": &logrus.TextFormatter{}, "logrus colours": &logrus.TextFormatter{ForceColors: true}, "logrus JSON": &logrus.JSONFormatter{}} {
		for field, x := range map[string]any{"value": value(), "held": hold(), "public": public(), "list": []secret.Value{value()}, "map": map[string]any{"k": value()}} {
			out.Reset()
			l := logrus.New()
			l.SetOutput(&out)
			l.SetFormatter(f)
			l.WithField(field, x).WithError(fmt.Errorf("e: %v", x)).Warnf("message %v %s", x, x)
			l.WithFields(logrus.Fields{field: x}).Info(x)
			clean(t, name+" "+field, out.String())
		}
	}
	out.Reset()
	log.New(&out, "", 0).Println(value(), hold(), public())
	clean(t, "log", out.String())
}

func TestEncoders(t *testing.T) {
	t.Parallel()
	v := value()
	for name, encode := range map[string]func(io.Writer, any) error{
		"json": func(w io.Writer, x any) error { return json.NewEncoder(w).Encode(x) },
		"json indent": func(w io.Writer, x any) error {
			b, err := json.MarshalIndent(x, "", " ")
			_, _ = w.Write(b)
			return err
		},
		"cbor": func(w io.Writer, x any) error { return cbor.NewEncoder(w).Encode(x) },
		"gob":  func(w io.Writer, x any) error { return gob.NewEncoder(w).Encode(x) },
		"xml":  func(w io.Writer, x any) error { return xml.NewEncoder(w).Encode(x) },
	} {
		for kind, x := range map[string]any{
			"value": v, "pointer": &v, "slice": []secret.Value{v}, "struct": struct{ V secret.Value }{v}, "public": public(),
			"map": map[string]secret.Value{"k": v}, "interface": struct{ A any }{v}, "zero": struct{ V secret.Value }{},
		} {
			if name == "gob" && kind == "zero" {
				continue // gob leaves out empty fields: there is nothing to refuse
			}
			var out bytes.Buffer
			err := encode(&out, x)
			clean(t, name+" of "+kind, out.String())
			if err == nil {
				t.Errorf("%s of %s is not refused", name, kind)
			} else {
				clean(t, name+" error", err.Error())
			}
			if (name == "json" || name == "cbor") && !errors.Is(err, secret.ErrNotEncodable) {
				t.Errorf("%s of %s: %v", name, kind, err)
			}
		}
		var out bytes.Buffer
		_ = encode(&out, hold())
		clean(t, name+" of unexported fields", out.String())
	}
	var out bytes.Buffer
	if err := template.Must(template.New("t").Parse("{{.}} {{.Value}} {{printf `%x` .Value}}")).Execute(&out, public()); err != nil {
		t.Error(err)
	}
	clean(t, "template", out.String())
	for name, f := range map[string]func() ([]byte, error){"text": v.MarshalText, "binary": v.MarshalBinary} {
		if b, err := f(); b != nil || !errors.Is(err, secret.ErrNotEncodable) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

// The runtime prints the argument of a panic that nobody recovers in its own way: only a process that dies shows it.
func TestPanics(t *testing.T) {
	t.Parallel()
	panics := map[string]any{"value": value(), "held": hold(), "public": public(), "error": fmt.Errorf("e: %v", value()), "stringer": fmt.Stringer(value())}
	if which := os.Getenv("SECRET_TEST_PANIC"); which != "" {
		panic(panics[which])
	}
	for name := range panics {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPanics$")
		cmd.Env = append(os.Environ(), "SECRET_TEST_PANIC="+name)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "panic") {
			t.Fatalf("the process did not panic: %v\n%s", err, out)
		}
		clean(t, "panic with "+name, string(out))
	}
}

func TestLife(t *testing.T) {
	t.Parallel()
	raw := []byte(plain)
	v := secret.New(raw)
	other, clone := v, v.Clone()
	if v.Len() != len(plain) || !v.Equal(clone) || v.Equal(secret.New([]byte("x"))) || !v.Equal(other) {
		t.Error("length or comparison is wrong")
	}
	if err := v.Reveal(func(b []byte) error { return errors.Join(nil, errIf(string(b) != plain)) }); err != nil {
		t.Error(err)
	}
	boom := errors.New("boom")
	if err := v.Reveal(func([]byte) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("the error of use is lost: %v", err)
	}
	v.Wipe()
	if !bytes.Equal(raw, make([]byte, len(plain))) {
		t.Error("the bytes are still there")
	}
	if v.Len() != 0 || other.Len() != 0 {
		t.Error("a copy still sees the wiped value")
	}
	if clone.Len() != len(plain) {
		t.Error("the clone was wiped too")
	}
	v.Wipe()
	var zero secret.Value
	zero.Wipe()
	if zero.Len() != 0 || !zero.Equal(secret.New(nil)) || zero.Clone().Len() != 0 || zero.Reveal(func(b []byte) error { return errIf(b != nil) }) != nil {
		t.Error("the zero value is not an empty secret")
	}
}

func errIf(bad bool) error {
	if bad {
		return errors.New("unexpected bytes")
	}
	return nil
}
