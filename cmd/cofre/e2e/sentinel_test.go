package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sentinels draws distinctive texts without a common part, which a compression could cut.
func sentinels(n int) (out []Sentinel) {
	for range n {
		out = append(out, NewSentinel(strings.ToLower(rand.Text()))) // 26 letters and digits
	}
	return out
}

// TestFormsAreFound is the scanner's own control: every form is seen at every alignment, and across what surrounds it.
func TestFormsAreFound(t *testing.T) {
	t.Parallel()
	s := sentinels(1)[0]
	for shift := range 7 {
		around := strings.Repeat("x", shift) + s.Text + strings.Repeat("y", shift)
		for name, b := range map[string][]byte{
			"plain": []byte(around), "hex": fmt.Appendf(nil, "%x", around), "base64": []byte(base64.StdEncoding.EncodeToString([]byte(around))),
			"base64url": []byte(base64.RawURLEncoding.EncodeToString([]byte(around))), "utf-16": []byte(strings.Join(strings.Split("x"+around+"y", ""), "\x00")),
		} {
			if !s.In(b) {
				t.Errorf("%s shifted by %d is not found", name, shift)
			}
		}
	}
	if s.In([]byte(sentinels(1)[0].Text)) {
		t.Error("another text is found")
	}
}

// TestSentinels: user names, host names, tags, notes and passwords go through writes, reads, stops, kills and a join; then
// no byte of the data, the logs, the temporary folder, /var/log and all traffic between and to the nodes shows one of them.
// The controls: the API hands all of them out, and the same recording and the same scanner see a plain connection and a
// plain file.
func TestSentinels(t *testing.T) {
	tmp := t.TempDir()
	c := StartNodes(t, 3, Setup{Env: []string{"TMPDIR=" + tmp}, Args: []string{"--log.level", "debug"}})
	tape := Record(t, c.base, c.base+3*most)
	all := sentinels(5 * 8)
	c.write(all)
	c.list[1].Stop()
	c.list[1].Start()
	c.Healthy(3)
	c.list[2].Kill()
	c.list[2].Start()
	c.Healthy(3)
	n := c.Add()
	n.Start()
	c.Join(n)
	c.Healthy(4)

	seen := c.everythingAt(n, len(all)/5)
	for _, s := range all {
		if !s.In(seen) {
			t.Errorf("the control failed: the API of %s does not show %s", n.ID, s.Text)
		}
	}
	c.sayPlainly(all)
	for _, o := range c.list {
		o.Stop()
	}
	streams := tape.End()
	plain := [2]uint16{}
	for ports, b := range streams {
		for _, s := range all {
			if s.In(b) && ports[1] != uint16(c.base+3*most-1) {
				t.Errorf("%s went readable from port %d to %d", s.Text, ports[0], ports[1])
			}
		}
		if ports[1] == uint16(c.base+3*most-1) {
			plain = ports
		}
	}
	for _, s := range all {
		if !s.In(streams[plain]) {
			t.Errorf("the control failed: the recording does not show %s, which was sent plainly", s.Text)
		}
	}
	total := int64(0)
	for _, dir := range []string{c.dir, tmp, "/var/log"} {
		found, read, err := Find(all, dir)
		if err != nil {
			t.Error(err)
		}
		for text, file := range found {
			t.Errorf("%s stands readable in %s", text, file)
		}
		total += read
	}
	t.Logf("%d bytes of files and %d bytes of %d streams hold none of %d sentinels", total, tape.bytes, len(streams), len(all))
	if total < 1<<20 || tape.bytes < 100_000 {
		t.Error("hardly anything was scanned")
	}
	for i, s := range all {
		if err := os.WriteFile(filepath.Join(tmp, fmt.Sprint(i)), append(make([]byte, 5000+i), s.Text...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if found, _, err := Find(all, tmp); err != nil || len(found) != len(all) {
		t.Errorf("the control failed: %d of %d found in plain files: %v", len(found), len(all), err)
	}
}

// TestSentinelsWithoutEncryption is the control: of a binary that hides nothing in its files, every sentinel is found.
func TestSentinelsWithoutEncryption(t *testing.T) {
	c := StartNodes(t, 1, Setup{Binary: readable(t, false)})
	all := sentinels(5 * 4)
	c.write(all)
	c.list[0].Stop()
	found, _, err := Find(all, c.list[0].Data)
	if err != nil || len(found) != len(all) {
		t.Errorf("%d of %d are found: %v", len(found), len(all), err)
	}
}

// readable builds a server whose disk hides nothing, and neither does its vault unless it seals.
func readable(t *testing.T, seals bool) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "cofre")
	args := []string{"build", "-tags", "nomsgpack,cofre_plaintext", "-o", bin}
	if seals {
		args = append(args, "-ldflags", "-X cofre/vault/barrier.seals=yes")
	}
	if out, err := exec.Command("go", append(args, "cofre/cmd/cofre")...).CombinedOutput(); err != nil {
		t.Fatalf("build cofre without encryption: %v\n%s", err, out)
	}
	return bin
}

// write makes devices and credentials of five sentinels each.
func (c *Nodes) write(all []Sentinel) {
	c.t.Helper()
	c.Must(http.MethodPost, "/api/v1/whoami/secret-read", nil, nil)
	for i := 0; i < len(all); i += 5 {
		s := func(k int) string { return all[i+k].Text }
		c.Must(http.MethodPost, "/api/v1/devices", map[string]any{"hostname": s(0), "ip": "192.0.2.1", "tags": []string{s(2)}}, nil)
		c.Must(http.MethodPost, "/api/v1/credentials", map[string]any{"identifier": fmt.Sprintf("id-%d", i), "hostname": s(0), "username": s(1), "tags": []string{s(2)}, "additional": s(3), "secret": s(4)}, nil)
	}
}

// everythingAt reads all rows and secrets at one node.
func (c *Nodes) everythingAt(n *Node, credentials int) (seen []byte) {
	c.t.Helper()
	token, err := c.api.Token(c.t.Context(), n, c.api.admin)
	if err != nil {
		c.t.Fatal(err)
	}
	paths := []string{"/api/v1/devices?consistency=strong&limit=100", "/api/v1/credentials?limit=100"}
	for i := range credentials {
		paths = append(paths, fmt.Sprintf("/api/v1/credentials/id-%d/secret", 5*i))
	}
	for _, p := range paths {
		a, err := c.api.Send(c.t.Context(), n, http.MethodGet, p, token, nil)
		if err != nil || a.Status != http.StatusOK {
			c.t.Fatalf("%s: %v %s", p, err, a.Reason())
		}
		seen = append(seen, a.Body...)
	}
	return seen
}

// sayPlainly sends the sentinels over a plain connection to the last port of the range.
func (c *Nodes) sayPlainly(all []Sentinel) {
	c.t.Helper()
	to, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", c.base+3*most-1))
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	from, err := net.Dial("udp", to.LocalAddr().String())
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = from.Close() }()
	for _, s := range all {
		if _, err := from.Write([]byte(s.Text)); err != nil {
			c.t.Fatal(err)
		}
	}
}
