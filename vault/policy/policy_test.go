package policy_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"cofre/fsm/model"
	"cofre/vault/policy"
	"cofre/vault/secret"
)

func generate(t testing.TB, s model.Strength) (p string) {
	t.Helper()
	v, err := policy.Generate(s)
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	if err := policy.Check(s, v); err != nil {
		t.Fatalf("%+v: a generated password fails its check: %v", s, err)
	}
	_ = v.Reveal(func(b []byte) error { p = string(b); return nil })
	return p
}

func count(p, set string) (n int) {
	for _, c := range p {
		if strings.ContainsRune(set, c) {
			n++
		}
	}
	return n
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
	punct  = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

// Every strength that is valid gives passwords with all its promises; what is not valid gives an error.
func TestEveryStrength(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	valid := 0
	for range 20_000 {
		s := model.Strength{Length: 1 + rng.IntN(40), Lower: rng.IntN(6), Upper: rng.IntN(6), Digits: rng.IntN(6), Symbols: rng.IntN(6),
			Set: punct[:rng.IntN(len(punct)+1)], Repeat: rng.IntN(2) == 0}
		if rng.IntN(10) == 0 {
			s.Length = 200 + rng.IntN(100)
		}
		if policy.Validate(s) != nil {
			if _, err := policy.Generate(s); !model.Is(err, model.Invalid) {
				t.Fatalf("%+v is not valid and gives %v", s, err)
			}
			continue
		}
		valid++
		p := generate(t, s)
		set := s.Set
		if set == "" {
			set = policy.DefaultSymbols
		}
		if len(p) != s.Length || !strings.ContainsAny(p[:1], lower+upper) {
			t.Fatalf("%+v: %d characters, the first a letter: no", s, len(p))
		}
		all := 0
		for _, c := range []struct {
			set   string
			least int
		}{{lower, s.Lower}, {upper, s.Upper}, {digits, s.Digits}, {set, s.Symbols}} {
			n := count(p, c.set)
			if n < c.least || c.least == 0 && n > 0 {
				t.Fatalf("%+v: %d of %q", s, n, c.set)
			}
			all += n
		}
		if all != len(p) {
			t.Fatalf("%+v: foreign characters", s)
		}
		for i := 1; i < len(p) && !s.Repeat; i++ {
			if p[i] == p[i-1] {
				t.Fatalf("%+v: a character twice in a row", s)
			}
		}
	}
	if valid < 5000 {
		t.Errorf("only %d strengths were valid: the test proves little", valid)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	good := model.DefaultPolicy().Strength
	for name, c := range map[string]struct {
		change func(*model.Strength)
		want   string
	}{
		"default":              {func(*model.Strength) {}, ""},
		"shortest":             {func(s *model.Strength) { *s = model.Strength{Length: 8, Lower: 8} }, ""},
		"longest":              {func(s *model.Strength) { s.Length = 256 }, ""},
		"one letter, rest 1":   {func(s *model.Strength) { *s = model.Strength{Length: 256, Lower: 1, Digits: 255} }, ""},
		"single symbol once":   {func(s *model.Strength) { s.Symbols, s.Set = 1, "_" }, ""},
		"single symbol repeat": {func(s *model.Strength) { s.Set, s.Repeat = "_", true }, ""},
		"too short":            {func(s *model.Strength) { s.Length = 7 }, "8 to 256"},
		"too long":             {func(s *model.Strength) { s.Length = 257 }, "8 to 256"},
		"classes too many":     {func(s *model.Strength) { s.Digits = 18 }, "need 26 characters"},
		"overflow":             {func(s *model.Strength) { s.Lower, s.Upper = 1<<62, 1<<62 }, "need"},
		"negative":             {func(s *model.Strength) { s.Digits = -1 }, "digits is negative"},
		"no letters":           {func(s *model.Strength) { s.Lower, s.Upper = 0, 0 }, "starts with a letter"},
		"letter as symbol":     {func(s *model.Strength) { s.Set = "!a" }, "printable ASCII"},
		"space":                {func(s *model.Strength) { s.Set = "! " }, "printable ASCII"},
		"not ASCII":            {func(s *model.Strength) { s.Set = "!ç" }, "printable ASCII"},
		"control":              {func(s *model.Strength) { s.Set = "!\n" }, "printable ASCII"},
		"listed twice":         {func(s *model.Strength) { s.Set = "!#!" }, "twice"},
		"single symbol":        {func(s *model.Strength) { s.Set = "_" }, "single symbol"},
	} {
		s := good
		c.change(&s)
		err := policy.Validate(s)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !model.Is(err, model.Invalid)) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			generate(t, s)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := model.Strength{Length: 8, Lower: 2, Upper: 1, Digits: 1, Symbols: 1}
	for p, want := range map[string]string{
		"abC1!xyz": "", "1!Cabxyz": "", "abC1!xyzABCDEF1234": "", "abC1!xy": "8 to 256", "": "8 to 256",
		"abCC1!xyz": "twice in a row", "abC1!x y": "not allowed", "abC1!xyé": "not allowed", "abC1~xyz": "not allowed",
		"abCDxyz!": "1 digits", "ABC1!XYz": "2 lower", "abc1!xyz": "1 upper", "abC12xyz": "1 symbols", strings.Repeat("abC1!", 52): "8 to 256",
	} {
		err := policy.Check(s, secret.New([]byte(p)))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", p, err)
		}
	}
	noSymbols := model.Strength{Length: 8, Lower: 1, Repeat: true}
	if err := policy.Check(noSymbols, secret.New([]byte("abcdefg!"))); err == nil {
		t.Error("a symbol passes a policy without symbols")
	}
	if err := policy.Check(noSymbols, secret.New([]byte("aaaaaaaa"))); err != nil {
		t.Errorf("repeats are allowed: %v", err)
	}
}

// Each letter is as likely as another, at the first place and elsewhere, and so is the place of a lone digit. Chi
// square: the limits are passed by chance less than once in 10^7 runs.
func TestUniform(t *testing.T) {
	t.Parallel()
	const rounds = 20_000
	first, sixth, place := map[byte]int{}, map[byte]int{}, map[int]int{}
	for range rounds {
		p := generate(t, model.Strength{Length: 8, Lower: 8, Repeat: true})
		first[p[0]]++
		sixth[p[5]]++
		p = generate(t, model.Strength{Length: 9, Upper: 8, Digits: 1, Repeat: true})
		place[strings.IndexAny(p, digits)]++
	}
	every := map[byte]int{} // many draws: a modulo without rejection would give some 170 above the expectation
	for range 500 {
		for _, c := range []byte(generate(t, model.Strength{Length: 256, Lower: 1, Repeat: true})) {
			every[c]++
		}
	}
	if chi := chiSquare(every, 26, 500*256); chi > 85 {
		t.Errorf("all letters: chi square %.0f", chi)
	}
	if chi := chiSquare(first, 26, rounds); chi > 85 { // 25 degrees of freedom
		t.Errorf("first letter: chi square %.0f", chi)
	}
	if chi := chiSquare(sixth, 26, rounds); chi > 85 {
		t.Errorf("sixth letter: chi square %.0f", chi)
	}
	if chi := chiSquare(place, 8, rounds); chi > 47 || place[0] > 0 { // 7 degrees of freedom
		t.Errorf("place of the digit: chi square %.0f, %v", chi, place)
	}
}

func chiSquare[K comparable](seen map[K]int, n, rounds int) (chi float64) {
	want := float64(rounds) / float64(n)
	for _, k := range seen {
		chi += (float64(k) - want) * (float64(k) - want) / want
	}
	return chi + float64(n-len(seen))*want // never seen
}

func TestNoTwins(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 5000 {
		p := generate(t, model.DefaultPolicy().Strength)
		if seen[p] {
			t.Fatal("the same password twice")
		}
		seen[p] = true
	}
}

func BenchmarkGenerate(b *testing.B) {
	s := model.DefaultPolicy().Strength
	for b.Loop() {
		_, _ = policy.Generate(s)
	}
}
