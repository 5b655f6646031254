package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// flips is in how many places a byte of each file is changed: FLIPS=50 go test ... for the long form.
func flips(t *testing.T) int {
	n := 3
	if text := os.Getenv("FLIPS"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// damaged is a node whose data are put back from a copy, with one byte changed, again and again.
type damaged struct {
	*Nodes
	node   *Node
	copy   string
	admin  string
	wrote  int
	told   bool                // the others may remember how far it was
	want   [flipSecrets]string // the secrets that are in force
	counts map[string]int      // by how it ended
}

const flipSecrets = 40

// TestFlippedByte: whichever byte of a stopped node's files changes, it says in which file and does not serve, or serves
// nothing wrong because the byte did not matter; its peers carry on, and it can be replaced. The control: the untouched
// copy starts and serves.
func TestFlippedByte(t *testing.T) {
	t.Parallel()
	for half := range 2 { // of the places, each with a cluster of its own: side by side
		t.Run(fmt.Sprint(half), func(t *testing.T) {
			t.Parallel()
			flipHalf(t, half)
		})
	}
}

func flipHalf(t *testing.T, half int) {
	c := StartNodes(t, 3, Setup{})
	c.Secrets()
	d := &damaged{Nodes: c, node: c.list[2], copy: filepath.Join(c.dir, "copy"), counts: map[string]int{}, told: true}
	for i := range d.want {
		d.want[i] = fmt.Sprintf("flip-secret-%d", i)
		c.Credential(fmt.Sprintf("web-%d", i), d.want[i], nil)
	}
	var err error
	if d.admin, err = c.api.Token(t.Context(), c.list[0], c.api.admin); err != nil {
		t.Fatal(err)
	}
	d.node.Stop()
	d.node.Start() // its memory of the state becomes files
	c.Healthy(3)
	d.node.Stop()
	if err := os.CopyFS(d.copy, os.DirFS(d.node.Data)); err != nil {
		t.Fatal(err)
	}
	if how, log := d.run("", 0); how != "serves" {
		t.Fatalf("the control failed: the untouched copy %s:\n%s", how, log)
	}
	d.node.Start() // on its own data
	c.Healthy(3)
	<-time.After(6 * time.Second) // it tells every five
	d.node.Stop()
	if how, log := d.run("", 0); how != "ended" || !strings.Contains(log, "older copy") || !strings.Contains(log, "cofre cluster remove "+d.node.ID) {
		t.Errorf("the others remember that it had more, and it %s:\n%s", how, log)
	}
	places, turn := flips(t), 0
	err = filepath.WalkDir(d.copy, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(d.copy, path)
		if err != nil {
			return err
		}
		for i := range int64(places) {
			if i >= info.Size() {
				break
			}
			if turn++; turn%2 == half {
				d.flip(name, (2*i+1)*info.Size()/int64(2*places))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v", d.counts)
	if d.counts["names the file"] < 5 {
		t.Error("hardly any change was noticed")
	}
	d.replace()
}

// forget starts the others anew: what they remember of the node would keep it from starting on an older copy, whatever is in it.
func (d *damaged) forget() {
	d.t.Helper()
	for _, do := range []func(*Node){(*Node).Stop, (*Node).Start} {
		for _, n := range d.list {
			if n != d.node {
				do(n)
			}
		}
	}
	d.Leader(d.node)
	d.told = false
}

// flip changes one byte and judges what becomes of the node.
func (d *damaged) flip(name string, at int64) {
	if d.told {
		d.forget()
	}
	how, log := d.run(name, at)
	d.told = how != "ended"
	if how == "ended" || how == "waits" {
		inStore := strings.HasPrefix(filepath.Base(name), "MANIFEST") && strings.Contains(log, filepath.Dir(name)) // it lists the others of its folder
		if !strings.Contains(log, filepath.Base(name)) && !inStore {
			d.t.Errorf("byte %d of %s: it %s without naming the file:\n%s", at, name, how, log)
		}
		how = "names the file"
	}
	d.counts[how]++
	if how == "serves wrong" {
		d.t.Errorf("byte %d of %s: %s", at, name, log)
	}
	d.wrote++
	i, fresh := d.wrote%flipSecrets, fmt.Sprintf("fresh-%d", d.wrote)
	a, err := d.api.Send(d.t.Context(), d.Running(d.node), http.MethodPut, fmt.Sprintf("/api/v1/credentials/web-%d", i), d.admin, map[string]string{"secret": fresh})
	if err != nil || a.Status != http.StatusOK {
		d.t.Errorf("byte %d of %s: its peers do not carry on: %v %s", at, name, err, a.Reason())
		return
	}
	d.want[i] = fresh
}

// run starts the node on the copy with one byte changed ("": none) and tells how it ended, with its log.
func (d *damaged) run(name string, at int64) (how, log string) {
	d.t.Helper()
	for _, err := range []error{os.RemoveAll(d.node.Data), os.CopyFS(d.node.Data, os.DirFS(d.copy)), os.Truncate(d.node.logFile(), 0)} {
		if err != nil {
			d.t.Fatal(err)
		}
	}
	if name != "" {
		path := filepath.Join(d.node.Data, name)
		b, err := os.ReadFile(path)
		if err != nil {
			d.t.Fatal(err)
		}
		b[at] ^= 0x40
		if err := os.WriteFile(path, b, 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
	d.node.Launch()
	defer d.node.Kill()
	how = "waits"
	patience := 8 * time.Second
	if name == "" {
		patience = 30 * time.Second // the control is to serve, also on a busy machine
	}
	for end := time.Now().Add(patience); time.Now().Before(end) && how == "waits"; <-time.After(50 * time.Millisecond) {
		if !d.node.Runs() {
			return "ended", d.node.Log()
		}
		how, log = d.serves()
	}
	if how == "waits" {
		log = d.node.Log()
	}
	return how, log
}

// serves compares every secret and every row that the node hands out.
func (d *damaged) serves() (how, log string) {
	ctx, cancel := context.WithTimeout(d.t.Context(), 20*time.Second) // all of them, on a busy machine
	defer cancel()
	for i := range flipSecrets {
		name := fmt.Sprintf("web-%d", i)
		for _, path := range []string{"", "/secret"} {
			a, err := d.api.Send(ctx, d.node, http.MethodGet, "/api/v1/credentials/"+name+path, d.admin, nil)
			if err != nil || a.Status == http.StatusServiceUnavailable {
				return "waits", ""
			}
			want := fmt.Sprintf("%q", d.want[i])
			if path == "" {
				want = fmt.Sprintf(`"username":"%s"`, name)
			}
			if !strings.Contains(string(a.Body), want) {
				return "serves wrong", fmt.Sprintf("%s%s: %d %s", name, path, a.Status, a.Reason())
			}
		}
	}
	return "serves", ""
}

// replace removes the damaged node and lets another one join in its place.
func (d *damaged) replace() {
	if err := d.list[0].Operate("/remove", map[string]string{"id": d.node.ID}, nil); err != nil {
		d.t.Fatal(err)
	}
	n := d.Add()
	n.Start()
	d.Join(n)
	d.Healthy(3)
	d.node = n
	Eventually(d.t, 20*time.Second, "the new node serves", func() error {
		if how, log := d.serves(); how != "serves" {
			return fmt.Errorf("it %s: %s", how, log)
		}
		return nil
	})
}
