package target

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Proxy is a proxy that lets one account through, to loopback.
type Proxy struct {
	User, Password string
	port           int
	proc           *process
}

// Socks starts microsocks for a test, a SOCKS5 server.
func Socks(t testing.TB) *Proxy {
	t.Helper()
	return proxied(t, "microsocks", func(p *Proxy, bin, _ string) (*exec.Cmd, error) {
		return exec.Command(bin, "-i", "127.0.0.1", "-p", fmt.Sprint(p.port), "-u", p.User, "-P", p.Password), nil
	})
}

// HTTPProxy starts tinyproxy for a test, which speaks HTTP in clear.
func HTTPProxy(t testing.TB) *Proxy {
	t.Helper()
	return proxied(t, "tinyproxy", func(p *Proxy, bin, dir string) (*exec.Cmd, error) {
		conf := filepath.Join(dir, "tinyproxy.conf")
		text := fmt.Sprintf("Port %d\nListen 127.0.0.1\nBasicAuth %s %s\nMaxClients 200\nAllow 127.0.0.1\n", p.port, p.User, p.Password)
		return exec.Command(bin, "-d", "-c", conf), os.WriteFile(conf, []byte(text), 0o600)
	})
}

func proxied(t testing.TB, name string, command func(p *Proxy, bin, dir string) (*exec.Cmd, error)) *Proxy {
	t.Helper()
	bin, err := find(map[string]string{"microsocks": "microsocks", "tinyproxy": "tinyproxy-bin"}[name], name)
	if err != nil {
		t.Fatal(err)
	}
	p, dir := &Proxy{User: "passer", Password: "Pass-" + random(8)}, t.TempDir()
	var cmd *exec.Cmd
	if p.port, err = freePort(); err == nil {
		cmd, err = command(p, bin, dir)
	}
	if err == nil {
		p.proc, err = start(cmd, filepath.Join(dir, "log"))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.proc.stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	})
	if err := p.proc.ready(func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", p.Addr())
		if err == nil {
			err = c.Close()
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return p
}

// Addr is host:port.
func (p *Proxy) Addr() string { return address(p.port) }

// Port is the port on loopback.
func (p *Proxy) Port() uint16 { return uint16(p.port) }
