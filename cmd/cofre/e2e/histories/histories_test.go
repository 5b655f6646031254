package histories

import (
	"math"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// at is one operation from one moment to another; end 0 means that its outcome is unknown.
func at(start, end int64, input, output any) porcupine.Operation {
	if end == 0 {
		end = math.MaxInt64
	}
	return porcupine.Operation{Input: input, Output: output, Call: start, Return: end}
}

// TestJudgement: each model accepts what may happen and refuses a planted lie: stale reads, lost writes, two holders, a
// token that outlives its revocation, a good one that is refused.
func TestJudgement(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		model porcupine.Model
		ops   []porcupine.Operation
		fine  bool
	}{
		"reads follow writes":            {Secret, []porcupine.Operation{at(1, 2, Put{"a"}, nil), at(3, 4, Read{}, Version{1, "a"}), at(5, 6, Put{"b"}, nil), at(7, 8, Read{}, Version{2, "b"})}, true},
		"a read beside a write":          {Secret, []porcupine.Operation{at(1, 2, Put{"a"}, nil), at(3, 9, Put{"b"}, nil), at(4, 5, Read{}, Version{1, "a"}), at(6, 7, Read{}, Version{2, "b"})}, true},
		"a stale read":                   {Secret, []porcupine.Operation{at(1, 2, Put{"a"}, nil), at(3, 4, Put{"b"}, nil), at(5, 6, Read{}, Version{1, "a"})}, false},
		"back and forth beside a write":  {Secret, []porcupine.Operation{at(1, 2, Put{"a"}, nil), at(3, 9, Put{"b"}, nil), at(4, 5, Read{}, Version{2, "b"}), at(6, 7, Read{}, Version{1, "a"})}, false},
		"unknown and done later":         {Secret, []porcupine.Operation{at(1, 2, Put{"a"}, nil), at(3, 0, Put{"b"}, nil), at(5, 6, Read{}, Version{1, "a"}), at(7, 8, Read{}, Version{2, "b"})}, true},
		"unknown and never done":         {Secret, []porcupine.Operation{at(1, 2, Put{"a"}, nil), at(3, 0, Put{"b"}, nil), at(5, 6, Read{}, Version{1, "a"})}, true},
		"a lost write":                   {Secret, []porcupine.Operation{at(1, 2, Put{"a"}, nil), at(3, 4, Read{}, Version{1, "a"}), at(5, 6, Put{"b"}, nil), at(7, 8, Read{}, Version{1, "a"})}, false},
		"a value from nowhere":           {Secret, []porcupine.Operation{at(1, 2, Put{"a"}, nil), at(3, 4, Read{}, Version{2, "x"})}, false},
		"a rotation with a failed try":   {Secret, []porcupine.Operation{at(1, 2, Put{"a"}, nil), at(3, 9, Rotate{}, nil), at(4, 5, Read{}, Version{1, "a"}), at(10, 11, Read{}, Version{3, "r"}), at(12, 13, Read{}, Version{3, "r"})}, true},
		"a rotation without effect":      {Secret, []porcupine.Operation{at(1, 2, Put{"a"}, nil), at(3, 4, Read{}, Version{1, "a"}), at(5, 6, Rotate{}, nil), at(7, 8, Read{}, Version{1, "a"})}, false},
		"a rotation taken back":          {Secret, []porcupine.Operation{at(1, 2, Put{"a"}, nil), at(3, 9, Rotate{}, nil), at(4, 5, Read{}, Version{2, "r"}), at(6, 7, Read{}, Version{1, "a"})}, false},
		"one holder after the other":     {Custody, []porcupine.Operation{at(1, 2, CheckOut{1}, true), at(3, 4, CheckOut{2}, false), at(5, 6, Release{1}, true), at(7, 8, CheckOut{2}, true)}, true},
		"reading again keeps one holder": {Custody, []porcupine.Operation{at(1, 2, CheckOut{1}, true), at(3, 4, CheckOut{1}, true), at(5, 6, Release{1}, true), at(7, 8, Release{1}, false)}, true},
		"two holders":                    {Custody, []porcupine.Operation{at(1, 2, CheckOut{1}, true), at(3, 4, CheckOut{2}, true)}, false},
		"refused for nobody":             {Custody, []porcupine.Operation{at(1, 2, CheckOut{1}, true), at(3, 4, Release{1}, true), at(5, 6, CheckOut{2}, false)}, false},
		"an unknown release":             {Custody, []porcupine.Operation{at(1, 2, CheckOut{1}, true), at(3, 0, Release{1}, nil), at(5, 6, CheckOut{2}, false), at(7, 8, CheckOut{2}, true)}, true},
		"a release that nobody saw":      {Custody, []porcupine.Operation{at(1, 2, CheckOut{1}, true), at(5, 6, CheckOut{2}, true), at(7, 0, Release{1}, nil)}, false},
		"used, revoked, refused":         {Tokens(4), []porcupine.Operation{at(1, 2, Use{4}, true), at(3, 4, Revoke{}, nil), at(5, 6, Use{4}, false), at(7, 8, Use{5}, true)}, true},
		"used after its revocation":      {Tokens(4), []porcupine.Operation{at(1, 2, Use{4}, true), at(3, 4, Revoke{}, nil), at(5, 6, Use{4}, true)}, false},
		"a good token refused":           {Tokens(4), []porcupine.Operation{at(3, 4, Revoke{}, nil), at(5, 6, Use{5}, false)}, false},
		"a token that is born dead":      {Tokens(4), []porcupine.Operation{at(1, 2, Revoke{}, nil), at(3, 4, Issue{}, uint64(4))}, false},
		"an unknown revocation":          {Tokens(4), []porcupine.Operation{at(3, 0, Revoke{}, nil), at(5, 6, Use{4}, true), at(7, 8, Use{4}, false)}, true},
		"back in force":                  {Tokens(4), []porcupine.Operation{at(3, 0, Revoke{}, nil), at(5, 6, Use{4}, false), at(7, 8, Use{4}, true)}, false},
	} {
		if got := porcupine.CheckOperations(c.model, c.ops); got != c.fine || got != porcupine.CheckOperations(c.model, settle(c.ops)) {
			t.Errorf("%s: judged %v", name, got)
		}
	}
}

// TestRecorder: what is unknown stays open, what did not happen is left out, and a lie is told with its object.
func TestRecorder(t *testing.T) {
	t.Parallel()
	r := NewRecorder()
	r.Object("s", Secret)
	say := func(v any, o Outcome) func() (any, Outcome) { return func() (any, Outcome) { return v, o } }
	r.Do(1, "s", Put{"a"}, say(nil, Done))
	r.Do(1, "s", Put{"b"}, say(nil, Unknown))
	r.Do(1, "s", Put{"c"}, say(nil, Nothing))
	r.Do(2, "s", Read{}, say(nil, Unknown))
	r.Do(2, "s", Read{}, say(Version{1, "a"}, Done))
	if all, unknown := r.Counts(); all != 3 || unknown != 1 {
		t.Errorf("%d recorded, %d unknown", all, unknown)
	}
	if c := r.Check(time.Second); len(c) != 0 {
		t.Error(c)
	}
	r.Do(2, "s", Read{}, say(Version{2, "c"}, Done))
	if c := r.Check(time.Second); len(c) != 1 {
		t.Errorf("a value that nobody wrote: %q", c)
	}
	r.Do(2, "other", Read{}, say(Version{2, "c"}, Done))
	if c := r.Check(time.Second); len(c) != 2 {
		t.Errorf("an object without a model: %q", c)
	}
}
