// Package model holds every noun of Cofre as a plain struct, with its identifiers, enumerations and the rules
// that concern the noun alone. It imports the standard library only and everybody may import it: read it first.
//
// Guarantees: persisted structs hold no time.Time, floats or interfaces (equal values must encode to equal bytes),
// rules are pure methods that take the time as an argument, and errors are of type *Error with a closed Kind.
package model
