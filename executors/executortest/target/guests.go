package target

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// guestsConfig is a server without accounts that lets everybody in, with any password, as nobody.
const guestsConfig = `[global]
netbios name = OPEN
workgroup = COFRE
server role = standalone server
map to guest = bad user
guest account = nobody
private dir = %[1]s
state directory = %[1]s
cache directory = %[1]s
lock directory = %[1]s
pid directory = %[1]s
ncalrpc dir = %[1]s/ncalrpc
log file = %[1]s/log.%%m
interfaces = lo
bind interfaces only = yes
load printers = no
printing = bsd
disable netbios = yes
server smb encrypt = off
server signing = disabled
`

// Guests starts a real Samba that stands where another server should be, and knows nobody's password: it lets everybody in as a guest. It
// gives the port of SMB on loopback. It needs root, for the namespaces.
func Guests(t testing.TB) uint16 {
	t.Helper()
	dir := t.TempDir()
	bin, err := find("samba", "/usr/sbin/smbd", "smbd")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "smb.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, guestsConfig, dir), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `mount -t tmpfs tmpfs /run && mkdir /run/samba && ip link set lo up && exec "$0" --foreground --no-process-group --debug-stdout -s "$1"`, bin, config)
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWPID, Unshareflags: unix.CLONE_NEWNS}
	p, err := start(cmd, filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	var r *relay
	t.Cleanup(func() {
		if err := errors.Join(p.stop(syscall.SIGKILL), closeRelays(r)); err != nil && !strings.Contains(err.Error(), "killed") {
			t.Error(err)
		}
	})
	if r, err = openRelay(cmd.Process.Pid, 445); err != nil {
		t.Fatal(err)
	}
	if err := p.ready(func(context.Context) error {
		c, err := dialIn(cmd.Process.Pid, "127.0.0.1:445")
		if err != nil {
			return err
		}
		return c.Close()
	}); err != nil {
		t.Fatal(err)
	}
	return r.port()
}
