package command

import (
	"errors"
	"fmt"

	"cofre/fsm/codec"
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// Def declares one verb with typed arguments and result.
type Def[A, R any] struct {
	verb
	apply func(*table.Tx, Meta, A) (R, error)
}

// verb is what a Def says without its types. What is done with it is compiled once, and not for each Def again in each
// package that names it.
type verb struct {
	kind    Kind
	version uint16
	level   uint16
	denied  bool
	alone   bool
}

// Define declares a verb. The apply function must be pure: state, meta and arguments in, changes and result out. Its
// error must be a *model.Error; it leaves no trace in the state.
func Define[A, R any](k Kind, version uint16, apply func(*table.Tx, Meta, A) (R, error)) Def[A, R] {
	return Def[A, R]{verb{kind: k, version: version, level: 1}, apply}
}

// AuditDenials lets a refusal (Denied, Unauthenticated) leave the event command.denied in the trail.
func (d Def[A, R]) AuditDenials() Def[A, R] { d.denied = true; return d }

// Suffices says that the answer is all that its caller needs: on a follower the caller does not wait until its own replica
// shows the change as well, and the leader does not hurry the replica for its sake. What the caller reads there besides
// may be older than the answer.
func (d Def[A, R]) Suffices() Def[A, R] { d.alone = true; return d }

// Since sets the feature level from which the verb may be proposed; 1 by default.
func (d Def[A, R]) Since(level uint16) Def[A, R] { d.level = level; return d }

// Erased is a Def without its types.
type Erased interface {
	Kind() Kind
	Version() uint16
	Level() uint16
	DenialsAudited() bool
	AnswerSuffices() bool
	// Check decodes the payload strictly without applying it.
	Check(payload codec.Raw) error
	// Apply runs the reducer; decoding errors are ErrUndecodable.
	Apply(tx *table.Tx, m Meta, payload codec.Raw) (codec.Raw, error)
}

// ErrUndecodable says that this binary does not understand a committed payload: the node must stop, not skip.
var ErrUndecodable = errors.New("a committed command cannot be decoded by this version of cofre: upgrade the node")

// Kind is the verb's name.
func (v verb) Kind() Kind { return v.kind }

// Version is the schema of the payload.
func (v verb) Version() uint16 { return v.version }

// Level is the feature level from which the verb may be proposed.
func (v verb) Level() uint16 { return v.level }

// DenialsAudited tells whether refusals are events.
func (v verb) DenialsAudited() bool { return v.denied }

// AnswerSuffices tells whether the caller needs nothing but the answer.
func (v verb) AnswerSuffices() bool { return v.alone }

// Check decodes the payload strictly.
func (d Def[A, R]) Check(payload codec.Raw) error {
	var a A
	return codec.Decode(payload, &a)
}

// Apply runs the reducer on an encoded payload.
func (d Def[A, R]) Apply(tx *table.Tx, m Meta, payload codec.Raw) (codec.Raw, error) {
	var a A
	return d.run(payload, &a, func() (any, error) { return d.apply(tx, m, a) })
}

// run decodes the payload into args, which apply reads, and encodes what it gives.
func (v verb) run(payload codec.Raw, args any, apply func() (any, error)) (codec.Raw, error) {
	if err := codec.Decode(payload, args); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUndecodable, v.kind, err)
	}
	r, err := apply()
	if me, ok := err.(*model.Error); ok && me == nil { //nolint:errorlint // the dynamic type itself is meant
		panic("a reducer returned a nil *model.Error as error: a defect, contained like every other")
	}
	if err != nil {
		return nil, err
	}
	return codec.MustEncode(r), nil
}

// Feature is a folder of verbs about one noun.
type Feature struct {
	Name     string
	Commands []Erased
}

// Registry finds verbs by kind and version.
type Registry struct {
	defs  map[Kind]map[uint16]Erased
	level uint16
}

// NewRegistry indexes features; a verb declared twice is an error. level is the highest feature level of the binary.
func NewRegistry(level uint16, features ...Feature) (*Registry, error) {
	r := &Registry{defs: map[Kind]map[uint16]Erased{}, level: level}
	for _, f := range features {
		for _, d := range f.Commands {
			if r.defs[d.Kind()] == nil {
				r.defs[d.Kind()] = map[uint16]Erased{}
			}
			if _, dup := r.defs[d.Kind()][d.Version()]; dup {
				return nil, fmt.Errorf("command %s version %d is declared twice", d.Kind(), d.Version())
			}
			r.defs[d.Kind()][d.Version()] = d
		}
	}
	return r, nil
}

// Level is the highest feature level of the binary.
func (r *Registry) Level() uint16 { return r.level }

// Find finds a verb.
func (r *Registry) Find(k Kind, version uint16) (Erased, bool) {
	d, ok := r.defs[k][version]
	return d, ok
}

// Admit decides, before a command enters the log, whether every member at the active level will be able to apply it.
func (r *Registry) Admit(e *Envelope, active uint16) error {
	d, ok := r.Find(e.Kind, e.Version)
	if !ok {
		return model.Errorf(model.Invalid, "unknown command %s version %d", e.Kind, e.Version)
	}
	if d.Level() > active {
		return model.Errorf(model.Unavailable, "command %s needs feature level %d, the cluster is at %d: upgrade every node", e.Kind, d.Level(), active)
	}
	if len(e.Payload) > MaxCommand {
		return model.Errorf(model.Invalid, "what is sent is too long: %d bytes with what is kept beside it, the limit is %d", len(e.Payload), MaxCommand)
	}
	if err := d.Check(e.Payload); err != nil {
		return &model.Error{Op: string(e.Kind), Kind: model.Invalid, Msg: "malformed payload", Err: err}
	}
	return nil
}
