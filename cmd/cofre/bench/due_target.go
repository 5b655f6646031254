package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"cofre/executors/executortest/target"
)

// gate passes connections on to a target and counts them.
type gate struct {
	l          net.Listener
	to         string
	open, most atomic.Int64
}

func newGate(to string) (*gate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &gate{l: l, to: to}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			go g.pass(c)
		}
	}()
	return g, nil
}

func (g *gate) port() int { return g.l.Addr().(*net.TCPAddr).Port }

func (g *gate) pass(c net.Conn) {
	now := g.open.Add(1)
	defer g.open.Add(-1)
	for most := g.most.Load(); now > most && !g.most.CompareAndSwap(most, now); most = g.most.Load() {
	}
	defer c.Close()
	up, err := net.Dial("tcp", g.to)
	if err != nil {
		return
	}
	defer up.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{c, up}, {up, c}} {
		both.Go(func() {
			_, _ = io.Copy(way[1], way[0])
			_ = way[1].(*net.TCPConn).CloseWrite()
		})
	}
	both.Wait()
}

// redisConn is a client that asks one thing after another.
type redisConn struct {
	net.Conn
	in *bufio.Reader
}

// dialRedis logs in as the administrator, on the port without TLS.
func dialRedis(r *target.RedisServer) (*redisConn, error) {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", r.PlainPort()))
	if err != nil {
		return nil, err
	}
	rc := &redisConn{c, bufio.NewReader(c)}
	if _, err := rc.ask("AUTH", r.AdminUser, r.AdminPassword); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return rc, nil
}

// ask gives a line or a text that the server answers.
func (c *redisConn) ask(words ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := io.WriteString(c, b.String()); err != nil {
		return "", err
	}
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	switch line[0] {
	case '-':
		return "", errors.New("redis: " + line[1:])
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil {
			return "", err
		}
		text := make([]byte, n+2)
		_, err = io.ReadFull(c.in, text)
		return string(text[:n]), err
	}
	return line[1:], nil
}
