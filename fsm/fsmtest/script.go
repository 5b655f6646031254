package fsmtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"cofre/fsm"
	"cofre/fsm/audit"
	"cofre/fsm/codec"
	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/table"
)

type script struct {
	t       testing.TB
	machine *fsm.FSM
	log     []*raft.Log
	now     model.Time
	vars    map[string]string
	seq     uint64
}

func (s *script) run(in string) string {
	var out []string
	for _, step := range strings.Split(strings.TrimSpace(in), "\n\n") {
		input, _, _ := strings.Cut(step, "\n----")
		lines := slices.DeleteFunc(strings.Split(input, "\n"), func(l string) bool { return strings.HasPrefix(l, "#") })
		if len(lines) == 0 {
			out = append(out, input)
			continue
		}
		out = append(out, input+"\n----\n"+s.step(lines[0], strings.Join(lines[1:], "\n")))
	}
	return strings.Join(out, "\n\n") + "\n"
}

func (s *script) step(header, body string) string {
	words := strings.Fields(header)
	if words[0] == "dump" {
		return s.dump(words[1])
	}
	e := command.Envelope{Kind: command.Kind(words[0]), Version: 1, ID: ID(len(s.log)), Node: "n1", Actor: model.Actor{Kind: model.ActorSystem, Name: "test"}}
	captures := map[string]string{}
	var stamp model.Time
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "actor":
			e.Actor = s.actor(v)
		case "asked": // who asked for the key that got the actor's token
			for name := range strings.SplitSeq(v, ",") {
				a := s.actor("client:" + name)
				e.Actor.Asked = append(e.Actor.Asked, model.Asker{Authorization: a.Authorization, Epoch: a.Epoch, Listing: a.Listing})
			}
		case "keyends": // how long that key lives on
			d, err := time.ParseDuration(v)
			if err != nil {
				s.t.Fatalf("%s: %v", header, err)
			}
			e.Actor.KeyUntil = s.now.Add(d)
		case "node":
			e.Node = model.NodeID(v)
		case "at":
			d, err := time.ParseDuration(strings.TrimPrefix(v, "+"))
			if err != nil {
				s.t.Fatalf("%s: %v", header, err)
			}
			s.now = s.now.Add(d)
		case "stamp": // an entry whose leader's clock is off, without moving the script's time
			d, err := time.ParseDuration(v)
			if err != nil {
				s.t.Fatalf("%s: %v", header, err)
			}
			stamp = s.now.Add(d)
		case "id":
			var n int
			_, _ = fmt.Sscan(v, &n)
			e.ID = ID(n)
		case "term":
			_, _ = fmt.Sscan(v, &e.Term)
		case "capture":
			name, path, _ := strings.Cut(v, ":")
			captures[name] = path
		default:
			s.t.Fatalf("unknown option %q in %q", w, header)
		}
	}
	if body == "" {
		body = "{}"
	}
	payload, err := Encode(body, s.vars)
	if err != nil {
		s.t.Fatalf("%s: %v", header, err)
	}
	e.Payload, e.Made = payload, s.now
	r := s.apply(e, max(stamp, s.now))
	var b strings.Builder
	if r.Err != nil {
		fmt.Fprintf(&b, "error %s", r.Err.Kind)
		if r.Err.Code != 0 {
			fmt.Fprintf(&b, " %d", r.Err.Code)
		}
		fmt.Fprintf(&b, ": %s\n", r.Err.Msg)
	} else {
		fmt.Fprintf(&b, "ok %s\n", Text(r.Body))
		s.capture(captures, r.Body)
	}
	s.events(&b)
	return strings.TrimSuffix(b.String(), "\n")
}

func (s *script) apply(e command.Envelope, at model.Time) command.Result {
	l := &raft.Log{Index: uint64(len(s.log) + 1), Term: 1, Type: raft.LogCommand,
		Data: codec.MustEncode(&command.Entry{At: at, Term: 1, Commands: []command.Envelope{e}})}
	s.log = append(s.log, l)
	return s.machine.Apply(l).([]command.Result)[0]
}

// actor reads "system", "operator", "client:$auth" or "client:$auth@10.0.0.1" with an epoch of 1 or "client:$auth#2", and "client:$auth/$listing" for
// a token of an identity of AWS.
func (s *script) actor(v string) model.Actor {
	kind, id, _ := strings.Cut(v, ":")
	switch kind {
	case "system":
		return model.Actor{Kind: model.ActorSystem, Name: "test"}
	case "operator":
		return model.Actor{Kind: model.ActorOperator, Name: "root"}
	}
	id, source, ok := strings.Cut(id, "@")
	if !ok {
		source = "127.0.0.1"
	}
	epoch := uint64(1)
	id, listing, _ := strings.Cut(id, "/$")
	id, e, ok := strings.Cut(id, "#")
	if ok {
		_, _ = fmt.Sscan(e, &epoch)
	}
	if name, ok := strings.CutPrefix(id, "$"); ok {
		id = strings.Trim(s.vars[name], `"`)
	}
	return model.Actor{Kind: model.ActorClient, Authorization: model.AuthorizationID(id), Epoch: epoch, Listing: strings.Trim(s.vars[listing], `"`), Source: source}
}

func (s *script) capture(captures map[string]string, body codec.Raw) {
	for name, path := range captures {
		var v any
		if err := json.Unmarshal([]byte(Text(body)), &v); err != nil {
			s.t.Fatal(err)
		}
		for _, k := range strings.Split(path, ".") {
			switch in := v.(type) {
			case map[string]any:
				v = in[k]
			case []any: // of a list, the member by its index
				i, err := strconv.Atoi(k)
				if err != nil || i < 0 || i >= len(in) {
					s.t.Fatalf("capture %s: no member %s", path, k)
				}
				v = in[i]
			default:
				s.t.Fatalf("capture %s: no field %s", path, k)
			}
		}
		j, err := json.Marshal(v)
		if err != nil {
			s.t.Fatal(err)
		}
		if f, ok := v.(float64); ok {
			j = fmt.Append(nil, uint64(f))
		}
		s.vars[name] = string(j)
	}
}

func (s *script) events(b *strings.Builder) {
	v := s.machine.View()
	defer v.Close()
	for e := range table.Audit.All(v, table.NumberKey(s.seq+1)) {
		fmt.Fprintf(b, "event %s", e.Kind)
		for _, f := range e.Fields {
			fmt.Fprintf(b, " %s=%s", f.Name, f.Value)
		}
		fmt.Fprintln(b)
		if string(e.Sum()) != string(e.Hash) {
			s.t.Errorf("event %d has a wrong hash", e.Seq)
		}
		s.seq = e.Seq
	}
}

func (s *script) dump(name string) string {
	v := s.machine.View()
	defer v.Close()
	var rows []string
	v.Rows(func(t table.Erased, _, value []byte) bool {
		if t.Name() == name {
			rows = append(rows, Text(value))
		}
		return true
	})
	return strings.Join(rows, "\n")
}

// Kinds lists the audit kinds seen in a machine, for coverage tests.
func Kinds(m *fsm.FSM) []string {
	v := m.View()
	defer v.Close()
	seen := map[string]bool{}
	for e := range table.Audit.All(v, "") {
		seen[e.Kind] = true
		if audit.Find(e.Kind) == nil {
			seen["undeclared "+e.Kind] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// ScriptLog runs a script, whatever it expects, and gives the log that it makes.
func ScriptLog(t testing.TB, in string) []*raft.Log {
	t.Helper()
	s := &script{t: t, machine: Open(t), now: Start, vars: map[string]string{}}
	s.run(in)
	return s.log
}
