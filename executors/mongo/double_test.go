package mongo_test

import (
	"cmp"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/xdg-go/scram"
	"github.com/xdg-go/stringprep"
	"go.mongodb.org/mongo-driver/v2/bson"

	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/fsm/model"
)

// double speaks OP_MSG over TLS with SCRAM-SHA-256 (another library's half of it), and knows hello and the commands about users. As an
// engine it refuses everything else.
type double struct {
	ca string
	l  net.Listener
	cf *tls.Config

	mu        sync.Mutex        // guards the fields below
	users     map[string]string // by database and name
	n         int
	secondary bool
	pending   bool   // a change is done, and reported as not confirmed by the set
	odd       int32  // the code that every command about users gets; 0: the engine's
	oddLogin  int32  // the same for logins
	rounds    int    // of hashing that it wants; 0: 4096
	pretends  bool   // it lets everybody in, and knows no password
	hasty     bool   // it ends a login before anybody proved anything
	other     bool   // its answers are to another question
	size      uint32 // what it says is the length of an answer; 0: what it is
}

const admin, adminPassword, shop = "root", "Admin-Pass-1x", "shop"

func serve(t *testing.T) *double {
	t.Helper()
	s := httptest.NewTLSServer(nil) // for its certificate
	defer s.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &double{l: l, cf: &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12}, users: map[string]string{"admin." + admin: adminPassword}}
	d.ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
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
				d.talk(tls.Server(c, d.cf))
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
	a := executortest.Account{Name: "app\"},{" + strconv.Itoa(d.n), Password: executortest.Fresh()}
	d.users[shop+"."+a.Name] = a.Password
	return a
}

// login is the target's own word.
func (d *double) login(name, password string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	have, ok := d.users[shop+"."+name]
	return ok && have == password, nil
}

// talk answers until the connection ends.
func (d *double) talk(c net.Conn) {
	var sasl *scram.ServerConversation
	who := ""
	for {
		head := make([]byte, 21)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		body := make([]byte, binary.LittleEndian.Uint32(head)-21)
		if _, err := io.ReadFull(c, body); err != nil || binary.LittleEndian.Uint32(head[12:]) != 2013 || head[20] != 0 {
			return
		}
		var q bson.D
		if bson.Unmarshal(body, &q) != nil {
			return
		}
		field := func(key string) any {
			for _, e := range q {
				if e.Key == key {
					return e.Value
				}
			}
			return nil
		}
		db, _ := field("$db").(string)
		var answer bson.D
		switch q[0].Key {
		case "saslStart", "saslContinue":
			if q[0].Key == "saslStart" {
				sasl = d.conversation(db)
			}
			payload, _ := field("payload").(bson.Binary)
			out, err := sasl.Step(string(payload.Data))
			if d.pretends && q[0].Key == "saslContinue" {
				out = "v=" + base64.StdEncoding.EncodeToString(make([]byte, 32))
				answer = bson.D{{Key: "conversationId", Value: int32(1)}, {Key: "done", Value: true}, {Key: "payload", Value: []byte(out)}, {Key: "ok", Value: 1.0}}
				break
			}
			if d.oddLogin != 0 {
				answer = no(d.oddLogin, "not now")
				break
			}
			if err != nil {
				answer = no(18, "Authentication failed.")
				break
			}
			if sasl.Valid() {
				who = db + "." + decoded.Replace(sasl.Username())
			}
			answer = bson.D{{Key: "conversationId", Value: int32(1)}, {Key: "done", Value: sasl.Done() || d.hasty}, {Key: "payload", Value: []byte(out)}, {Key: "ok", Value: 1.0}}
		default:
			answer = d.command(who, db, q, field)
		}
		raw, err := bson.Marshal(answer)
		if err != nil {
			return
		}
		out := make([]byte, 0, len(raw)+21)
		to := binary.LittleEndian.Uint32(head[4:])
		if d.other {
			to++
		}
		for _, v := range []uint32{cmp.Or(d.size, uint32(len(raw)+21)), 7, to, 2013, 0} {
			out = binary.LittleEndian.AppendUint32(out, v)
		}
		if _, err := c.Write(append(append(out, 0), raw...)); err != nil {
			return
		}
	}
}

// decoded takes off what SCRAM writes for two characters of a name, which the library leaves to the server.
var decoded = strings.NewReplacer("=2C", ",", "=3D", "=")

// conversation is the server's half of a login to a database.
func (d *double) conversation(db string) *scram.ServerConversation {
	s, _ := scram.SHA256.NewServer(func(name string) (scram.StoredCredentials, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		password, ok := d.users[db+"."+decoded.Replace(name)]
		if !ok {
			return scram.StoredCredentials{}, io.EOF
		}
		prepared, err := stringprep.SASLprep.Prepare(password)
		if err != nil {
			return scram.StoredCredentials{}, err
		}
		client, err := scram.SHA256.NewClientUnprepped(name, prepared, "")
		if err != nil {
			return scram.StoredCredentials{}, err
		}
		known, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "0123456789abcdef", Iters: 4096})
		known.Iters = cmp.Or(d.rounds, known.Iters) // what it merely asks for costs nothing
		return known, err
	})
	return s.NewConversation()
}

func no(code int32, text string) bson.D {
	return bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: text}, {Key: "code", Value: code}}
}

// list are the users of a database that a filter finds.
func (d *double) list(db string, field func(string) any) bson.A {
	found := bson.A{}
	filter, _ := field("filter").(bson.D)
	if len(filter) != 1 || filter[0].Key != "user" || field("usersInfo") != int32(1) {
		return found
	}
	begins, _ := filter[0].Value.(bson.Regex)
	is, err := regexp.Compile("(?" + begins.Options + ")" + begins.Pattern)
	if err != nil {
		return found
	}
	for user := range d.users {
		if name, ok := strings.CutPrefix(user, db+"."); ok && is.MatchString(name) {
			found = append(found, bson.D{{Key: "_id", Value: user}, {Key: "user", Value: name}, {Key: "db", Value: db}, {Key: "roles", Value: bson.A{}}})
		}
	}
	return found
}

// command runs one as a user.
func (d *double) command(who, db string, q bson.D, field func(string) any) bson.D {
	d.mu.Lock()
	defer d.mu.Unlock()
	ok := bson.D{{Key: "ok", Value: 1.0}}
	if q[0].Key == "hello" {
		return append(bson.D{{Key: "isWritablePrimary", Value: !d.secondary}}, ok...)
	}
	name, _ := q[0].Value.(string)
	user := db + "." + name
	_, there := d.users[user]
	password, _ := field("pwd").(string)
	switch {
	case d.odd != 0:
		return no(d.odd, "it is the server's own matter")
	case who != "admin."+admin && (q[0].Key != "updateUser" || who != user):
		return no(13, "not authorized on "+db+" to execute command with pwd "+password)
	case q[0].Key == "usersInfo":
		return append(bson.D{{Key: "users", Value: d.list(db, field)}}, ok...)
	case q[0].Key == "dropUser" && !there, q[0].Key == "updateUser" && !there:
		return no(11, "User '"+name+"@"+db+"' not found")
	case q[0].Key == "createUser" && there:
		return no(51003, "User \""+name+"@"+db+"\" already exists")
	case q[0].Key == "dropUser":
		delete(d.users, user)
		return ok
	case q[0].Key != "createUser" && q[0].Key != "updateUser":
		return no(59, "no such command: '"+q[0].Key+"'")
	case len(password) < 6:
		return no(2, "the password "+password+" is too short")
	}
	d.users[user] = password
	if d.pending {
		return append(bson.D{{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: int32(64)}}}}, ok...)
	}
	return ok
}
