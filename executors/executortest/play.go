package executortest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/executors/mask"
)

// recording is the dialogue of a device, from a text file: lines that begin with "<" are what it shows, "<|" without an end of
// line, those with ">" what must be sent to it, with tags as [#NAME#]; "template:" names the template, "info:" gives ADD_INFO.
// A line with "#" says where the dialogue is from.
type recording struct {
	template, info string
	lines          []string
}

func readRecording(t *testing.T, file string) recording {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	for _, l := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		switch {
		case strings.HasPrefix(l, "# "):
		case strings.HasPrefix(l, "template: "):
			r.template = strings.TrimPrefix(l, "template: ")
		case strings.HasPrefix(l, "info: "):
			r.info = strings.TrimPrefix(l, "info: ")
		case strings.HasPrefix(l, "<"), strings.HasPrefix(l, ">"):
			r.lines = append(r.lines, l)
		default:
			t.Fatalf("%s: what is %q?", file, l)
		}
	}
	return r
}

// values of the tags in a dialogue.
func (r *recording) values() map[mask.Name]string {
	m := map[mask.Name]string{mask.Username: "svc-app", mask.CurrentPassword: "Old-5ecret-x1", mask.NewPassword: "Fresh-5ecret-x2", mask.AuthUser: "manager", mask.AuthPassword: "Door-5ecret-x3"}
	if r.info != "" {
		m[mask.AddInfo] = r.info
	}
	return m
}

func (r *recording) fill(l string) string {
	for n, v := range r.values() {
		l = strings.ReplaceAll(l, n.String(), v)
	}
	return l
}

// device plays a recording; what is sent to it must be what was recorded.
type device struct {
	recording
	out   *dialogue.Stream
	until int // the line of the recording at which it hangs up; len(lines): never

	mu      sync.Mutex // guards what follows
	at      int
	typed   bytes.Buffer
	strayed string // what was sent instead
}

// show shows everything up to the next line that must be sent.
func (d *device) show() {
	for ; d.at < len(d.lines); d.at++ {
		if d.at == d.until {
			d.out.End()
			return
		}
		l := d.lines[d.at]
		switch {
		case strings.HasPrefix(l, "<|"):
			_, _ = d.out.Write([]byte(d.fill(strings.TrimPrefix(l[2:], " "))))
		case strings.HasPrefix(l, "<"):
			_, _ = d.out.Write([]byte(d.fill(strings.TrimPrefix(l[1:], " ")) + "\r\n"))
		default:
			return
		}
	}
}

// Write takes what the executor sends.
func (d *device) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.typed.Write(p)
	text := d.typed.String()
	end := strings.IndexAny(text, "\r\n")
	if end < 0 {
		return len(p), nil
	}
	d.typed.Reset()
	want := "(nothing)"
	if d.at < len(d.lines) {
		want = d.fill(strings.TrimPrefix(d.lines[d.at], "> "))
	}
	if text[:end] != want {
		d.strayed = fmt.Sprintf("sent %q, recorded is %q", text[:end], want)
		d.out.End()
		return len(p), nil
	}
	d.at++
	d.show()
	return len(p), nil
}

func (d *device) Cut()        { d.out.End() }
func (d *device) Close(error) { d.out.End() }

// Play runs every dialogue in testdata/dialogues against the template that it names: a deviation fails, and so does a template
// without a dialogue. Then the device hangs up before each line that it shows: nothing may count as done that was not awaited, nor
// as not done once the new secret is out. No secret may show in a transcript, although the device echoes what it is sent. These are
// doubles: what a real device says may differ.
func Play(t *testing.T, catalogue []executors.CatalogueEntry, run func(ctx context.Context, template string, s executors.Session, open dialogue.Open) (executors.Outcome, error)) {
	files, err := filepath.Glob("testdata/dialogues/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	content, played := map[string]string{}, map[string]bool{}
	for _, c := range catalogue {
		content[c.Name] = c.Content
	}
	for _, file := range files {
		r := readRecording(t, file)
		played[r.template] = true
		if content[r.template] == "" {
			t.Errorf("%s: the catalogue has no template %q", file, r.template)
			continue
		}
		t.Run(r.template, func(t *testing.T) {
			t.Parallel()
			exposed := false
			for at, l := range r.lines {
				if strings.HasPrefix(l, "<") {
					if outcome := r.play(t, at, content[r.template], run); outcome == executors.Applied && at < len(r.lines)-1 || exposed && outcome == executors.NotStarted || !exposed && outcome != executors.NotStarted {
						t.Errorf("hung up at line %d (%s): %s", at+1, l, outcome)
					}
				}
				exposed = exposed || strings.HasPrefix(l, ">") && strings.Contains(l, mask.NewPassword.String())
			}
			if outcome := r.play(t, len(r.lines), content[r.template], run); outcome != executors.Applied {
				t.Errorf("the whole dialogue: %s", outcome)
			}
			Ran(content[r.template])
		})
	}
	for name := range content {
		if !played[name] {
			t.Errorf("%s has no dialogue", name)
		}
	}
}

// play runs a template once against a device that hangs up at a line.
func (r *recording) play(t *testing.T, until int, template string, run func(ctx context.Context, template string, s executors.Session, open dialogue.Open) (executors.Outcome, error)) executors.Outcome {
	t.Helper()
	d := &device{recording: *r, until: until}
	rec := executors.NewRecorder()
	s := executors.Session{Resolve: values(r.values()), Trace: rec, ConnectTimeout: time.Second}
	outcome, err := run(t.Context(), template, s, func(_ context.Context, _ executors.Session, _ time.Duration, out *dialogue.Stream) (dialogue.Line, error) {
		d.out = out
		d.show()
		return d, nil
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.strayed != "" {
		t.Errorf("the template strays from the dialogue: %s", d.strayed)
	}
	if until == len(r.lines) && err != nil {
		t.Errorf("%v", err)
	}
	shown := fmt.Sprintf("%v %+v", err, rec.Steps())
	for _, n := range []mask.Name{mask.CurrentPassword, mask.NewPassword, mask.AuthPassword} {
		if form := Leak(shown, r.values()[n]); form != "" {
			t.Errorf("%s shows as %s in error or transcript", n, form)
		}
	}
	return outcome
}
