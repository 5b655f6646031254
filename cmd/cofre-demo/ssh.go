package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"cofre/cmd/cofre-demo/practice"
)

// serveSSH is the practice SSH server as a process: accounts come by standard input, one "name password" per line.
func serveSSH(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("ssh", flag.ExitOnError)
	addr := f.String("listen", "127.0.0.1:0", "address")
	info := f.String("info", "", "file to write the address and the host key to")
	slow := f.Duration("slow", 0, "how long a change of a password takes")
	if err := f.Parse(args); err != nil {
		return err
	}
	s, err := practice.Start(*addr)
	if err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if name, password, ok := strings.Cut(in.Text(), " "); ok {
			s.AddAccount(name, password)
		}
	}
	s.SetDelay(*slow, 0)
	if err := os.WriteFile(*info, fmt.Appendf(nil, `{"addr":%q,"host_key":%q}`, s.Addr(), s.HostKeyLine()), 0o600); err != nil {
		return err
	}
	<-ctx.Done()
	return s.Close()
}

// login tells whether a password opens an account; the host key is the one that the server printed.
func login(addr, hostKey, name, password string) (bool, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(hostKey))
	if err != nil {
		return false, fmt.Errorf("read the host key: %w", err)
	}
	c, err := ssh.Dial("tcp", addr, &ssh.ClientConfig{
		User: name, Auth: []ssh.AuthMethod{ssh.Password(password)}, HostKeyCallback: ssh.FixedHostKey(key), Timeout: 5 * time.Second,
	})
	if err != nil {
		if strings.Contains(err.Error(), "unable to authenticate") {
			return false, nil
		}
		return false, err
	}
	return true, errors.Join(c.Close())
}
