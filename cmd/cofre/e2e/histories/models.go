package histories

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// The inputs of Secret.
type (
	// Put gives a credential a value.
	Put struct{ Value string }
	// Rotate lets the vault choose the next value. Its output is nothing.
	Rotate struct{}
	// Read reads the secret; its output is a Version.
	Read struct{}
)

// ReadOnly says that an unanswered read tells nothing.
func (Read) ReadOnly() bool { return true }

// SeenIn tells whether an answer shows the value; values are put once.
func (p Put) SeenIn(output any) bool { v, ok := output.(Version); return ok && v.Value == p.Value }

// Version is what a read shows.
type Version struct {
	Number uint64
	Value  string
}

// secret is the state of Secret. After a change its version is known only from below, until somebody reads it: attempts
// that failed use up numbers.
type secret struct {
	number uint64
	exact  bool
	value  string // "": not known
}

// Secret is a credential's secret: every read shows what the last change left, and versions only grow.
var Secret = porcupine.Model{
	Init: func() any { return secret{} },
	Step: func(state, input, output any) (bool, any) {
		s := state.(secret)
		switch in := input.(type) {
		case Put:
			return true, secret{s.number + 1, false, in.Value}
		case Rotate:
			return true, secret{number: s.number + 1}
		}
		seen := output.(Version)
		fits := seen.Number >= s.number && (!s.exact || seen.Number == s.number) && (s.value == "" || seen.Value == s.value)
		return fits, secret{seen.Number, true, seen.Value}
	},
	DescribeOperation: describeOperation,
}

// The inputs of Custody, for one holder of several. Their output tells whether it was granted.
type (
	// CheckOut asks for the secret and with it for custody.
	CheckOut struct{ Holder int }
	// Release gives custody back.
	Release struct{ Holder int }
)

// Custody is an exclusive custody: the state is the holder, 0 for nobody.
var Custody = porcupine.Model{
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		holder := state.(int)
		granted, known := output.(bool)
		who, next, may := 0, 0, false
		switch in := input.(type) {
		case CheckOut:
			who, next = in.Holder, in.Holder
			may = holder == 0 || holder == who
		case Release:
			who = in.Holder
			may = holder == who
		}
		if !may {
			next = holder
		}
		return !known || granted == may, next
	},
	DescribeOperation: describeOperation,
}

// The inputs of Tokens.
type (
	// Revoke ends all tokens of an authorization.
	Revoke struct{}
	// Use reads with a token of an epoch; its output tells whether it was accepted.
	Use struct{ Epoch uint64 }
	// Issue gets a token; its output is the token's epoch.
	Issue struct{}
)

// ReadOnly says that an unanswered request for a token tells nothing.
func (Issue) ReadOnly() bool { return true }

// ReadOnly says that an unanswered use tells nothing.
func (Use) ReadOnly() bool { return true }

// Tokens is an authorization whose tokens are revoked: the state is how many revocations there were; a token is accepted
// exactly while there was none after it was issued, and a new one is good.
func Tokens(first uint64) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return first },
		Step: func(state, input, output any) (bool, any) {
			epoch := state.(uint64)
			switch in := input.(type) {
			case Use:
				return output.(bool) == (in.Epoch == epoch), epoch
			case Issue:
				return output.(uint64) == epoch, epoch
			}
			return true, epoch + 1
		},
		DescribeOperation: describeOperation,
	}
}

func describeOperation(input, output any) string {
	return fmt.Sprintf("%T%+v -> %+v", input, input, output)
}
