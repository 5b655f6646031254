package sqlserver_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/fsm/model"
)

// double speaks TDS 7.4 as far as a login and a batch need it: PRELOGIN, TLS inside of its packets, LOGIN7, SQLBatch. As a wire it
// is honest, since the real driver talks to it; as an engine it knows ALTER LOGIN alone, and refuses everything else.
type double struct {
	bare bool // it has no TLS
	told bool // and was told a login all the same

	t  *testing.T
	ca string
	l  net.Listener
	cf *tls.Config

	mu     sync.Mutex // guards the fields below
	logins map[string]string
	odd    map[string]int32 // logins that are answered with this number, whatever the password is; below 0: behind the error of a wrong one
	answer []byte           // to every batch; nil: the engine's
	n      int
	seen   []string // batches
	rights map[string]string
	roots  map[string]bool // logins that are sysadmins
}

// has tells whether a login holds a right of the server.
func (d *double) has(who, right string) bool {
	return who == admin || d.rights[who] == right || d.rights[who] == "CONTROL SERVER"
}

// may tells whether a login may alter another one; ALTER on one login is a right of its own.
func (d *double) may(who, name string) bool {
	return d.has(who, "ALTER ANY LOGIN") || d.rights[who] == "ALTER "+name
}

const admin, adminPassword = "sa", "Admin-Pass-1x"

func serve(t *testing.T) *double {
	t.Helper()
	s := httptest.NewTLSServer(nil) // for its certificate
	defer s.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &double{t: t, l: l, logins: map[string]string{admin: adminPassword}, odd: map[string]int32{}, rights: map[string]string{}, roots: map[string]bool{admin: true}}
	d.ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	d.cf = &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_ = d.talk(c) // a connection that a test cut
			})
		}
	})
	return d
}

func (d *double) endpoint() model.Endpoint {
	return model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(d.l.Addr().String()), CA: d.ca}
}

func (d *double) add(testing.TB) executortest.Account {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n++
	a := executortest.Account{Name: "app]" + strings.Repeat("x", d.n), Password: executortest.Fresh()}
	d.logins[a.Name] = a.Password
	return a
}

func (d *double) login(name, password string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.logins[name] == password, nil
}

// Types of packets.
const (
	typeBatch    = 0x01
	typeReply    = 0x04
	typeAttn     = 0x06
	typeLogin    = 0x10
	typePrelogin = 0x12
)

// receive reads one message.
func receive(r io.Reader) (kind byte, body []byte, err error) {
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return 0, nil, err
		}
		n := int(binary.BigEndian.Uint16(head[2:])) - 8
		if n < 0 {
			return 0, nil, errors.New("a short packet")
		}
		part := make([]byte, n)
		if _, err := io.ReadFull(r, part); err != nil {
			return 0, nil, err
		}
		if body = append(body, part...); head[1]&1 != 0 {
			return head[0], body, nil
		}
	}
}

// send writes one message of one packet.
func send(w io.Writer, kind byte, body []byte) error {
	head := []byte{kind, 1, 0, 0, 0, 0, 1, 0}
	binary.BigEndian.PutUint16(head[2:], uint16(len(body)+8))
	_, err := w.Write(append(head, body...))
	return err
}

// wrapped carries a handshake inside of PRELOGIN packets, and nothing afterwards.
type wrapped struct {
	net.Conn
	over bool
	rest bytes.Buffer
}

func (w *wrapped) Read(p []byte) (int, error) {
	if w.over {
		return w.Conn.Read(p)
	}
	if w.rest.Len() == 0 {
		_, body, err := receive(w.Conn)
		if err != nil {
			return 0, err
		}
		w.rest.Write(body)
	}
	return w.rest.Read(p)
}

func (w *wrapped) Write(p []byte) (int, error) {
	if w.over {
		return w.Conn.Write(p)
	}
	return len(p), send(w.Conn, typePrelogin, p)
}

func (d *double) talk(raw net.Conn) error {
	if kind, _, err := receive(raw); err != nil || kind != typePrelogin {
		return errors.Join(err, errors.New("no PRELOGIN"))
	}
	if d.bare {
		if err := send(raw, typeReply, []byte{0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 15, 0, 0, 0, 0, 0, 2}); err != nil {
			return err
		}
		kind, _, err := receive(raw)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.told = d.told || err == nil && kind == typeLogin
		return err
	}
	// VERSION at 11, ENCRYPTION (on) at 17.
	if err := send(raw, typeReply, []byte{0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 15, 0, 0, 0, 0, 0, 1}); err != nil {
		return err
	}
	w := &wrapped{Conn: raw}
	c := tls.Server(w, d.cf)
	if err := c.Handshake(); err != nil {
		return err
	}
	w.over = true
	kind, body, err := receive(c)
	if err != nil || kind != typeLogin {
		return errors.Join(err, errors.New("no LOGIN7"))
	}
	name, refusal := d.check(body)
	if refusal != nil {
		return send(c, typeReply, refusal)
	}
	if err := send(c, typeReply, append(ack(), done(0)...)); err != nil {
		return err
	}
	for {
		kind, body, err := receive(c)
		if err != nil {
			return err
		}
		answer := done(0x20) // to an attention
		if kind == typeBatch {
			answer = d.batch(name, body)
		}
		if err := send(c, typeReply, answer); err != nil {
			return err
		}
	}
}

// check reads a LOGIN7 message and says who came, or why not.
func (d *double) check(b []byte) (name string, refusal []byte) {
	field := func(at int) []byte {
		off, n := int(binary.LittleEndian.Uint16(b[at:])), int(binary.LittleEndian.Uint16(b[at+2:]))
		return b[off : off+2*n]
	}
	name = narrow(field(40))
	hidden := bytes.Clone(field(44))
	for i, c := range hidden {
		c ^= 0xa5
		hidden[i] = c<<4 | c>>4
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.odd[name]; n != 0 {
		special, wrong := fault(max(n, -n), 14, "Login failed for user '"+name+"'. Reason: special, "+narrow(hidden)), fault(18456, 14, "Login failed for user '"+name+"'.")
		if n < 0 {
			special, wrong = wrong, special
		}
		return name, append(append(special, wrong...), done(2)...)
	}
	if have, ok := d.logins[name]; !ok || have != narrow(hidden) {
		return name, append(fault(18456, 14, "Login failed for user '"+name+"'."), done(2)...)
	}
	return name, nil
}

var alter = regexp.MustCompile(`(?s)^ALTER LOGIN \[((?:[^\]]|\]\])*)\] WITH PASSWORD = N'((?:[^']|'')*)'(?: OLD_PASSWORD = N'((?:[^']|'')*)')?( UNLOCK)?\s*$`)

var (
	create = regexp.MustCompile(`(?s)^CREATE LOGIN \[((?:[^\]]|\]\])*)\] WITH PASSWORD = N'((?:[^']|'')*)'\s*$`)
	drop   = regexp.MustCompile(`(?s)^IF SUSER_ID\(N'((?:[^']|'')*)'\) IS NOT NULL DROP LOGIN \[((?:[^\]]|\]\])*)\]\s*$`)
)

// come creates and drops logins; nil for another statement.
func (d *double) come(who, text string) []byte {
	if m := create.FindStringSubmatch(text); m != nil {
		name := strings.ReplaceAll(m[1], "]]", "]")
		if _, there := d.logins[name]; there || !d.has(who, "ALTER ANY LOGIN") && !d.has(who, "CREATE LOGIN") {
			return append(fault(15025, 16, "The server principal '"+name+"' already exists."), done(2)...)
		}
		d.logins[name] = strings.ReplaceAll(m[2], "''", "'")
		return done(0)
	}
	if m := drop.FindStringSubmatch(text); m != nil && d.may(who, strings.ReplaceAll(m[2], "]]", "]")) {
		delete(d.logins, strings.ReplaceAll(m[2], "]]", "]"))
		return done(0)
	}
	return nil
}

// batch runs a statement as one login.
func (d *double) batch(who string, b []byte) []byte {
	text := narrow(b[binary.LittleEndian.Uint32(b):])
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, text)
	if d.answer != nil {
		return d.answer
	}
	if answer := d.come(who, text); answer != nil {
		return answer
	}
	if answer := d.list(who, text); answer != nil {
		return answer
	}
	if m := ask.FindStringSubmatch(text); m != nil && m[1] == m[2] && m[1] == m[3] && m[1] == m[4] {
		return d.tell(who, strings.ReplaceAll(m[1], "''", "'"))
	}
	m := alter.FindStringSubmatch(text)
	if m == nil {
		return append(fault(102, 15, "Incorrect syntax near '"+text+"'."), done(2)...)
	}
	name, fresh, old := strings.ReplaceAll(m[1], "]]", "]"), strings.ReplaceAll(m[2], "''", "'"), strings.ReplaceAll(m[3], "''", "'")
	have, ok := d.logins[name]
	switch {
	case !ok || !d.may(who, name) && (who != name || old != have), d.roots[name] && !d.has(who, "CONTROL SERVER") && old == "":
		return append(fault(15151, 16, "Cannot alter the login '"+name+"', because it does not exist or you do not have permission."), done(2)...)
	case len(fresh) < 8:
		return append(fault(15116, 16, "Password validation failed. The password '"+fresh+"' does not meet the policy: it is too short."), done(2)...)
	}
	d.logins[name] = fresh
	return done(0)
}

var ask = regexp.MustCompile(`(?s)^SELECT HAS_PERMS_BY_NAME\(NULL, NULL, 'CONTROL SERVER'\), HAS_PERMS_BY_NAME\(NULL, NULL, 'ALTER ANY LOGIN'\), HAS_PERMS_BY_NAME\(NULL, NULL, 'CREATE LOGIN'\),` +
	` HAS_PERMS_BY_NAME\(QUOTENAME\(N'(.*)'\), 'LOGIN', 'ALTER'\), CASE WHEN SUSER_ID\(N'(.*)'\) IS NULL THEN 0 ELSE 1 END,` +
	` CASE WHEN SUSER_ID\(N'(.*)'\) = SUSER_ID\(\) THEN 1 ELSE 0 END, IS_SRVROLEMEMBER\('sysadmin', N'(.*)'\)$`)

// tell answers the query about rights as release 2019 does, which knows no CREATE LOGIN: one row of seven numbers.
func (d *double) tell(who, name string) []byte {
	is := map[bool]int32{true: 1}
	_, there := d.logins[name]
	row := []any{is[d.has(who, "CONTROL SERVER")], is[d.has(who, "ALTER ANY LOGIN")], nil, is[d.may(who, name)], is[there], is[there && who == name], is[d.roots[name]]}
	if !there {
		row[3], row[6] = nil, nil
	}
	if d.rights[who] == "ALTER "+name {
		row[6] = nil // it sees nothing of the server's roles
	}
	return numbersRow(row...)
}

// numbersRow is an answer of one row of numbers.
func numbersRow(row ...any) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{0x81}, uint16(len(row)))
	for range row {
		b = append(b, 0, 0, 0, 0, 1, 0, 0x26, 4, 0) // nullable, INTN of four bytes, without a name
	}
	b = append(b, 0xd1)
	for _, v := range row {
		if n, ok := v.(int32); ok {
			b = binary.LittleEndian.AppendUint32(append(b, 4), uint32(n))
		} else {
			b = append(b, 0)
		}
	}
	return append(b, done(0x10)...)
}

var (
	sees  = "SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'ALTER ANY LOGIN'), HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW ANY DEFINITION')"
	lists = regexp.MustCompile(`(?s)^SELECT TOP \((\d+)\) name FROM sys\.server_principals WHERE type = 'S' AND LOWER\(LEFT\(name, (\d+)\)\) = LOWER\(N'(.*)'\)$`)
)

// list answers what logins there are: to who has no right to see others, itself alone. nil for another statement.
func (d *double) list(who, text string) []byte {
	right := d.has(who, "ALTER ANY LOGIN") || d.rights[who] == "VIEW ANY DEFINITION"
	if text == sees {
		is := map[bool]int32{true: 1}
		return numbersRow(is[d.has(who, "ALTER ANY LOGIN")], is[d.rights[who] == "VIEW ANY DEFINITION"])
	}
	m := lists.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	b := []byte{0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0xe7, 0, 1, 9, 4, 0xd0, 0, 0x34, 0} // one column: NVARCHAR of 256 bytes, with a collation
	prefix := strings.ToLower(strings.ReplaceAll(m[3], "''", "'"))
	for name := range d.logins {
		if (right || name == who) && strings.HasPrefix(strings.ToLower(name), prefix) && m[2] == strconv.Itoa(len(prefix)) {
			w := wide(name)
			b = append(binary.LittleEndian.AppendUint16(append(b, 0xd1), uint16(len(w))), w...)
		}
	}
	return append(b, done(0x10)...)
}
