package winrm_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5" // NTLM's
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"golang.org/x/crypto/md4" //nolint:staticcheck // NTLM's

	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/fsm/model"
)

// double speaks WS-Management as far as a shell with a command needs it: Create, Command, Send, Receive and Delete over TLS, after a
// login by NTLM, which holds for the connection, or by Basic. As a wire it is honest: the messages are those of the protocol's
// description, and NTLM's proof is computed. As an engine (engine_test.go) it knows the catalogue's lines alone, and refuses all else.
type double struct {
	t      *testing.T
	server *httptest.Server
	ways   []string // of logging in

	mu     sync.Mutex // guards the fields below
	users  map[string]*user
	shells map[string]map[string]*process
	n      int
	lines  []string // command lines
	first  int      // the status of requests without a login; 0: as they deserve
	last   int      // and of those that show a password
	odd    bool     // the challenge is none
	says   string   // what every command and script ends with; "": what the engine says
}

// user is a local account.
type user struct {
	password string
	off      bool
}

// process is a command in a shell.
type process struct {
	line  string
	who   string
	input []byte
	whole bool // the input has ended
	told  bool // the client was told once to ask again
}

const admin, adminPassword = "Administrator", "Admin-Pass-1x"

// connection is who logged in, and the challenge on the way there.
type connection struct {
	mu        sync.Mutex // guards the fields below
	who       string
	challenge []byte
}

type connectionKey struct{}

func serve(t *testing.T, plain bool, ways ...string) *double {
	t.Helper()
	d := &double{t: t, ways: ways, users: map[string]*user{admin: {password: adminPassword}}, shells: map[string]map[string]*process{}}
	d.server = httptest.NewUnstartedServer(d)
	d.server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that a test cut
	d.server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, &connection{})
	}
	if plain {
		d.server.Start()
	} else {
		d.server.StartTLS()
	}
	t.Cleanup(d.server.Close)
	return d
}

func (d *double) endpoint() model.Endpoint {
	e := model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(d.server.Listener.Addr().String())}
	if c := d.server.Certificate(); c != nil {
		e.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return e
}

func (d *double) add(testing.TB) executortest.Account {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n++
	a := executortest.Account{Name: fmt.Sprintf("app'%d é", d.n), Password: executortest.Fresh()}
	d.users[a.Name] = &user{password: a.Password}
	return a
}

// login is the target's own word.
func (d *double) login(name, password string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.users[name]
	return u != nil && !u.off && u.password == password, nil
}

// ServeHTTP asks for a login and hands the message on.
func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connectionKey{}).(*connection)
	c.mu.Lock()
	defer c.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/wsman" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	who := c.who
	if d.first != 0 && r.Header.Get("Authorization") == "" {
		w.WriteHeader(d.first)
		return
	}
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		switch scheme {
		case "Basic":
			name, password, _ := r.BasicAuth()
			if in, _ := d.login(name, password); in && strings.Contains(strings.Join(d.ways, " "), "Basic") {
				who = name
			}
		case "Negotiate":
			raw, _ := base64.StdEncoding.DecodeString(token)
			if len(raw) > 12 && raw[8] == 1 {
				c.challenge = []byte(executortest.Fresh())[:8]
				message := challenge(c.challenge)
				if d.odd {
					message = message[:9]
				}
				w.Header().Add("WWW-Authenticate", "Negotiate "+base64.StdEncoding.EncodeToString(message))
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			if d.last != 0 {
				w.WriteHeader(d.last)
				return
			}
			c.who = d.proven(raw, c.challenge)
			who = c.who
		}
	}
	if who == "" {
		for _, way := range d.ways {
			w.Header().Add("WWW-Authenticate", way)
		}
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if len(body) > 0 {
		d.message(w, who, body)
	}
}

// challenge is NTLM's CHALLENGE_MESSAGE with a target info that holds nothing but its end.
func challenge(nonce []byte) []byte {
	b := append([]byte("NTLMSSP\x00"), 2, 0, 0, 0)
	b = append(b, 0, 0, 0, 0, 56, 0, 0, 0)                           // no target name
	b = binary.LittleEndian.AppendUint32(b, 0x00888205)              // UNICODE, REQUEST_TARGET, NTLM, ALWAYS_SIGN, EXTENDED_SESSIONSECURITY, TARGET_INFO
	b = append(append(b, nonce...), make([]byte, 8)...)              //
	b = append(b, 4, 0, 4, 0, 56, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 15) // target info, version
	return append(b, 0, 0, 0, 0)
}

// proven checks an AUTHENTICATE_MESSAGE (NTLMv2) and tells whose it is.
func (d *double) proven(b, nonce []byte) string {
	field := func(at int) []byte {
		n, off := int(binary.LittleEndian.Uint16(b[at:])), int(binary.LittleEndian.Uint32(b[at+4:]))
		return b[off : off+n]
	}
	if len(b) < 64 || b[8] != 3 || len(nonce) == 0 {
		return ""
	}
	answer, domain, name := field(20), narrow(field(28)), narrow(field(36))
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.users[name]
	if far := d.users[domain+`\`+name]; far != nil { // of a domain, not of the device
		u = far
	}
	if u == nil || u.off || len(answer) < 16 {
		return ""
	}
	h := md4.New()
	h.Write(wide(u.password))
	mac := func(key []byte, parts ...[]byte) []byte {
		m := hmac.New(md5.New, key)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	key := mac(h.Sum(nil), wide(strings.ToUpper(name)), wide(domain))
	if !bytes.Equal(answer[:16], mac(key, nonce, answer[16:])) {
		return ""
	}
	return name
}

// request is every message that the double knows.
type request struct {
	Action   string `xml:"Header>Action"`
	Selector string `xml:"Header>SelectorSet>Selector"`
	Options  []struct {
		Name string `xml:"Name,attr"`
		Text string `xml:",chardata"`
	} `xml:"Header>OptionSet>Option"`
	Command string `xml:"Body>CommandLine>Command"`
	Send    struct {
		ID   string `xml:"CommandId,attr"`
		End  string `xml:"End,attr"`
		Text string `xml:",chardata"`
	} `xml:"Body>Send>Stream"`
	Receive struct {
		ID string `xml:"CommandId,attr"`
	} `xml:"Body>Receive>DesiredStream"`
}

const space = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"

func (d *double) message(w http.ResponseWriter, who string, body []byte) {
	var q request
	if err := xml.Unmarshal(body, &q); err != nil {
		fault(w, "1", "The WS-Management service cannot process the request: "+err.Error())
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	shell := d.shells[q.Selector]
	verb := q.Action[strings.LastIndex(q.Action, "/")+1:]
	if verb != "Create" && shell == nil {
		fault(w, "2150858843", "The shell was not found on the server.")
		return
	}
	d.n++
	switch verb {
	case "Create":
		id := fmt.Sprintf("2D6534D0-6B12-40E3-B773-%012X", d.n)
		d.shells[id] = map[string]*process{}
		reply(w, `<x:ResourceCreated><a:ReferenceParameters><w:SelectorSet><w:Selector Name="ShellId">`+id+`</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>`)
	case "Command":
		for _, o := range q.Options {
			if o.Name == "WINRS_CONSOLEMODE_STDIN" && o.Text != "FALSE" {
				d.t.Errorf("standard input is a console")
			}
		}
		id := fmt.Sprintf("772B44DF-2EA7-4AA7-87D1-%012X", d.n)
		shell[id] = &process{line: q.Command, who: who}
		d.lines = append(d.lines, q.Command)
		reply(w, `<rsp:CommandResponse><rsp:CommandId>`+id+`</rsp:CommandId></rsp:CommandResponse>`)
	case "Send":
		p := shell[q.Send.ID]
		part, err := base64.StdEncoding.DecodeString(q.Send.Text)
		if p == nil || err != nil {
			fault(w, "87", "The parameter is incorrect.")
			return
		}
		p.input, p.whole = append(p.input, part...), p.whole || q.Send.End == "true"
		reply(w, `<rsp:SendResponse/>`)
	case "Receive":
		d.receive(w, shell[q.Receive.ID], q.Receive.ID)
	case "Delete":
		delete(d.shells, q.Selector)
		reply(w, "")
	default:
		fault(w, "2150858751", "The action is not supported: "+q.Action)
	}
}

// receive runs a command as soon as its input is whole. Each is asked for twice.
func (d *double) receive(w http.ResponseWriter, p *process, id string) {
	switch {
	case p == nil:
		fault(w, "87", "The parameter is incorrect.")
	case !p.whole || !p.told:
		p.told = true
		fault(w, "2150858793", "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.")
	default:
		stdout, stderr, exit := d.run(p)
		stream := ""
		if stderr != "" {
			stream = `<rsp:Stream Name="stderr" CommandId="` + id + `">` + base64.StdEncoding.EncodeToString([]byte(stderr)) + `</rsp:Stream>`
		}
		reply(w, `<rsp:ReceiveResponse><rsp:Stream Name="stdout" CommandId="`+id+`" End="true">`+base64.StdEncoding.EncodeToString([]byte(stdout))+`</rsp:Stream>`+stream+
			`<rsp:CommandState CommandId="`+id+`" State="`+space+`/CommandState/Done"><rsp:ExitCode>`+fmt.Sprint(exit)+`</rsp:ExitCode></rsp:CommandState></rsp:ReceiveResponse>`)
	}
}

const envelopeHead = `<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" ` +
	`xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:rsp="` + space + `" ` +
	`xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"><s:Header/><s:Body>`

func reply(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
	_, _ = io.WriteString(w, envelopeHead+body+`</s:Body></s:Envelope>`) // a connection that a test cut
}

func fault(w http.ResponseWriter, code, text string) {
	w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
	w.WriteHeader(http.StatusInternalServerError)
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes every write
	_, _ = io.WriteString(w, envelopeHead+`<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang="en-US">`+b.String()+
		`</s:Text></s:Reason><s:Detail><f:WSManFault Code="`+code+`"/></s:Detail></s:Fault></s:Body></s:Envelope>`)
}

func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func narrow(b []byte) string {
	var u []uint16
	for i := 0; i+1 < len(b); i += 2 {
		u = append(u, binary.LittleEndian.Uint16(b[i:]))
	}
	return string(utf16.Decode(u))
}
