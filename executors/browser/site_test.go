package browser_test

import (
	"bufio"
	"context"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/fsm/model"
)

// site is a real HTTPS server with accounts, a login form that sets a cookie, and a form that changes the password.
type site struct {
	server *httptest.Server

	mu       sync.Mutex // guards the fields below
	accounts map[string]string
	sessions map[string]string // by cookie
	posts    int
	away     string // where the login leads instead
	hang     bool   // the change is done, and its answer never comes
	short    bool   // the field for the new password takes eight characters
	asked    string // the query and the browser's name, of the last look at the login
}

func serve(t *testing.T) *site {
	t.Helper()
	s := &site{accounts: map[string]string{}, sessions: map[string]string{}}
	m := http.NewServeMux()
	m.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = r.URL.RawQuery + " " + r.UserAgent()
		s.mu.Unlock()
		s.loginForm(w, "")
	})
	m.HandleFunc("POST /login", s.login)
	m.HandleFunc("GET /account", s.account)
	m.HandleFunc("GET /password", func(w http.ResponseWriter, r *http.Request) { s.form(w, r, "") })
	m.HandleFunc("POST /password", s.change)
	m.HandleFunc("/flood", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 5<<20)) })
	s.server = httptest.NewUnstartedServer(m)
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that are refused
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	return s
}

func (s *site) endpoint() model.Endpoint {
	return model.Endpoint{
		Hostname: "example.com", Address: "127.0.0.1", Port: target.PortOf(s.server.Listener.Addr().String()), // a name in the certificate
		CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw})),
	}
}

func (s *site) add(testing.TB) executortest.Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := executortest.Account{Name: fmt.Sprintf("o'neil <%d>", len(s.accounts)), Password: executortest.Fresh()}
	s.accounts[a.Name] = a.Password
	return a
}

// in is the site's own word.
func (s *site) in(name, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, ok := s.accounts[name]
	return ok && have == password
}

func page(w http.ResponseWriter, format string, args ...any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, "<!doctype html><title>site</title><link rel=icon href=data:,>"+format, args...)
}

func alert(id, text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf("<p id=%s>%s</p>", id, html.EscapeString(text))
}

func (s *site) loginForm(w http.ResponseWriter, why string) {
	page(w, `%s<form method=post action=/login><input id=username name=u value=guest><input id=password name=p type=password><button id=login>in</button></form><img src=https://other.example/x.png><iframe src=https://other.example/news></iframe>`, alert("login-error", why))
}

func (s *site) login(w http.ResponseWriter, r *http.Request) {
	name, password := r.FormValue("u"), r.FormValue("p")
	s.mu.Lock()
	away := s.away
	s.mu.Unlock()
	switch {
	case away != "":
		http.Redirect(w, r, away, http.StatusTemporaryRedirect)
	case !s.in(name, password):
		s.loginForm(w, "name or password is wrong: "+password)
	default:
		s.mu.Lock()
		cookie := fmt.Sprintf("c%d", len(s.sessions))
		s.sessions[cookie] = name
		s.mu.Unlock()
		http.SetCookie(w, &http.Cookie{Name: "session", Value: cookie, HttpOnly: true, Secure: r.TLS != nil, Path: "/", SameSite: http.SameSiteStrictMode})
		http.Redirect(w, r, "/account", http.StatusSeeOther)
	}
}

func (s *site) who(r *http.Request) string {
	c, err := r.Cookie("session")
	if err != nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[c.Value]
}

// account shows who is logged in after a while, by a script that fetches it.
func (s *site) account(w http.ResponseWriter, r *http.Request) {
	name := s.who(r)
	if name == "" {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	page(w, `<p id=account hidden></p><script>setTimeout(() => { const e = document.getElementById("account"); e.textContent = "hello"; e.hidden = false }, 100)</script>`)
}

func (s *site) form(w http.ResponseWriter, r *http.Request, why string) {
	name := s.who(r)
	if name == "" {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	limit := ""
	s.mu.Lock()
	if s.short {
		limit = "maxlength=8"
	}
	s.mu.Unlock()
	page(w, `<p id=unseen style="visibility:hidden">later</p>%s<form method=post action=/password onsubmit="return confirm('sure?')"><input id=current-password name=c type=password><input id=new-password name=n type=password %s><input id=new-password-again name=m type=password><input name=t type=hidden value=token-%d><button id=change>change</button></form>`,
		alert("change-error", why), limit, len(name))
}

func (s *site) change(w http.ResponseWriter, r *http.Request) {
	name, fresh := s.who(r), r.FormValue("n")
	s.mu.Lock()
	s.posts++
	hang := s.hang
	s.mu.Unlock()
	switch {
	case name == "" || r.FormValue("t") != fmt.Sprintf("token-%d", len(name)):
		w.WriteHeader(http.StatusForbidden)
	case !s.in(name, r.FormValue("c")) || fresh != r.FormValue("m"):
		s.form(w, r, "the current password is wrong")
	case len(fresh) < 8:
		s.form(w, r, "too short: "+fresh)
	default:
		s.mu.Lock()
		s.accounts[name] = fresh
		s.mu.Unlock()
		if hang {
			panic(http.ErrAbortHandler)
		}
		page(w, `<p id=password-changed>done</p>`)
	}
}

// launch starts a real Chromium by the script that the unit runs, on a socket, as systemd does.
func launch(t *testing.T) func(context.Context) (io.ReadWriteCloser, error) {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("the browser left %v behind, %v", left, err)
		}
	})
	return func(context.Context) (io.ReadWriteCloser, error) {
		ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		ours, theirs := os.NewFile(uintptr(ends[0]), "ours"), os.NewFile(uintptr(ends[1]), "theirs")
		defer theirs.Close()
		cmd := exec.Command("/bin/sh", "../../systemd/cofre-browser.sh")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, os.Stderr
		cmd.Env = append(os.Environ(), "RUNTIME_DIRECTORY="+dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		conn, err := net.FileConn(ours)
		if closed := ours.Close(); err == nil {
			err = closed
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		t.Cleanup(func() {
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("the browser ended with %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("the browser outlives its attempt")
				_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
				<-ended
			}
		})
		return &watched{Conn: conn, t: t, pid: cmd.Process.Pid}, err
	}
}

// watched looks at the browser's command lines while it is used.
type watched struct {
	net.Conn
	t   *testing.T
	pid int
}

// Close looks once more, and ends the browser.
func (w *watched) Close() error {
	lines, _ := exec.Command("ps", "-eo", "pgid,args").Output()
	for l := range strings.Lines(string(lines)) {
		if f := strings.Fields(l); len(f) > 1 && f[0] == fmt.Sprint(w.pid) && strings.Contains(l, canary) {
			w.t.Errorf("a command line holds the secret")
		}
	}
	return w.Conn.Close()
}

// share makes one browser serve attempts one after the other, each with a private context of its own: starting one is slow.
func share(t *testing.T) func(context.Context) (io.ReadWriteCloser, error) {
	t.Helper()
	whole, err := launch(t)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var now net.Conn // who listens
	t.Cleanup(func() { _ = whole.Close() })
	go func() {
		in := bufio.NewReader(whole)
		for {
			m, err := in.ReadBytes(0)
			if err != nil {
				return
			}
			mu.Lock()
			to := now
			mu.Unlock()
			if to != nil {
				_, _ = to.Write(m) // who has left wants no answer
			}
		}
	}()
	return func(context.Context) (io.ReadWriteCloser, error) {
		mu.Lock()
		defer mu.Unlock()
		time.Sleep(200 * time.Millisecond) // late answers to the one before
		ours, theirs := net.Pipe()
		now = theirs
		go func() {
			_, _ = io.Copy(whole, theirs)
			_ = theirs.Close()
		}()
		return ours, nil
	}
}
