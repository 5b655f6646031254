package all

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mask"
	"cofre/executors/ssh"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// port listens, says what it is given to each connection in turn, and from then on nothing, or it closes.
func port(t *testing.T, closes bool, says ...string) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	turn := make(chan string, len(says))
	for _, s := range says {
		turn <- s
	}
	target.Answer(t, l, func(c net.Conn) {
		defer c.Close()
		if closes {
			return
		}
		select {
		case s := <-turn:
			_, _ = io.WriteString(c, s)
		default:
		}
		_, _ = io.Copy(io.Discard, c)
	})
	return target.PortOf(l.Addr().String())
}

// privateKey makes a key that opens by SSH.
func privateKey(t *testing.T) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// TestSilentPorts: a port that is open and silent, or closes, has refused nobody, whatever executor asks. One that is silent after it
// was shown a password may have.
func TestSilentPorts(t *testing.T) {
	t.Parallel()
	template := map[model.ExecutorName]string{}
	for _, c := range Catalogue() {
		if _, ok := template[c.Executor]; !ok && !strings.Contains(c.Content, "set-no-authenticate") {
			template[c.Executor] = c.Content
		}
	}
	type server struct {
		what   string
		spared bool
		port   uint16
	}
	greeting := "\x0a10.11.0-double\x00\x01\x00\x00\x00saltsalt\x00\x09\xa2\x2d\x02\x00\x00\x0a\x00\x15" + strings.Repeat("\x00", 10) + "saltsaltsalt\x00mysql_native_password\x00"
	shown := map[model.ExecutorName][]string{ // what makes each show a password
		"postgres": {"N", "R\x00\x00\x00\x08\x00\x00\x00\x03"},
		"mysql":    {string([]byte{byte(len(greeting)), 0, 0, 0}) + greeting},
		"telnet":   {"Password: "},
	}
	for _, e := range List() {
		v, ok := e.(executors.Verifier)
		if _, far := e.(executors.Estate); !ok || far || template[e.Name()] == "" || e.Name() == "browser" {
			continue
		}
		old, fresh := "Old-Pass-1x", "New-Pass-2y"
		if e.Name() == ssh.Key().Name() {
			old, fresh = privateKey(t), privateKey(t)
		}
		servers := []server{{"silent", true, port(t, false)}, {"closing", true, port(t, true)}}
		if s := shown[e.Name()]; s != nil {
			servers = append(servers, server{"silent after the password", false, 0})
		}
		for _, c := range servers {
			t.Run(string(e.Name())+" "+c.what, func(t *testing.T) {
				t.Parallel()
				session := func() executors.Session {
					at := c.port
					if at == 0 {
						at = port(t, false, shown[e.Name()]...)
					}
					k := executortest.Kit{Connect: 200 * time.Millisecond, Read: 200 * time.Millisecond, Target: model.Endpoint{Address: "127.0.0.1", Port: at, InsecureTLS: true, HostKeys: []model.HostKey{{Fingerprint: "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"}}},
						Values: map[mask.Name]string{"ADD_INFO": "x", "DOMAIN": "x", "AUTH_DOMAIN": "x", "IDENTIFIER": "x"}}
					return k.Session(executortest.Account{Name: "ann", Password: old}, fresh)
				}
				began := time.Now()
				judge := func(how string, err error) {
					t.Helper()
					if took := time.Since(began); took > 8*time.Second { // what every executor waits for without being told is longer
						t.Errorf("%s: the session's time-outs are 200 ms, and it took %s", how, took)
					}
					began = time.Now()
					class := executortest.ClassOf(err)
					spared := executors.IsSpared(err) || class == executors.ClassTLS
					if spared != c.spared || class != executors.ClassTimeout && class != executors.ClassNetwork && class != executors.ClassTLS || strings.Contains(err.Error(), "deadline") {
						t.Errorf("%s: spared %t: %v", how, spared, err)
					}
				}
				if in, err := v.Verify(t.Context(), session(), secret.New([]byte(old))); in || err == nil {
					t.Errorf("proof: %t, %v", in, err)
				} else {
					judge("proof", err)
				}
				p, err := e.Compile(template[e.Name()])
				if err != nil {
					t.Fatal(err)
				}
				if outcome, err := p.Run(t.Context(), session()); outcome != executors.NotStarted {
					t.Errorf("change: %s, %v", outcome, err)
				} else {
					judge("change", err)
				}
			})
		}
	}
}
