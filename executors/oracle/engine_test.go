package oracle_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"cofre/executors/executortest"
)

const admin, adminPassword = "system", "Admin-Pass-1x"

// fault is an error of the server.
type fault struct {
	number int
	text   string
}

func no(number int, words string) *fault {
	return &fault{number, fmt.Sprintf("ORA-%05d: %s\n", number, words)}
}

// user is one row of the table of users.
type user struct {
	password string
	locked   bool
	expired  bool
	session  bool // it may log in
	owns     bool
	rights   []string // privileges besides CREATE SESSION
}

// engine is what the double does with statements: it keeps a table of users.
type engine struct {
	mu       sync.Mutex // guards the fields below
	users    map[string]*user
	sessions map[net.Conn]string
	seen     []string // statements
	places   []string // which databases were asked for
	odd      *fault   // the answer to every statement
	added    int
	sysdba   bool   // the last login asked for that
	told     string // what the error of the next logins tells back besides; "": nothing
}

func newEngine() engine {
	return engine{
		users:    map[string]*user{"SYSTEM": {password: adminPassword, session: true}, "SYS": {password: adminPassword, session: true}},
		sessions: map[net.Conn]string{},
	}
}

// fold is the name that a word stands for.
func fold(word string) string {
	if name, ok := strings.CutPrefix(word, `"`); ok {
		return strings.TrimSuffix(name, `"`)
	}
	return strings.ToUpper(word)
}

// add makes a user. Every second one has a name that needs quotes.
func (e *engine) add(testing.TB) executortest.Account {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.added++
	a := executortest.Account{Name: "app_" + strconv.Itoa(e.added), Password: executortest.Fresh()}
	if e.added%2 == 0 {
		a.Name = "o'App $" + strconv.Itoa(e.added)
		e.users[a.Name] = &user{password: a.Password, session: true}
	} else {
		e.users[fold(a.Name)] = &user{password: a.Password, session: true}
	}
	return a
}

// login asks the table, without the protocol.
func (e *engine) login(name, password string) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.users[name]
	if u == nil {
		u = e.users[fold(name)]
	}
	return u != nil && u.password == password && u.session && !u.locked, nil
}

// set changes a user.
func (e *engine) set(name string, change func(*user)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(e.users[fold(name)])
}

func (e *engine) enter(who string, c net.Conn) (leave func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sessions[c] = who
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.sessions, c)
	}
}

// rounds is how often the verifiers of release 12 hash.
const rounds = 4096

func crypt(key, data []byte, block func(cipher.Block, []byte) cipher.BlockMode) []byte {
	b, err := aes.NewCipher(key)
	if err != nil || len(data)%aes.BlockSize != 0 {
		return make([]byte, 64)
	}
	out := make([]byte, len(data))
	block(b, make([]byte, aes.BlockSize)).CryptBlocks(out, data)
	return out
}

// logon lets one client prove that it knows a password, without sending it: O5LOGON with the verifier of release 12.
func (d *double) logon(l *line) (string, error) {
	m, err := l.ask()
	if err != nil || expect(m, 3, 0x76) != nil {
		return "", errors.Join(err, errors.New("no logon"))
	}
	m.bytes(4)
	m.int() // length of the name
	m.int() // mode
	m.bytes(5)
	who := fold(m.text())
	d.mu.Lock()
	u := d.users[who]
	if u == nil {
		u = &user{password: rand.Text()} // nobody learns which names there are
	}
	have := *u
	d.mu.Unlock()
	random := make([]byte, 64)
	_, _ = rand.Read(random) // never fails
	salt, sessionSalt, ours := random[:16], random[16:32], random[32:]
	speedy, err := pbkdf2.Key(sha512.New, have.password, append(bytes.Clone(salt), "AUTH_PBKDF2_SPEEDY_KEY"...), rounds, 64)
	if err != nil {
		return "", err
	}
	sum := sha512.Sum512(append(speedy, salt...))
	key := sum[:32]
	reply := number([]byte{8}, 5)
	reply = pair(reply, "AUTH_SESSKEY", fmt.Sprintf("%X", crypt(key, ours, cipher.NewCBCEncrypter)), 0)
	reply = pair(reply, "AUTH_VFR_DATA", fmt.Sprintf("%X", salt), 18453)
	reply = pair(reply, "AUTH_PBKDF2_CSK_SALT", fmt.Sprintf("%X", sessionSalt), 0)
	reply = pair(reply, "AUTH_PBKDF2_VGEN_COUNT", strconv.Itoa(rounds), 0)
	reply = pair(reply, "AUTH_PBKDF2_SDER_COUNT", "3", 0)
	if err := l.answer(summary(reply, nil)); err != nil {
		return "", err
	}
	if m, err = l.ask(); err != nil || expect(m, 3, 0x73) != nil {
		return "", errors.Join(err, errors.New("no proof"))
	}
	m.bytes(4)
	m.int()
	mode := m.int()
	m.byte()
	count := m.int()
	m.bytes(2)
	again := fold(m.text())
	said := m.pairs(count)
	theirs, _ := hex.DecodeString(said["AUTH_SESSKEY"]) // what is no number is no proof
	hidden, _ := hex.DecodeString(said["AUTH_PASSWORD"])
	both := fmt.Sprintf("%X%X", crypt(key, theirs, cipher.NewCBCDecrypter), ours)
	shared, err := pbkdf2.Key(sha512.New, both, sessionSalt, 3, 32)
	if err != nil {
		return "", err
	}
	plain := crypt(shared, hidden, cipher.NewCBCDecrypter)
	proven := len(plain) >= 32 && bytes.HasPrefix(plain[16:], append([]byte(have.password), byte(16-len(have.password)%16)))
	d.mu.Lock()
	d.sysdba = mode&0x20 != 0
	d.mu.Unlock()
	if f := admit(who, again, mode, &have, proven); f != nil {
		f.text += d.told
		_ = l.fault(summary(nil, f)) // it hangs up anyway
		return "", errors.New(f.text)
	}
	reply = pair(pair(number([]byte{8}, 2), "AUTH_SESSION_ID", "42", 0), "AUTH_SERIAL_NUM", "7", 0)
	reply = append(reply, 23, 5, 0, 0) // the session's language
	reply = number(pair(append(number(reply, 1), 0), "AUTH_NLS_LXLAN", "AMERICAN", 0), 0)
	return who, l.answer(summary(reply, nil))
}

// admit decides about a login.
func admit(who, again string, mode int, u *user, proven bool) *fault {
	switch {
	case u.locked:
		return no(28000, "The account is locked.")
	case !proven || who != again:
		return no(1017, "invalid username/password; logon denied")
	case who == "SYS" && mode&0x20 == 0:
		return no(28009, "connection as SYS should be as SYSDBA or SYSOPER")
	case u.expired:
		return no(28001, "the account has expired")
	case !u.session:
		return no(1045, "user "+who+" lacks CREATE SESSION privilege; logon denied")
	}
	return nil
}

const name, quoted = `("[^"\x00]{1,128}"|[A-Za-z][A-Za-z0-9_$#]*)`, `"([^"\x00]+)"`

var (
	alter   = regexp.MustCompile(`^ALTER USER ` + name + ` IDENTIFIED BY ` + quoted + `(?: REPLACE ` + quoted + `)?( ACCOUNT UNLOCK)?\s*$`)
	account = regexp.MustCompile(`^ALTER USER ` + name + ` ACCOUNT (LOCK|UNLOCK)\s*$`)
	create  = regexp.MustCompile(`^CREATE USER ` + name + ` IDENTIFIED BY ` + quoted + `\s*$`)
	grant   = regexp.MustCompile(`^GRANT CREATE SESSION TO ` + name + `\s*$`)
	drop    = regexp.MustCompile(`^DROP USER ` + name + `\s*$`)
	kill    = regexp.MustCompile(`^BEGIN FOR s IN \(SELECT sid, serial# AS serial FROM v\$session WHERE username = UPPER\('((?:[^']|'')*)'\)\) LOOP ` +
		`EXECUTE IMMEDIATE 'ALTER SYSTEM KILL SESSION ''' \|\| s\.sid \|\| ',' \|\| s\.serial \|\| ''' IMMEDIATE'; END LOOP; END;$`)
)

var list = regexp.MustCompile(`^SELECT username FROM all_users WHERE SUBSTR\(UPPER\(username\), 1, (\d+)\) = UPPER\('((?:[^']|'')*)'\) AND ROWNUM <= \d+$`)

// managers is what SYSTEM and SYS may.
var managers = []string{"ALTER SYSTEM", "ALTER USER", "CREATE SESSION", "CREATE USER", "DROP USER", "GRANT ANY PRIVILEGE"}

// has tells whether a user has a privilege.
func (e *engine) has(who, privilege string) bool {
	return slices.Contains(e.privileges(who), privilege)
}

func (e *engine) privileges(who string) []string {
	if who == "SYSTEM" || who == "SYS" {
		return managers
	}
	return append([]string{"CREATE SESSION"}, e.users[who].rights...)
}

var one = regexp.MustCompile(`^SELECT username FROM all_users WHERE username = '((?:[^']|'')*)'$`)

// list answers the queries that the engine knows; every user may ask them.
func (e *engine) list(who, sql string) (names []string, known bool) {
	m := list.FindStringSubmatch(sql)
	if m == nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		if sql == "SELECT privilege FROM session_privs" {
			return e.privileges(who), true
		}
		if m = one.FindStringSubmatch(sql); m == nil {
			return nil, false
		}
		if name := strings.ReplaceAll(m[1], "''", "'"); e.users[name] != nil {
			names = []string{name}
		}
		return names, true
	}
	prefix := strings.ToUpper(strings.ReplaceAll(m[2], "''", "'"))
	e.mu.Lock()
	defer e.mu.Unlock()
	for name := range e.users {
		if n, _ := strconv.Atoi(m[1]); len(name) >= n && strings.ToUpper(name[:n]) == prefix {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, true
}

// run does one statement of a user that is logged in.
func (e *engine) run(who, sql string) *fault {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = append(e.seen, sql)
	if e.odd != nil {
		return e.odd
	}
	if m := kill.FindStringSubmatch(strings.Join(strings.Fields(sql), " ")); m != nil && e.has(who, "ALTER SYSTEM") {
		for c, name := range e.sessions {
			if name == strings.ToUpper(m[1]) {
				_ = c.Close()
				delete(e.sessions, c)
			}
		}
		return nil
	}
	for _, of := range []struct {
		form *regexp.Regexp
		want string
		do   func(m []string, name string, u *user) *fault
	}{
		{alter, "", e.alter(who)}, {account, "ALTER USER", lock}, {create, "CREATE USER", e.create},
		{grant, "GRANT ANY PRIVILEGE", allow}, {drop, "DROP USER", e.drop},
	} {
		m := of.form.FindStringSubmatch(sql)
		if m == nil {
			continue
		}
		u := e.users[fold(m[1])]
		switch {
		case of.form != create && u == nil:
			return no(1918, "user '"+fold(m[1])+"' does not exist")
		case of.want != "" && !e.has(who, of.want):
			return no(1031, "insufficient privileges")
		}
		return of.do(m, fold(m[1]), u)
	}
	return no(900, "invalid SQL statement: "+sql)
}

// judge is the check of new passwords.
func judge(password string) *fault {
	switch {
	case len(password) > 30:
		return no(972, "identifier is too long")
	case len(password) < 8:
		return no(28003, "password verification for the specified password failed\nORA-20001: Password "+password+" is too short")
	}
	return nil
}

func (e *engine) alter(who string) func([]string, string, *user) *fault {
	return func(m []string, name string, u *user) *fault {
		may := e.has(who, "ALTER USER")
		switch {
		case !may && who != name || name == "SYS" && who != "SYS":
			return no(1031, "insufficient privileges")
		case !may && m[3] == "":
			return no(28221, "REPLACE not specified")
		case !may && m[3] != u.password:
			return no(28008, "invalid old password")
		}
		if f := judge(m[2]); f != nil {
			return f
		}
		u.password, u.expired, u.locked = m[2], false, u.locked && m[4] == ""
		return nil
	}
}

func lock(m []string, _ string, u *user) *fault {
	u.locked = m[2] == "LOCK"
	return nil
}

func allow(_ []string, _ string, u *user) *fault {
	u.session = true
	return nil
}

func (e *engine) create(m []string, name string, u *user) *fault {
	if u != nil {
		return no(1920, "user name '"+name+"' conflicts with another user or role name")
	}
	if f := judge(m[2]); f != nil {
		return f
	}
	e.users[name] = &user{password: m[2]}
	return nil
}

func (e *engine) drop(_ []string, name string, u *user) *fault {
	for _, in := range e.sessions {
		if in == name {
			return no(1940, "cannot drop a user that is currently connected")
		}
	}
	if u.owns {
		return no(1922, "CASCADE must be specified to drop '"+name+"'")
	}
	delete(e.users, name)
	return nil
}
