package sqlserver_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/mask"
	"cofre/executors/sqlserver"
	"cofre/vault/secret"
)

// browserDouble answers as SQL Server Browser does by MC-SQLR: to one that is asked for by name (4) or to the question who is there (3), and
// not at all for an instance that it does not know.
type browserDouble struct {
	conn  net.PacketConn
	known []string // ServerName;...;;
	raw   []byte   // said instead, whatever is asked
	drop  int      // datagrams that get lost first

	mu    sync.Mutex // guards asked
	asked [][]byte
}

func browse(t *testing.T, b *browserDouble) executortest.Kit {
	t.Helper()
	var err error
	if b.conn, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = b.conn.Close(); wg.Wait() })
	wg.Go(b.serve)
	return executortest.Kit{Executor: sqlserver.New(), Template: template(t, "SQL Server login"), Manager: &executortest.Account{Name: admin, Password: adminPassword}}
}

func (b *browserDouble) serve() {
	buf := make([]byte, 1024)
	for {
		n, from, err := b.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		b.mu.Lock()
		b.asked = append(b.asked, append([]byte{}, buf[:n]...))
		lost := len(b.asked) <= b.drop
		b.mu.Unlock()
		answer := b.raw
		if answer == nil {
			answer = b.answer(buf[:n])
		}
		if answer != nil && !lost {
			_, _ = b.conn.WriteTo(answer, from)
		}
	}
}

func (b *browserDouble) answer(question []byte) []byte {
	var said string
	for _, one := range b.known {
		if question[0] == 3 || question[0] == 4 && strings.Contains(strings.ToUpper(one), ";INSTANCENAME;"+strings.ToUpper(strings.TrimSuffix(string(question[1:]), "\x00"))+";") {
			said += one
		}
	}
	if said == "" {
		return nil
	}
	return append(binary.LittleEndian.AppendUint16([]byte{5}, uint16(len(said))), said...)
}

func instance(name string, port uint16) string {
	return fmt.Sprintf("ServerName;DB1;InstanceName;%s;IsClustered;No;Version;16.0.1000.6;tcp;%d;np;\\\\DB1\\pipe\\MSSQL$%s\\sql\\query;;", name, port, name)
}

// TestDynamicPortsOnDoubles: the TCP port of an instance comes from SQL Server Browser, and the login goes there.
func TestDynamicPortsOnDoubles(t *testing.T) {
	t.Parallel()
	d := serve(t)
	port := target.PortOf(d.l.Addr().String())
	two := []string{instance("REPORTS", 1), instance("SALES$1", port)}
	for name, c := range map[string]struct {
		browser *browserDouble
		info    string
		asked   string
		class   executors.Class // of a failure; "": the login succeeds
		says    string
	}{
		"by name, in whatever case":        {browser: &browserDouble{known: two}, info: "sales$1", asked: "\x04sales$1\x00"},
		"the only one":                     {browser: &browserDouble{known: two[1:]}, asked: "\x03"},
		"the default one":                  {browser: &browserDouble{known: append([]string{instance("MSSQLSERVER", port)}, two...)}, asked: "\x03"},
		"a question got lost":              {browser: &browserDouble{known: two, drop: 1}, info: "SALES$1", asked: "\x04SALES$1\x00"},
		"one of several, without a name":   {browser: &browserDouble{known: two}, class: executors.ClassTemplate, says: "ADD_INFO"},
		"one that is not there":            {browser: &browserDouble{known: two}, info: "GONE", class: executors.ClassNetwork, says: "no such instance"},
		"no name of an instance":           {browser: &browserDouble{known: two}, info: "SALES;tcp;1", class: executors.ClassTemplate, says: "no name"},
		"without TCP":                      {browser: &browserDouble{known: []string{"ServerName;DB1;InstanceName;PIPES;IsClustered;No;Version;16;np;x;;"}}, class: executors.ClassNetwork, says: "TCP"},
		"an answer that is no port":        {browser: &browserDouble{known: []string{"ServerName;DB1;InstanceName;ODD;tcp;65536;;"}}, class: executors.ClassProtocol},
		"an answer about another":          {browser: &browserDouble{raw: append([]byte{5, byte(len(two[0])), 0}, two[0]...)}, info: "SALES$1", class: executors.ClassProtocol},
		"an answer that is cut":            {browser: &browserDouble{raw: []byte{5, 200, 0, 'S'}}, class: executors.ClassProtocol},
		"an answer that is something else": {browser: &browserDouble{raw: []byte("HTTP/1.1 400 Bad Request")}, class: executors.ClassProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := c.browser
			k := browse(t, b)
			k.Target = d.endpoint()
			k.Target.Port, k.Target.Protocol = target.PortOf(b.conn.LocalAddr().String()), "SQL-BROWSER"
			acc := d.add(t)
			s := k.Session(acc, "")
			s.ConnectTimeout = 2500 * time.Millisecond
			resolve := s.Resolve
			s.Resolve = func(n mask.Name) (secret.Value, error) {
				if n == mask.AddInfo {
					return secret.New([]byte(c.info)), nil
				}
				return resolve(n)
			}
			in, err := sqlserver.New().Verify(t.Context(), s, secret.New([]byte(acc.Password)))
			if in != (c.class == "") || executortest.ClassOf(err) != c.class || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%t, %v", in, err)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if c.asked != "" && (len(b.asked) != c.browser.drop+1 || string(b.asked[len(b.asked)-1]) != c.asked) {
				t.Errorf("asked %q", b.asked)
			}
		})
	}
}

// TestChangeOnADynamicPortOnDoubles: each login of a change asks anew.
func TestChangeOnADynamicPortOnDoubles(t *testing.T) {
	t.Parallel()
	d := serve(t)
	b := &browserDouble{known: []string{instance("MSSQLSERVER", target.PortOf(d.l.Addr().String()))}}
	k := browse(t, b)
	k.Target = d.endpoint()
	k.Target.Port, k.Target.Protocol = target.PortOf(b.conn.LocalAddr().String()), "SQL-BROWSER"
	acc, fresh := d.add(t), executortest.Fresh()
	if outcome, err := k.Once(t, acc, fresh); outcome != executors.Applied {
		t.Fatal(outcome, err)
	}
	if in, _ := d.login(acc.Name, fresh); !in {
		t.Error("the new password does not log in")
	}
}
