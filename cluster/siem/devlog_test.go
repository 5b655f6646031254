package siem

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"cofre/fsm/audit"
)

const devlogHelper = "COFRE_TEST_DEVLOG"

// TestRealLocalSyslog runs this test again in a mount namespace of its own, where the syslog socket of the machine leads
// to a real rsyslog.
func TestRealLocalSyslog(t *testing.T) {
	if os.Getenv(devlogHelper) != "" {
		l := newLocal(Config{}.withDefaults().Local)
		for i, s := range hostile {
			e := read(uint64(i+1), "n1", s)
			e.Fields[1].Value = s // a public field, so that it comes along
			if err := l.Send(t.Context(), []audit.Event{e}); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Fatal("needs root for a mount namespace: run the tests as root (make test)")
	}
	r := newRsyslog(t, nil)
	conf := fmt.Sprintf(`global(workDirectory=%q maxMessageSize="64k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket=%q ruleset="r" RateLimit.Interval="0")
template(name="t" type="string" string="%%syslogfacility-text%%.%%syslogseverity-text%%|%%programname%%|%%msg%%\n")
ruleset(name="r") { action(type="omfile" file=%q template="t") }
`, r.dir, r.dir+"/log", r.out)
	if err := os.WriteFile(r.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	r.launch()
	wait(t, "rsyslogd to listen", func() bool { _, err := os.Stat(r.dir + "/log"); return err == nil })
	script := fmt.Sprintf(`mount -t tmpfs none /run && ln -s %s/log /run/syslog && { [ ! -e /dev/log ] || mount --bind %s/log /dev/log; } && exec %s -test.run='^TestRealLocalSyslog$'`, r.dir, r.dir, os.Args[0])
	cmd := exec.Command("unshare", "-m", "sh", "-c", script)
	cmd.Env = append(os.Environ(), devlogHelper+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wait(t, "every record", func() bool { return strings.Count(r.text(), "\n") >= len(hostile) })
	lines := strings.Split(strings.TrimSpace(r.text()), "\n")
	if len(lines) != len(hostile) {
		t.Errorf("%d records gave %d lines", len(hostile), len(lines))
	}
	for i, l := range lines {
		want := fmt.Sprintf("authpriv.notice|cofre| event credential.read: a secret was read seq=%d node=n1 actor=client authorization=a1 credential=c1 number=", i+1)
		if !strings.HasPrefix(l, want) || strings.Contains(l, "192.0.2.7") {
			t.Errorf("record %d: %.200q", i+1, l)
		}
	}
}
