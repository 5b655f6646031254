package oracle_test

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"regexp"
	"sync"
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

// double speaks Oracle's protocol as release 19 does, as far as a login and statements need it: TNS 315 with the listener's RESEND and
// its second TLS handshake, the negotiation of native services (of which it has none), protocol and data types, the logon with
// the verifier of release 12, which it really checks, and the break that comes before an error. As a wire it is honest, since the
// real driver talks to it; as an engine it knows the catalogue's statements alone, and refuses everything else.
type double struct {
	engine
	ca    string
	l     net.Listener
	cf    *tls.Config // nil: a listener without TLS
	away  string      // where the listener sends everybody; "": it keeps them
	short bool        // it breaks off in the middle of what it says about itself
}

const service = "ORCLPDB1"

func serve(t *testing.T) *double {
	t.Helper()
	s := httptest.NewTLSServer(nil) // for its certificate
	defer s.Close()
	d := listen(t, &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12})
	d.ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	return d
}

func listen(t *testing.T, cf *tls.Config) *double {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &double{engine: newEngine(), l: l, cf: cf}
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
	e := model.Endpoint{Address: "127.0.0.1", Port: target.PortOf(d.l.Addr().String()), CA: d.ca}
	if d.cf == nil {
		e.Protocol, e.InsecureTLS = "ORACLE-TCP", true
	}
	return e
}

// kit is what all tests with the double have in common.
func (d *double) kit() executortest.Kit {
	return executortest.Kit{
		Executor: theExecutor, Target: d.endpoint(), Account: d.add, Login: d.login, Manager: &executortest.Account{Name: admin, Password: adminPassword},
		Values: map[mask.Name]string{mask.AddInfo: service},
	}
}

// Types of packets.
const (
	typeConnect  = 1
	typeAccept   = 2
	typeRefuse   = 4
	typeRedirect = 5
	typeData     = 6
	typeResend   = 11
	typeMarker   = 12
)

// line is one client's connection.
type line struct {
	net.Conn
	wide bool // lengths have 32 bits: after ACCEPT
}

// receive reads one packet without its header.
func (l *line) receive() (kind byte, body []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(l, head[:]); err != nil {
		return 0, nil, err
	}
	n := uint32(binary.BigEndian.Uint16(head[:]))
	if l.wide {
		n = binary.BigEndian.Uint32(head[:])
	}
	if n < 8 || n > 1<<16 {
		return 0, nil, errors.New("a packet of a strange size")
	}
	body = make([]byte, n-8)
	_, err = io.ReadFull(l, body)
	return head[4], body, err
}

// send writes one packet.
func (l *line) send(kind, flag byte, body []byte) error {
	head := []byte{0, 0, 0, 0, kind, flag, 0, 0}
	if l.wide {
		binary.BigEndian.PutUint32(head, uint32(len(body)+8))
	} else {
		binary.BigEndian.PutUint16(head, uint16(len(body)+8))
	}
	_, err := l.Write(append(head, body...))
	return err
}

// ask reads one message. None here is longer than a packet.
func (l *line) ask() (reader, error) {
	kind, body, err := l.receive()
	switch {
	case err != nil:
		return nil, err
	case kind != typeData || len(body) < 3:
		return nil, errors.New("no message")
	case body[1]&0x40 != 0:
		return nil, io.EOF
	}
	return body[2:], nil
}

// answer writes one message.
func (l *line) answer(message []byte) error {
	return l.send(typeData, 0, append([]byte{0, 0}, message...))
}

// fault writes an error as the server does: it breaks, waits until the client has seen it, and goes on.
func (l *line) fault(message []byte) error {
	if err := l.send(typeMarker, 0, []byte{1, 0, 1}); err != nil {
		return err
	}
	if kind, body, err := l.receive(); err != nil || kind != typeMarker || body[2] != 2 {
		return errors.Join(err, errors.New("the client did not reset"))
	}
	if err := l.send(typeMarker, 0, []byte{1, 0, 2}); err != nil {
		return err
	}
	return l.answer(message)
}

// connect reads a CONNECT packet and gives its descriptor, which comes in a packet of its own when it is long.
func (l *line) connect() (string, error) {
	kind, body, err := l.receive()
	if err != nil || kind != typeConnect || len(body) < 62 {
		return "", errors.Join(err, errors.New("no CONNECT"))
	}
	n, at := int(binary.BigEndian.Uint16(body[16:])), int(binary.BigEndian.Uint16(body[18:]))-8
	if len(body) > at {
		return string(body[at:]), nil
	}
	message, err := l.ask()
	if err == nil && len(message) != n {
		err = errors.New("a descriptor of another length")
	}
	return string(message), err
}

var named = regexp.MustCompile(`\((SERVICE_NAME|SID)=([^()]*)\)`)

func (d *double) talk(raw net.Conn) error {
	l := &line{Conn: raw}
	again := byte(0)
	for i := range 2 { // the listener has everything said twice: the second time it is the server that listens
		if d.cf != nil {
			c := tls.Server(raw, d.cf)
			if err := c.Handshake(); err != nil {
				return err
			}
			l.Conn, again = c, 8
		}
		to, err := l.connect()
		if err != nil {
			return err
		}
		m := named.FindStringSubmatch(to)
		switch {
		case m == nil || m[2] != service && m[2] != "ORCL":
			return l.send(typeRefuse, 0, append([]byte{4, 34, 0, 46}, "(DESCRIPTION=(TMP=)(VSNNUM=0)(ERR=12514)(EMFI=4))"[:46]...))
		case d.away != "":
			to := "(ADDRESS=(PROTOCOL=tcps)(HOST=" + d.away + ")(PORT=1521))"
			return l.send(typeRedirect, 0, append([]byte{0, byte(len(to))}, to...))
		case i == 0:
			d.mu.Lock()
			d.places = append(d.places, m[0])
			d.mu.Unlock()
			if err := l.send(typeResend, again, nil); err != nil {
				return err
			}
		}
	}
	accept := make([]byte, 37)
	binary.BigEndian.PutUint16(accept, 317)
	accept[8], accept[9] = 1, 0 // our byte order
	accept[12], accept[13] = 0, 45
	accept[14], accept[15] = 0x41, 1 // native services are to be negotiated
	binary.BigEndian.PutUint32(accept[24:], 8192)
	binary.BigEndian.PutUint32(accept[28:], 8192)
	if err := l.send(typeAccept, 0, accept); err != nil {
		return err
	}
	l.wide = true
	return d.serve(l)
}
