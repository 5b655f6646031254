package mongo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xdg-go/scram"
	"github.com/xdg-go/stringprep"
	"go.mongodb.org/mongo-driver/v2/bson"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

// Codes of the server that mean something to us.
const (
	userNotFound         = 11
	authenticationFailed = 18
)

// refusing are codes by which a server says that it did not do what was asked: bad value, parse failure, no such user, unauthorized,
// login refused, no such role, no such command, not primary (twice), there is a user already.
var refusing = map[int32]bool{2: true, 9: true, userNotFound: true, 13: true, authenticationFailed: true, 31: true, 59: true, 10107: true, 13435: true, 51003: true}

// refusal is an answer that says no.
type refusal struct {
	code int32
	text string
}

// Error is what the server said.
func (e *refusal) Error() string {
	return fmt.Sprintf("the server says no: %s (code %d)", e.text, e.code)
}

func (e *refusal) Class() executors.Class {
	switch {
	case e.code == authenticationFailed:
		return executors.ClassAuth
	case refusing[e.code]:
		return executors.ClassPolicy
	}
	return executors.ClassProtocol
}

// Spared: there is one code that says that a login is wrong.
func (e *refusal) Spared() bool { return e.code != authenticationFailed }

const (
	opMessage = 2013
	maxAnswer = 17 << 20 // a document has 16 MiB at most: a list of users is one
)

// client is one connection.
type client struct {
	raw   net.Conn // under conn
	conn  net.Conn
	limit time.Duration
	n     int32
}

func limit(d time.Duration) time.Duration {
	if d <= 0 {
		return DefaultTimeout
	}
	return d
}

// dial connects and encrypts.
func dial(ctx context.Context, s executors.Session) (*client, error) {
	cfg, err := executors.TLSConfig(s.Target)
	if err != nil {
		return nil, &executors.Failure{Class: executors.ClassTLS, Msg: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, limit(s.ConnectTimeout))
	defer cancel()
	raw, err := s.Dial(ctx, "tcp", s.Address(DefaultPort))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", s.Address(DefaultPort), err)
	}
	conn, err := executors.Encrypt(ctx, raw, cfg)
	if err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("connect to %s: %w", s.Address(DefaultPort), err)
	}
	return &client{raw: raw, conn: conn, limit: limit(s.ReadTimeout)}, nil
}

// Restore asks whether the server is still the primary. The commands of templates leave nothing in a session.
func (c *client) Restore(ctx context.Context) error { return c.hello(ctx) }

// HangUp ends the connection.
func (c *client) HangUp() {
	_ = c.raw.SetDeadline(time.Now().Add(time.Second))
	_ = c.conn.Close()
}

var errProtocol = &executors.Failure{Class: executors.ClassProtocol, Msg: "the answer is not of MongoDB"}

// do sends one command and reads its answer into result, unless that is nil: a *refusal if the server says no.
func (c *client) do(ctx context.Context, database string, command bson.D, result any) (err error) {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = c.raw.Close() })() // whoever waits for the target wakes up
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = executors.Late(ctx, "wait for the server", c.limit)
		}
	}()
	body, err := bson.Marshal(append(command, bson.E{Key: "$db", Value: database}))
	if err != nil {
		return err
	}
	defer clear(body)
	c.n++
	out := make([]byte, 0, len(body)+21)
	for _, v := range []int32{int32(len(body) + 21), c.n, 0, opMessage, 0} {
		out = binary.LittleEndian.AppendUint32(out, uint32(v))
	}
	out = append(append(out, 0), body...)
	defer clear(out)
	if _, err := c.conn.Write(out); err != nil {
		return err
	}
	answer, err := c.read()
	if err != nil {
		return err
	}
	var said struct {
		OK      float64 `bson:"ok"`
		Code    int32   `bson:"code"`
		Text    string  `bson:"errmsg"`
		Concern bson.D  `bson:"writeConcernError"`
	}
	if err := bson.Unmarshal(answer, &said); err != nil {
		return errProtocol
	}
	switch {
	case said.OK != 1:
		return &refusal{said.Code, said.Text}
	case said.Concern != nil:
		return &executors.Failure{Class: executors.ClassProtocol, Msg: "the server did the change, but not all members of its set confirmed it in time"}
	case result != nil:
		return bson.Unmarshal(answer, result)
	}
	return nil
}

// read reads the document of one message.
func (c *client) read() ([]byte, error) {
	head := make([]byte, 21)
	if _, err := io.ReadFull(c.conn, head); err != nil {
		return nil, err
	}
	at := func(i int) int32 { return int32(binary.LittleEndian.Uint32(head[4*i:])) }
	if n := at(0); n < 26 || n > maxAnswer || at(2) != c.n || at(3) != opMessage || at(4) != 0 || head[20] != 0 {
		return nil, errProtocol
	}
	body := make([]byte, at(0)-21)
	_, err := io.ReadFull(c.conn, body)
	return body, err
}

// account is who logs in.
type account struct{ name, password string } // the libraries want strings

func user(s executors.Session, who mask.Name, with secret.Value) (a account, err error) {
	v, err := s.Resolve(who)
	if err == nil {
		err = v.Reveal(func(b []byte) error {
			if a.name = string(b); len(b) == 0 || !utf8.Valid(b) || strings.ContainsRune(a.name, 0) {
				return errors.New("expected a name in UTF-8")
			}
			return nil
		})
	}
	if err != nil {
		return a, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", who, err))
	}
	_ = with.Reveal(func(b []byte) error { a.password = string(b); return nil })
	if a.password, err = stringprep.SASLprep.Prepare(a.password); err != nil || a.password == "" {
		return a, &executors.Failure{Class: executors.ClassTemplate, Msg: "the login: expected a password that SASLprep (RFC 4013) allows"}
	}
	return a, nil
}

var iterations = regexp.MustCompile(`,i=(\d+)`)

// maxIterations is how often we hash for a server.
const maxIterations = 1 << 20

// hello asks whether the server is the one of its set that takes changes.
func (c *client) hello(ctx context.Context) error {
	var said struct {
		Primary bool `bson:"isWritablePrimary"`
	}
	if err := c.do(ctx, "admin", bson.D{{Key: "hello", Value: int32(1)}}, &said); err != nil {
		return err
	}
	if !said.Primary {
		return &executors.Failure{Class: executors.ClassProtocol, Msg: "the server is not the primary of its set: let the device name that one", Spared: true}
	}
	return nil
}

// login proves by SCRAM-SHA-256 that we know the password, and that the server does.
func (c *client) login(ctx context.Context, a account, database string) error {
	if err := c.hello(ctx); err != nil { // which names nobody yet
		return executors.Spare(err)
	}
	prover, err := scram.SHA256.NewClientUnprepped(a.name, a.password, "")
	if err != nil {
		return err
	}
	talk := prover.WithMinIterations(4096).NewConversation()
	first, err := talk.Step("")
	if err != nil {
		return err
	}
	var said struct {
		ID      int32  `bson:"conversationId"`
		Done    bool   `bson:"done"`
		Payload []byte `bson:"payload"`
	}
	next := bson.D{{Key: "saslStart", Value: int32(1)}, {Key: "mechanism", Value: "SCRAM-SHA-256"}, {Key: "payload", Value: []byte(first)}, {Key: "options", Value: bson.D{{Key: "skipEmptyExchange", Value: true}}}}
	for range 3 {
		if err := c.do(ctx, database, next, &said); err != nil {
			return err
		}
		if talk.Done() {
			break
		}
		if m := iterations.FindSubmatch(said.Payload); m != nil {
			if n, err := strconv.Atoi(string(m[1])); err != nil || n > maxIterations {
				return &executors.Failure{Class: executors.ClassProtocol, Msg: "the server wants too many rounds of hashing"}
			}
		}
		answer, err := talk.Step(string(said.Payload))
		if err != nil {
			return &executors.Failure{Class: executors.ClassProtocol, Msg: "the server does not prove that it knows the password"}
		}
		if said.Done {
			break
		}
		next = bson.D{{Key: "saslContinue", Value: int32(1)}, {Key: "conversationId", Value: said.ID}, {Key: "payload", Value: []byte(answer)}}
	}
	if !talk.Valid() || !said.Done {
		return &executors.Failure{Class: executors.ClassProtocol, Msg: "the server does not prove that it knows the password"}
	}
	return nil
}
