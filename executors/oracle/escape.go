package oracle

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"

	"cofre/executors/mask"
)

// How many characters names and passwords may have in the newest release; an older one refuses what is too long for it.
const (
	maxName     = 128
	maxPassword = 1024
)

// simple is a name that needs no quotes; the server writes it in capital letters.
var simple = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_$#]*$`)

// fits lets values pass that arrive as they are. Other letters are converted to the database's character set, which nobody knows
// before, and a double quote ends a name or a password: it cannot stand in one.
func fits(value []byte, most int) error {
	if len(value) == 0 || len(value) > most {
		return fmt.Errorf("expected 1 to %d characters", most)
	}
	for _, c := range value {
		if c < ' ' || c > '~' || c == '"' {
			return errors.New(`expected printable ASCII characters without a double quote, which is all that a name or a password of Oracle is sure to hold`)
		}
	}
	return nil
}

// inner is a name without the quotes that tell that its letters are meant as they stand, and whether it has them.
func inner(value []byte) (name []byte, quoted bool) {
	if n := len(value); n > 2 && value[0] == '"' && value[n-1] == '"' {
		return value[1 : n-1], true
	}
	return value, false
}

// loginName writes a name as a login takes it: simple ones as they stand, all others in quotes.
func loginName(value []byte) (string, error) {
	name, quoted := inner(value)
	if err := fits(name, maxName); err != nil {
		return "", err
	}
	if !quoted && simple.Match(name) {
		return string(name), nil
	}
	return `"` + string(name) + `"`, nil
}

// escape turns a value into SQL for the place where its hole stands.
func escape(p mask.Part, value []byte) ([]byte, error) {
	name, quoted := value, false
	if p.Context == identifier {
		name, quoted = inner(value)
	}
	most := maxName
	if p.Hole.Secret() || p.Context == inLiteral {
		most = maxPassword
	}
	if err := fits(name, most); err != nil {
		return nil, err
	}
	switch p.Context {
	case identifier:
		if !quoted && simple.Match(name) {
			name = bytes.ToUpper(name) // in quotes, no word is reserved
		}
		return append(append([]byte{'"'}, name...), '"'), nil
	case password:
		return append(append([]byte{'"'}, value...), '"'), nil
	case inLiteral:
		return bytes.ReplaceAll(value, []byte("'"), []byte("''")), nil
	case inBlock:
		if bytes.IndexByte(value, '\'') >= 0 {
			return nil, errors.New("a value with a quote cannot stand in a literal of PL/SQL, which may run it as SQL")
		}
	}
	return value, nil
}
