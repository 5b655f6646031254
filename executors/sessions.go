package executors

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// How long a session of AUTH_USER waits for the next attempt, how old it becomes, and how many wait for one login: a burst of
// changes pays for one login, and what the target thinks of a session is at most this old.
const (
	SessionIdle  = 2 * time.Second
	SessionLife  = time.Minute
	SessionSpare = 2
)

// LoggedIn is a connection on which AUTH_USER has logged in.
type LoggedIn interface {
	// Restore brings the session into the state that follows a login, whatever the attempt before did in it, over a connection that
	// answers. After an error nobody uses it.
	Restore(ctx context.Context) error
	// HangUp ends it.
	HangUp()
}

// Sessions keeps connections of accounts that change others, for the next attempts on the same target: the login is the dear
// part of a change, for both sides. Only who shows the same login again, to the same target with the same settings, gets one.
// The zero value is not ready: NewSessions.
type Sessions struct {
	idle time.Duration
	seal [32]byte // of the logins: what stands in memory tells nothing about a secret

	timed  sync.WaitGroup // spares whose timer runs or ends them
	mu     sync.Mutex     // guards closed and spare
	closed bool
	spare  map[[sha256.Size]byte][]*spare
}

type spare struct {
	LoggedIn
	born  time.Time
	limit *time.Timer
}

// NewSessions makes an empty store, in which a session waits so long.
func NewSessions(idle time.Duration) *Sessions {
	s := &Sessions{idle: idle, spare: map[[sha256.Size]byte][]*spare{}}
	_, _ = rand.Read(s.seal[:]) // never fails
	return s
}

// Close ends all that wait, takes no more, and returns when the last one is gone.
func (s *Sessions) Close() {
	s.mu.Lock()
	s.closed = true
	var waiting []*spare
	for _, all := range s.spare {
		for _, sp := range all {
			if sp.limit.Stop() {
				waiting = append(waiting, sp)
			}
		}
	}
	clear(s.spare)
	s.mu.Unlock()
	for _, sp := range waiting {
		sp.HangUp()
		s.timed.Done()
	}
	s.timed.Wait()
}

// take gives the youngest session of a login; ok tells whether there was one.
func (s *Sessions) take(key [sha256.Size]byte) (sp *spare, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for all := s.spare[key]; len(all) > 0; {
		sp, all = all[len(all)-1], all[:len(all)-1]
		if s.spare[key] = all; len(all) == 0 {
			delete(s.spare, key)
		}
		if sp.limit.Stop() { // else its time has just ended
			s.timed.Done()
			return sp, true
		}
	}
	return nil, false
}

// put keeps a session for a while; false if it may not stay.
func (s *Sessions) put(key [sha256.Size]byte, c LoggedIn, born time.Time) bool {
	left := min(s.idle, SessionLife-time.Since(born))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || left <= 0 || len(s.spare[key]) >= SessionSpare {
		return false
	}
	sp := &spare{LoggedIn: c, born: born}
	s.timed.Add(1)
	sp.limit = time.AfterFunc(left, func() { s.drop(key, sp) })
	s.spare[key] = append(s.spare[key], sp)
	return true
}

func (s *Sessions) drop(key [sha256.Size]byte, gone *spare) {
	defer s.timed.Done()
	gone.HangUp()
	s.mu.Lock()
	defer s.mu.Unlock()
	var rest []*spare
	for _, sp := range s.spare[key] {
		if sp != gone {
			rest = append(rest, sp)
		}
	}
	if s.spare[key] = rest; len(rest) == 0 {
		delete(s.spare, key)
	}
}

// Borrowed is a session of AUTH_USER in the hands of one attempt.
type Borrowed[C LoggedIn] struct {
	Conn   C
	Reused bool // it was logged in before

	sessions *Sessions
	key      [sha256.Size]byte
	born     time.Time
}

// LogIn gives a session of AUTH_USER for one attempt: one that an earlier attempt has left, or what login makes. opened is what else,
// besides target, user and secret, decides what the session is, such as its database. Its errors are login's.
func LogIn[C LoggedIn](ctx context.Context, s Session, name model.ExecutorName, user, password secret.Value, opened string, login func() (C, error)) (b Borrowed[C], err error) {
	b.sessions = s.Sessions
	if b.sessions != nil {
		b.key = b.sessions.key(s, name, user, password, opened)
		for {
			sp, ok := b.sessions.take(b.key)
			if !ok {
				break
			}
			short, cancel := context.WithTimeout(ctx, SessionIdle)
			err := sp.Restore(short)
			cancel()
			if c, is := sp.LoggedIn.(C); is && err == nil {
				b.Conn, b.born, b.Reused = c, sp.born, true
				return b, nil
			}
			sp.HangUp()
		}
	}
	b.born = time.Now()
	b.Conn, err = login()
	return b, err
}

// Step tells the transcript how the attempt came in.
func (b Borrowed[C]) Step() model.Step {
	if b.Reused {
		return model.Step{Text: "goes on in a session of " + mask.AuthUser.String() + " that the attempt before it logged in"}
	}
	return model.Step{Text: "logged in as " + mask.AuthUser.String()}
}

// Stays tells whether the session would be kept after an attempt in which nothing went wrong.
func (b Borrowed[C]) Stays() bool { return b.sessions != nil }

// Return ends the use. Only a session in which nothing went wrong is kept.
func (b Borrowed[C]) Return(err error) {
	if b.sessions == nil || err != nil || !b.sessions.put(b.key, b.Conn, b.born) {
		b.Conn.HangUp()
	}
}

func (s *Sessions) key(in Session, name model.ExecutorName, user, password secret.Value, opened string) (key [sha256.Size]byte) {
	sum := hmac.New(sha256.New, s.seal[:])
	add := func(part []byte) error { // a part of a fixed size each: no two logins read alike
		digest := sha256.Sum256(part)
		_, _ = sum.Write(digest[:]) // a hash takes everything
		return nil
	}
	route, _ := json.Marshal(in.Target) // plain data
	for _, part := range [][]byte{[]byte(name), route, []byte(opened)} {
		_ = add(part)
	}
	_, _ = user.Reveal(add), password.Reveal(add)
	sum.Sum(key[:0])
	return key
}
