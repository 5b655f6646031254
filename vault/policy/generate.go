package policy

import (
	"crypto/rand"
	"fmt"

	"cofre/fsm/model"
	"cofre/vault/secret"
)

// Generate makes a password. First the classes are dealt to the places: the demanded numbers, the rest in proportion
// to the size of each class, shuffled until a letter is first. Then each place draws from its class.
func Generate(s model.Strength) (secret.Value, error) {
	if err := Validate(s); err != nil {
		return secret.Value{}, fmt.Errorf("generate a password: %w", err)
	}
	all := classes(s)
	var src source
	defer clear(src.buffer[:])
	password := make([]byte, s.Length)
	for {
		deal := src.deal(all, s.Length)
		if src.draw(password, all, deal, s.Repeat) {
			return secret.New(password), nil
		}
	}
}

// deal gives each place the index of a class.
func (r *source) deal(all [4]class, length int) []int {
	places := make([]int, 0, length)
	total := 0
	for k, c := range all {
		for range c.least {
			places = append(places, k)
		}
		if c.least > 0 {
			total += len(c.set)
		}
	}
	for len(places) < length {
		n := r.below(total)
		for k, c := range all {
			if c.least == 0 {
				continue
			}
			if n < len(c.set) {
				places = append(places, k)
				break
			}
			n -= len(c.set)
		}
	}
	for {
		for i := length - 1; i > 0; i-- {
			j := r.below(i + 1)
			places[i], places[j] = places[j], places[i]
		}
		if all[places[0]].letter {
			return places
		}
	}
}

// draw fills the password; false when a class of a single symbol stands twice in a row and may not.
func (r *source) draw(password []byte, all [4]class, deal []int, repeat bool) bool {
	for i, k := range deal {
		set := all[k].set
		for {
			password[i] = set[r.below(len(set))]
			if repeat || i == 0 || password[i] != password[i-1] {
				break
			}
			if len(set) == 1 {
				return false
			}
		}
	}
	return true
}

// source draws small numbers from crypto/rand, a buffer at a time.
type source struct {
	buffer [128]byte
	left   int
}

// below draws a number in [0, n), 1 <= n <= 256. Bytes that would favour the low numbers are thrown away.
func (r *source) below(n int) int {
	for {
		if r.left == 0 {
			_, _ = rand.Read(r.buffer[:])
			r.left = len(r.buffer)
		}
		r.left--
		if b := int(r.buffer[r.left]); b < 256-256%n {
			return b % n
		}
	}
}
