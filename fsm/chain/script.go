package chain

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"cofre/fsm/model"
)

// maxScript bounds a script, in bytes.
const maxScript = 64 << 10

// word is a word of a line, with the column where it begins, counted in characters from 1.
type word struct {
	text string
	col  int
}

// order is one line that says something.
type order struct {
	line   int
	verb   string // check_conn, rollback, linked_tpl, cred, pool
	arg    word   // of the last three
	linked bool
}

// parse reads a script (product.md 1.13): one command in a line, comments from # on. Errors name line, column and what was
// expected there; they repeat nothing of the text.
func parse(script string) ([]order, error) {
	if len(script) > maxScript {
		return nil, model.Errorf(model.Invalid, "the script is %d bytes, the limit is %d", len(script), maxScript).WithField("script")
	}
	if !utf8.ValidString(script) {
		return nil, model.Errorf(model.Invalid, "the script is not valid UTF-8").WithField("script")
	}
	var orders []order
	for i, text := range strings.Split(script, "\n") {
		text, _, _ = strings.Cut(strings.TrimSuffix(text, "\r"), "#")
		words := split(text)
		if len(words) == 0 {
			continue
		}
		o, err := one(i+1, words, utf8.RuneCountInString(strings.TrimRightFunc(text, unicode.IsSpace))+1)
		if err != nil {
			return nil, err
		}
		orders = append(orders, o)
	}
	return orders, nil
}

// split cuts a line into words; what stands in double quotes is one.
func split(line string) []word {
	var words []word
	rest := []rune(line)
	for i := 0; i < len(rest); {
		switch {
		case unicode.IsSpace(rest[i]):
			i++
		case rest[i] == '"':
			end := i + 1
			for end < len(rest) && rest[end] != '"' {
				end++
			}
			words = append(words, word{string(rest[i+1 : end]), i + 1})
			i = end + 1
		default:
			end := i
			for end < len(rest) && !unicode.IsSpace(rest[end]) {
				end++
			}
			words = append(words, word{string(rest[i:end]), i + 1})
			i = end
		}
	}
	return words
}

// one reads a line of at least one word; end is the column behind the last.
func one(line int, words []word, end int) (order, error) {
	next := func(expected string) (word, error) {
		if len(words) == 0 {
			return word{}, expect(line, end, expected)
		}
		w := words[0]
		words = words[1:]
		return w, nil
	}
	verb, _ := next("")
	o := order{line: line, verb: verb.text}
	var err error
	switch verb.text {
	case "check_conn", "rollback":
	case "linked_tpl":
		if o.arg, err = next("the id or the name of a template"); err != nil {
			return o, err
		}
	case "change":
		what, err := next("cred or pool")
		if err != nil {
			return o, err
		}
		switch o.verb = what.text; o.verb {
		case "cred":
			o.arg, err = next("the number or the identifier of a credential")
		case "pool":
			o.arg, err = next("the number or the name of a pool")
		default:
			err = expect(line, what.col, "cred or pool")
		}
		if err != nil {
			return o, err
		}
		if len(words) > 0 && words[0].text == "linked" {
			o.linked, words = true, words[1:]
		} else if len(words) > 0 {
			return o, expect(line, words[0].col, "linked, or the end of the line")
		}
	default:
		return o, expect(line, verb.col, "check_conn, rollback, linked_tpl or change")
	}
	if len(words) > 0 {
		return o, expect(line, words[0].col, "the end of the line")
	}
	return o, nil
}

func expect(line, col int, what string) error { return wrong(line, col, "expected "+what) }

func wrong(line, col int, what string) error {
	return model.Errorf(model.Invalid, "line %d, column %d: %s", line, col, what).WithField("script")
}
