package audit

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"cofre/fsm/model"
)

// Format is the version of exports that this package writes and reads.
const Format = 1

// An export is JSON lines: a header, the events in order, a trailer. Each line is in the one form that the encoder gives,
// and a verifier accepts no other, so that there is no byte in a file that may change unnoticed. The event lines hold
// exactly what the hash covers: whoever has the file can recompute the chain.

// Header is the first line. Keys are the audit keys of the cluster that signed anything in the file.
type Header struct {
	Format  int             `json:"cofre_audit_export"`
	Cluster model.ClusterID `json:"cluster"`
	Keys    []PublicKey     `json:"keys"`
	From    uint64          `json:"from"` // sequence number of the first event
	Prev    Hex             `json:"prev"` // hash of the event before it; zeros if From is 1
}

// PublicKey is an audit key that a verifier needs.
type PublicKey struct {
	ID     uint32 `json:"id"`
	Public []byte `json:"public"` // Ed25519
}

// Fingerprint is how people compare and pin the key.
func (k PublicKey) Fingerprint() string { return model.Fingerprint(k.Public) }

// Trailer is the last line. Its signature covers the header too.
type Trailer struct {
	End       bool       `json:"end"`
	Count     uint64     `json:"count"`
	Last      uint64     `json:"last"` // sequence number of the last event
	Head      Hex        `json:"head"` // its hash
	At        model.Time `json:"at"`
	Key       uint32     `json:"key"`
	Signature Hex        `json:"signature"`
}

// Hex is bytes that JSON shows as hexadecimal digits.
type Hex []byte

// MarshalText writes lower-case digits.
func (h Hex) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// UnmarshalText reads digits.
func (h *Hex) UnmarshalText(text []byte) error {
	b, err := hex.AppendDecode(nil, text)
	*h = b
	return err
}

// line is an event in an export: all that the hash covers, and the hash.
type line struct {
	Seq           uint64                `json:"seq"`
	Pos           model.Pos             `json:"pos"`
	At            model.Time            `json:"at"`
	Node          model.NodeID          `json:"node"`
	Kind          string                `json:"kind"`
	Severity      Severity              `json:"severity"`
	Actor         model.ActorKind       `json:"actor"`
	Authorization model.AuthorizationID `json:"auth,omitempty"`
	Name          string                `json:"name,omitempty"`
	Source        string                `json:"source,omitempty"`
	Fields        []lineField           `json:"fields,omitempty"`
	Prev          Hex                   `json:"prev"`
	Hash          Hex                   `json:"hash"`
}

type lineField struct {
	Name  string `json:"n"`
	Value string `json:"v"`
}

func lineOf(e *Event) line {
	l := line{
		Seq: e.Seq, Pos: e.Pos, At: e.At, Node: e.Node, Kind: e.Kind, Severity: e.Severity, Actor: e.Actor,
		Authorization: e.Authorization, Name: e.Name, Source: e.Source, Prev: e.Prev, Hash: e.Hash,
	}
	for _, f := range e.Fields {
		l.Fields = append(l.Fields, lineField(f))
	}
	return l
}

func (l *line) event() Event {
	e := Event{
		Seq: l.Seq, Pos: l.Pos, At: l.At, Node: l.Node, Kind: l.Kind, Severity: l.Severity, Actor: l.Actor,
		Authorization: l.Authorization, Name: l.Name, Source: l.Source, Prev: l.Prev, Hash: l.Hash,
	}
	for _, f := range l.Fields {
		e.Fields = append(e.Fields, Field(f))
	}
	return e
}

// JSON is the event as one line of an export, without a line break. It holds every field, whatever its class.
func (e *Event) JSON() ([]byte, error) { return encodeLine(lineOf(e)) }

// encodeLine gives the one form of a line, without its line break.
func encodeLine(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode a line of an export: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Writer streams an export.
type Writer struct {
	w      io.Writer
	header [sha256.Size]byte
	id     model.ClusterID
	head   Head
	count  uint64
}

// NewWriter writes the header. h.Prev is the hash of event h.From-1 and may be empty when From is 1.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	h.Format = Format
	if h.From == 0 {
		return nil, fmt.Errorf("start an export: the first sequence number is 1")
	}
	if h.From == 1 && len(h.Prev) == 0 {
		h.Prev = make([]byte, sha256.Size)
	}
	if len(h.Prev) != sha256.Size {
		return nil, fmt.Errorf("start an export at event %d: the hash of the event before it is missing", h.From)
	}
	for _, k := range h.Keys {
		if len(k.Public) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("start an export: audit key %d is not an Ed25519 key", k.ID)
		}
	}
	x := &Writer{w: w, id: h.Cluster, head: Head{Seq: h.From - 1, Hash: h.Prev}}
	b, err := encodeLine(h)
	if err != nil {
		return nil, err
	}
	x.header = sha256.Sum256(b)
	return x, x.put(b)
}

// Write adds the next event. It refuses one that does not continue the chain: the trail that is being exported is
// damaged, and a signature must not cover that up.
func (x *Writer) Write(e *Event) error {
	if e.Seq != x.head.Seq+1 || !bytes.Equal(e.Prev, x.head.Hash) || !bytes.Equal(e.Hash, e.Sum()) {
		return fmt.Errorf("export event %d: it does not continue the chain after event %d; the trail of this replica is damaged", e.Seq, x.head.Seq)
	}
	for _, f := range e.Fields {
		if ClassOf(e.Kind, f.Name) == Secret {
			return fmt.Errorf("export event %d: field %s of %s is secret", e.Seq, f.Name, e.Kind)
		}
	}
	b, err := e.JSON()
	if err != nil {
		return err
	}
	x.head, x.count = Head{Seq: e.Seq, Hash: e.Hash}, x.count+1
	return x.put(b)
}

// Close writes the trailer, signed by the newest audit key (access.NamedKeys.Sign).
func (x *Writer) Close(at model.Time, sign func(message []byte) (key uint32, signature []byte, err error)) error {
	t := Trailer{End: true, Count: x.count, Last: x.head.Seq, Head: x.head.Hash, At: at}
	var err error
	if t.Key, t.Signature, err = sign(t.message(x.id, x.header)); err != nil {
		return fmt.Errorf("sign the export: %w", err)
	}
	b, err := encodeLine(t)
	if err != nil {
		return err
	}
	return x.put(b)
}

func (x *Writer) put(b []byte) error {
	if _, err := x.w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}

// message is what the audit key signs for a whole file.
func (t *Trailer) message(cluster model.ClusterID, header [sha256.Size]byte) []byte {
	m := message("cofre audit export 1", string(cluster), string(header[:]))
	for _, n := range []uint64{t.Count, t.Last, uint64(t.At)} {
		m = binary.BigEndian.AppendUint64(m, n)
	}
	return append(m, t.Head...)
}
