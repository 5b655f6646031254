package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"cofre/fsm/model"
)

// Verdict is one of the two answers about an export. A no carries the first reason, where it is, and what to do.
type Verdict struct {
	OK     bool
	Seq    uint64 // event at which the answer became no; 0 if it is about the file
	Line   int    // line of the file, from 1; 0 if there is none
	Reason string
	Advice string
}

func (v Verdict) String() string {
	if v.OK {
		return "yes"
	}
	s := "NO"
	if v.Seq > 0 {
		s += fmt.Sprintf(", event %d", v.Seq)
	}
	if v.Line > 0 {
		s += fmt.Sprintf(", line %d", v.Line)
	}
	return s + ": " + v.Reason + ". " + v.Advice
}

func (v *Verdict) no(seq uint64, line int, advice, reason string, args ...any) {
	if v.OK {
		*v = Verdict{Seq: seq, Line: line, Reason: fmt.Sprintf(reason, args...), Advice: advice}
	}
}

// Report is what an export proves.
type Report struct {
	Cluster     model.ClusterID
	From, Last  uint64 // first and last sequence number seen
	Count       uint64
	Checkpoints int         // checkpoints that agree with the file
	Keys        []PublicKey // as the file names them
	Pinned      bool        // the caller knew the keys; see Caveats

	// Integrity: what is in the file is what the cluster recorded. Every event is covered by a signature.
	Integrity Verdict
	// Completeness: nothing is missing between the first event and the end that was signed.
	Completeness Verdict
	// Caveats are what a yes does not say.
	Caveats []string
}

// Limits of a verifier: a longer line is damage, and a checkpoint speaks of one of the last remembered events.
const (
	maxLine    = 4 << 20
	remembered = 1 << 16
)

const (
	adviceEvidence = "Keep this file as evidence, export again from each node and compare"
	adviceAgain    = "Export again; if it stays, compare the exports of all nodes and the receivers' copies"
	adviceKeys     = "Compare the fingerprints with those that `cofre audit export` printed when the cluster was made"
)

// Verify reads an export and gives both verdicts. pins are fingerprints of audit keys that the caller trusts; without
// any, the file's own keys are used and the report says what that leaves open. An error means that r could not be read.
func Verify(r io.Reader, pins ...string) (*Report, error) {
	v := &verifier{
		in: bufio.NewReaderSize(r, 64<<10), pins: pins, hashes: map[uint64][]byte{},
		rep: Report{Pinned: len(pins) > 0, Integrity: Verdict{OK: true}, Completeness: Verdict{OK: true}},
	}
	if err := v.run(); err != nil {
		return nil, fmt.Errorf("read the export: %w", err)
	}
	return &v.rep, nil
}

type verifier struct {
	in       *bufio.Reader
	pins     []string
	rep      Report
	line     int
	header   [sha256.Size]byte
	next     uint64            // sequence number expected
	prev     []byte            // hash of the event before; nil if unknown
	hashes   map[uint64][]byte // of the last events of the unbroken run
	start    uint64            // first event of the unbroken run
	anchored uint64            // last event of the run that a signature covers; start-1 if none
}

var errLong = errors.New("the line is too long")

// read gives the next line without its break; io.EOF at the end. A last line without a break is torn.
func (v *verifier) read() (text []byte, torn bool, err error) {
	var long bool
	for {
		part, err := v.in.ReadSlice('\n')
		if len(text)+len(part) <= maxLine {
			text = append(text, part...)
		} else {
			long = true
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(text) == 0:
			return nil, false, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, false, err
		}
		v.line++
		if long {
			return nil, false, errLong
		}
		return bytes.TrimSuffix(text, []byte("\n")), err != nil, nil
	}
}

// decode reads a line that must be in the one form of its kind.
func decode[T any](text []byte) (T, bool) {
	var out T
	if json.Unmarshal(text, &out) != nil {
		return out, false
	}
	again, err := encodeLine(out)
	return out, err == nil && bytes.Equal(again, text)
}

func (v *verifier) run() error {
	text, torn, err := v.read()
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLong) {
		return err
	}
	h, ok := decode[Header](text)
	if err != nil || torn || !ok || h.Format != Format || h.From == 0 || len(h.Prev) != sha256.Size {
		const reason = "the file does not begin with the header of an export of format %d"
		v.rep.Integrity.no(0, 1, adviceAgain, reason, Format)
		v.rep.Completeness.no(0, 1, adviceAgain, reason, Format)
		return nil
	}
	v.rep.Cluster, v.rep.From, v.rep.Keys = h.Cluster, h.From, h.Keys
	v.header = sha256.Sum256(text)
	v.next, v.prev, v.start, v.anchored = h.From, h.Prev, h.From, h.From-1
	if h.From == 1 && !bytes.Equal(h.Prev, make([]byte, sha256.Size)) {
		v.rep.Integrity.no(1, 1, adviceEvidence, "the first event of a cluster has no predecessor, the header names one")
	}
	ended := false
	for {
		text, torn, err := v.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, errLong) {
			return err
		}
		if ended {
			v.rep.Integrity.no(0, v.line, adviceEvidence, "something follows the signed end of the export")
			break
		}
		if t, ok := decode[Trailer](text); err == nil && ok && t.End {
			if torn {
				v.rep.Integrity.no(0, v.line, adviceAgain, "the last line lacks its end")
				v.rep.Completeness.no(0, v.line, adviceAgain, "the last line lacks its end")
			}
			v.end(&t)
			ended = true
			continue
		}
		l, ok := decode[line](text)
		if err != nil || torn || !ok {
			v.unreadable()
			continue
		}
		e := l.event()
		v.event(&e)
	}
	if !ended {
		v.rep.Completeness.no(v.next, v.line, adviceAgain, "the signed end is missing: the file was cut after event %d", v.next-1)
		v.unsigned("the signed end is missing")
	}
	v.caveats()
	return nil
}

// unreadable counts a damaged line as the event that stood there.
func (v *verifier) unreadable() {
	v.rep.Integrity.no(v.next, v.line, adviceEvidence, "the line is not as an export writes it")
	v.rep.Completeness.no(v.next, v.line, adviceEvidence, "event %d cannot be read", v.next)
	v.next++
	v.breakRun(v.next, nil)
}

// breakRun starts a new unbroken run of events at seq.
func (v *verifier) breakRun(seq uint64, prev []byte) {
	v.start, v.anchored, v.prev = seq, seq-1, prev
	clear(v.hashes)
}

// unsigned says no if events of the run that ends here have no signature over them: anybody can compute hashes.
func (v *verifier) unsigned(because string) {
	if v.anchored+1 < v.next {
		v.rep.Integrity.no(v.anchored+1, 0, adviceAgain, "events %d to %d are covered by no signature, because %s", v.anchored+1, v.next-1, because)
	}
}

func (v *verifier) event(e *Event) {
	switch {
	case e.Seq < v.next:
		v.rep.Integrity.no(e.Seq, v.line, adviceEvidence, "event %d stands here, event %d was expected: events were swapped, doubled or inserted", e.Seq, v.next)
		return
	case e.Seq > v.next:
		v.rep.Completeness.no(v.next, v.line, adviceEvidence, "events %d to %d are missing", v.next, e.Seq-1)
		v.unsigned(fmt.Sprintf("event %d is missing", v.next))
		v.breakRun(e.Seq, nil)
	}
	sum := e.Sum()
	if !bytes.Equal(sum, e.Hash) {
		v.rep.Integrity.no(e.Seq, v.line, adviceEvidence, "the content of event %d does not give its hash: it was changed", e.Seq)
	}
	if v.prev != nil && !bytes.Equal(v.prev, e.Prev) {
		v.rep.Integrity.no(e.Seq, v.line, adviceEvidence, "event %d does not continue event %d: one of them was replaced", e.Seq, e.Seq-1)
	}
	v.hashes[e.Seq] = sum
	delete(v.hashes, e.Seq-remembered)
	v.prev, v.next, v.rep.Last = e.Hash, e.Seq+1, e.Seq
	v.rep.Count++
	if e.Kind == AuditCheckpoint.Kind {
		v.checkpoint(e)
	}
}

func (v *verifier) checkpoint(e *Event) {
	c, err := CheckpointOf(e, v.rep.Cluster)
	if err == nil {
		err = v.signed(c.Key, c.Message(), c.Signature)
	}
	if err != nil {
		v.rep.Integrity.no(e.Seq, v.line, adviceEvidence, "checkpoint %d: %v", e.Seq, err)
		return
	}
	have, known := v.hashes[c.Seq]
	switch {
	case known && !bytes.Equal(have, c.Hash):
		v.rep.Integrity.no(c.Seq, v.line, adviceEvidence, "the cluster signed another history up to event %d than the one in this file", c.Seq)
	case known:
		v.anchored = max(v.anchored, c.Seq)
		v.rep.Checkpoints++
	}
}

func (v *verifier) end(t *Trailer) {
	if t.Last != v.next-1 || t.Count != t.Last-v.rep.From+1 {
		v.rep.Completeness.no(v.next, v.line, adviceEvidence, "the signed end names event %d as the last of %d, the file ends with event %d", t.Last, t.Count, v.next-1)
	}
	if err := v.signed(t.Key, t.message(v.rep.Cluster, v.header), t.Signature); err != nil {
		v.rep.Integrity.no(0, v.line, adviceEvidence, "the end of the export: %v; the header or the end was changed", err)
		v.rep.Completeness.no(0, v.line, adviceEvidence, "the end of the export: %v", err)
		return
	}
	if v.prev != nil && !bytes.Equal(t.Head, v.prev) {
		v.rep.Integrity.no(t.Last, v.line, adviceEvidence, "the signed end names another last event than the one in this file")
		return
	}
	v.anchored = v.next - 1
}

// signed checks a signature with a key that the file names and, when keys are pinned, the caller trusts.
func (v *verifier) signed(id uint32, message, signature []byte) error {
	i := slices.IndexFunc(v.rep.Keys, func(k PublicKey) bool { return k.ID == id })
	if i < 0 {
		return fmt.Errorf("the file does not hold audit key %d", id)
	}
	k := v.rep.Keys[i]
	if v.rep.Pinned && !slices.Contains(v.pins, k.Fingerprint()) {
		return fmt.Errorf("audit key %d (%s) is not one of the pinned keys", id, k.Fingerprint())
	}
	return verify(k.Public, message, signature)
}

func (v *verifier) caveats() {
	if !v.rep.Pinned {
		v.rep.Caveats = append(v.rep.Caveats, "The keys were not pinned: they come from the file itself, and whoever rewrote the whole file could have signed it with keys of his own. "+adviceKeys+", or pin them")
	}
	if v.rep.From > 1 {
		v.rep.Caveats = append(v.rep.Caveats, fmt.Sprintf("The export begins at event %d: it says nothing about those before", v.rep.From))
	}
	v.rep.Caveats = append(v.rep.Caveats, "Events after the moment of the export are not in it, and an older export of the same cluster looks as good as the newest")
}
