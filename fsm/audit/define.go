package audit

import (
	"strings"

	"cofre/fsm/model"
)

// Class says where a field may be shown.
type Class uint8

// The classes. The zero value is Secret, so that an undeclared field goes nowhere but into the encrypted state.
const (
	Secret    Class = iota // never leaves the state
	Sensitive              // names, addresses, tags: to the API with audit.read and to receivers over TLS
	Public                 // object ids, numbers, enumerations: also to the local syslog
)

func (c Class) String() string { return [...]string{"secret", "sensitive", "public"}[c%3] }

// Fields declares the classes of an event's fields by name.
type Fields map[string]Class

// Def declares one kind of event.
type Def struct {
	Kind     string
	Severity Severity
	Title    string // what happened, in a sentence without a subject: for docs and CEF names
	Fields   Fields
}

// Draft is an event before the chain and the stamp of its command are known.
type Draft struct {
	Def    *Def
	Fields []Field
}

var catalogue []*Def

func define(kind string, s Severity, title string, f Fields) *Def {
	d := &Def{Kind: kind, Severity: s, Title: title, Fields: f}
	catalogue = append(catalogue, d)
	return d
}

// Catalogue lists all declared kinds in the order of declaration.
func Catalogue() []*Def { return append([]*Def(nil), catalogue...) }

// Find finds a declaration by kind; nil if there is none.
func Find(kind string) *Def {
	for _, d := range catalogue {
		if d.Kind == kind {
			return d
		}
	}
	return nil
}

// With makes a draft from name, value pairs; empty values are left out. Bytes that are not UTF-8 are replaced, because
// the codec would not read them back. A name that the declaration lacks is a programmer's error.
func (d *Def) With(pairs ...string) Draft {
	if len(pairs)%2 != 0 {
		panic("audit: odd number of arguments for " + d.Kind)
	}
	dr := Draft{Def: d}
	for i := 0; i < len(pairs); i += 2 {
		if _, ok := d.Fields[pairs[i]]; !ok {
			panic("audit: " + d.Kind + " declares no field " + pairs[i])
		}
		if pairs[i+1] != "" {
			dr.Fields = append(dr.Fields, Field{Name: pairs[i], Value: text(pairs[i+1])})
		}
	}
	return dr
}

// Event makes the event of a draft, not yet linked to a chain.
func (dr Draft) Event(pos model.Pos, at model.Time, node model.NodeID, actor model.Actor) Event {
	return Event{
		Pos: pos, At: at, Node: node, Kind: dr.Def.Kind, Severity: dr.Def.Severity, Actor: actor.Kind,
		Authorization: actor.Authorization, Name: text(actor.Name), Source: text(actor.Source), Fields: dr.Fields,
	}
}

func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// ClassOf classifies a field of an event kind; Secret when unknown.
func ClassOf(kind, field string) Class {
	if d := Find(kind); d != nil {
		return d.Fields[field]
	}
	return Secret
}
