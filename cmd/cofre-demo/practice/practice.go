// Package practice is an SSH server to practise on: accounts in memory, and a shell that knows the passwd dialogue.
//
// It speaks the real protocol, so that executors treat it like any Linux machine, and it passes the same conformance
// kit as OpenSSH. It belongs to the demonstration and to tests; it is not in the shipped binary and guards nothing.
package practice

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Server is a running practice server.
type Server struct {
	listener net.Listener
	config   *ssh.ServerConfig
	hostKey  ssh.PublicKey
	closing  chan struct{}
	wg       sync.WaitGroup

	mu            sync.Mutex // guards the fields below
	closed        bool
	accounts      map[string]string
	conns         map[net.Conn]bool
	changes       int
	before, after time.Duration
}

// Start listens on an address, for example "127.0.0.1:0", with a host key made for this run.
func Start(addr string) (*Server, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a host key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, fmt.Errorf("use the host key: %w", err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{listener: l, hostKey: signer.PublicKey(), closing: make(chan struct{}), accounts: map[string]string{}, conns: map[net.Conn]bool{}}
	s.config = &ssh.ServerConfig{PasswordCallback: func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		if !s.CheckPassword(c.User(), string(password)) {
			return nil, errors.New("wrong password")
		}
		return nil, nil
	}}
	s.config.AddHostKey(signer)
	s.wg.Go(s.accept)
	return s, nil
}

// Addr is host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// HostKeyLine is the host key as in known_hosts, without the host name.
func (s *Server) HostKeyLine() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.hostKey)))
}

// AddAccount creates an account or sets its password.
func (s *Server) AddAccount(name, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[name] = password
}

// CheckPassword tells whether a password opens an account.
func (s *Server) CheckPassword(name, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, ok := s.accounts[name]
	return ok && subtle.ConstantTimeCompare([]byte(have), []byte(password)) == 1
}

// Changes counts the passwords that were changed over SSH.
func (s *Server) Changes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changes
}

// SetDelay makes passwd wait before and after it applies a change, so that somebody can break something there.
func (s *Server) SetDelay(before, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

// Close stops listening, ends all connections and waits for them.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	conns := make([]net.Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	close(s.closing)
	err := s.listener.Close()
	for _, c := range conns {
		_ = c.Close() // it may have ended by itself
	}
	s.wg.Wait()
	return err
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.wg.Go(func() { s.serve(c) })
	}
}

// hold remembers a connection so that Close can end it; false if the server is closing.
func (s *Server) hold(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = true
	return true
}

func (s *Server) serve(c net.Conn) {
	defer c.Close()
	if !s.hold(c) {
		return
	}
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	conn, channels, requests, err := ssh.NewServerConn(c, s.config)
	if err != nil {
		return
	}
	gone := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { ssh.DiscardRequests(requests) })
	wg.Go(func() { _ = conn.Wait(); close(gone) })
	for offer := range channels {
		if offer.ChannelType() != "session" {
			_ = offer.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		channel, asked, err := offer.Accept()
		if err != nil {
			continue
		}
		wg.Go(func() { s.session(conn.User(), channel, asked, gone) })
	}
}

// change sets a password, with the delays of SetDelay; false when the connection ended before, as a hangup kills passwd.
func (s *Server) change(name, password string, gone <-chan struct{}) bool {
	s.mu.Lock()
	before, after := s.before, s.after
	s.mu.Unlock()
	if !s.wait(before, gone) {
		return false
	}
	s.mu.Lock()
	s.accounts[name] = password
	s.changes++
	s.mu.Unlock()
	return s.wait(after, gone)
}

func (s *Server) wait(d time.Duration, gone <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-gone:
		return false
	case <-s.closing:
		return false
	case <-timer.C:
		return true
	}
}
