package shamir_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"

	"cofre/vault/seal"
	"cofre/vault/seal/sealtest"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

func generate(t testing.TB, kind shamir.Kind, n, threshold int) (secret.Value, []secret.Value) {
	t.Helper()
	key, shares, err := shamir.Generate(kind, n, threshold)
	if err != nil || len(shares) != n {
		t.Fatalf("generate: %d shares, %v", len(shares), err)
	}
	return key, shares
}

func text(v secret.Value) (s string) {
	_ = v.Reveal(func(b []byte) error { s = string(b); return nil })
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	sealtest.Exercise(t, func(t *testing.T) sealtest.Fixture {
		key, shares := generate(t, shamir.Unseal, 5, 3)
		_, foreign := generate(t, shamir.Unseal, 5, 3)
		recovery, err := shamir.Split(key, shamir.Recovery, 5, 3)
		if err != nil {
			t.Fatal(err)
		}
		in := func(shares ...secret.Value) seal.Input { return seal.Input{Shares: shares} }
		return sealtest.Fixture{
			Seal: shamir.New(key), Input: in(shares[4], shares[0], shares[2]),
			Wrong: []seal.Input{in(shares[:2]...), in(foreign[:3]...), in(recovery[:3]...), in(shares[0], shares[0], shares[1]),
				in(shares[0], shares[1], foreign[2]), in(shares[0], shares[1], secret.New([]byte("unseal-")))},
		}
	})
}

func TestSealWithoutKey(t *testing.T) {
	t.Parallel()
	key, shares := generate(t, shamir.Unseal, 3, 2)
	root := secret.New(bytes.Repeat([]byte{7}, seal.KeySize))
	blob, err := shamir.New(key).Wrap(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	empty := shamir.New(secret.Value{})
	if _, err := empty.Wrap(t.Context(), root); err == nil {
		t.Error("a seal without key wraps")
	}
	if _, err := empty.Unwrap(t.Context(), blob, seal.Input{}); !errors.Is(err, seal.ErrInput) {
		t.Errorf("no shares: %v", err)
	}
	if _, err := empty.Unwrap(t.Context(), blob, seal.Input{Shares: shares[:1]}); !errors.Is(err, seal.ErrInput) {
		t.Errorf("one share: %v", err)
	}
	if got, err := empty.Unwrap(t.Context(), blob, seal.Input{Shares: shares[1:]}); err != nil || !got.Equal(root) {
		t.Errorf("unwrap by shares: %v", err)
	}
}

// Every choice of enough shares gives the key; every choice of fewer gives nothing.
func TestAllSubsets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ n, threshold int }{{2, 2}, {3, 2}, {5, 3}, {7, 7}, {9, 5}, {15, 2}} {
		key, shares := generate(t, shamir.Recovery, c.n, c.threshold)
		for subset := range 1 << c.n {
			if c.n > 9 && subset%97 != 0 {
				continue
			}
			col := shamir.NewCollector(shamir.Recovery)
			var p shamir.Progress
			for i, s := range shares {
				if subset>>i&1 == 1 {
					var err error
					if p, err = col.Add(s); err != nil {
						t.Fatal(err)
					}
				}
			}
			got, err := col.Key()
			if p.Complete() != (err == nil) || err == nil && !got.Equal(key) {
				t.Fatalf("%d of %d, subset %b: complete %v, %v", c.threshold, c.n, subset, p.Complete(), err)
			}
		}
	}
}

// One share of a split of a fixed key is uniformly distributed: alone it tells nothing. Chi square with 31 degrees of
// freedom: above 90 happens by chance about once in 10^7 runs.
func TestOneShareTellsNothing(t *testing.T) {
	t.Parallel()
	key := secret.New(make([]byte, seal.KeySize))
	var count [32]int // by one letter of the value: 5 bits
	const rounds = 8000
	for range rounds {
		shares, err := shamir.Split(key, shamir.Unseal, 2, 2)
		if err != nil {
			t.Fatal(err)
		}
		count[strings.IndexByte("0123456789ABCDEFGHJKMNPQRSTVWXYZ", text(shares[0])[len("unseal-XXXX-XXXX-XXXX-XXXX-")])]++
	}
	chi := 0.0
	for _, n := range count {
		d := float64(n) - rounds/32.0
		chi += d * d / (rounds / 32.0)
	}
	if chi > 90 {
		t.Errorf("chi square %.0f: shares depend on the key", chi)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	key, shares := generate(t, shamir.Unseal, 2, 2)
	shape := regexp.MustCompile(`^unseal(-[0-9A-HJKMNP-TV-Z]{4}){16}$`)
	for _, s := range shares {
		if !shape.MatchString(text(s)) {
			t.Errorf("a share looks like %q", text(s))
		}
	}
	first := text(shares[0])
	for name, typed := range map[string]string{
		"as printed": first, "lower case": strings.ToLower(first), "upper case": strings.ToUpper(first),
		"spaces": strings.ReplaceAll(first, "-", " "), "no groups": strings.ReplaceAll(first, "-", ""), "line breaks": "  " + first + "\r\n",
		"confused letters": "unseal" + strings.NewReplacer("0", "O", "1", "l").Replace(first[6:]),
	} {
		c := shamir.NewCollector(shamir.Unseal)
		_, err := c.Add(secret.New([]byte(typed)))
		_, err2 := c.Add(shares[1])
		got, err3 := c.Key()
		if err := errors.Join(err, err2, err3); err != nil || !got.Equal(key) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every single wrong letter, every swap of neighbours and every lost letter is noticed.
func TestMistyped(t *testing.T) {
	t.Parallel()
	_, shares := generate(t, shamir.Unseal, 2, 2)
	good := text(shares[0])
	refuse := func(typed string) {
		t.Helper()
		_, err := shamir.NewCollector(shamir.Unseal).Add(secret.New([]byte(typed)))
		if !errors.Is(err, shamir.ErrMistyped) {
			t.Fatalf("a mistyped share: %v", err)
		}
	}
	for i := len("unseal-"); i < len(good); i++ {
		if good[i] == '-' {
			continue
		}
		for _, c := range "0123456789ABCDEFGHJKMNPQRSTVWXYZU*\xff" {
			if byte(c) != good[i] {
				refuse(good[:i] + string(c) + good[i+1:])
			}
		}
		refuse(good[:i] + good[i+1:])
		if i+1 < len(good) && good[i+1] != '-' && good[i] != good[i+1] {
			refuse(good[:i] + string(good[i+1]) + string(good[i]) + good[i+2:])
		}
	}
	refuse("recovery" + good[len("unseal"):])
	refuse("")
	refuse(good + good[6:])
}

func TestCollector(t *testing.T) {
	t.Parallel()
	key, shares := generate(t, shamir.Unseal, 5, 3)
	otherKey, other := generate(t, shamir.Unseal, 5, 3)
	_, recovery := generate(t, shamir.Recovery, 5, 3)
	c := shamir.NewCollector(shamir.Unseal)
	if _, err := c.Key(); err == nil {
		t.Error("no shares give a key")
	}
	steps := []struct {
		share        secret.Value
		err          error
		have, others int
	}{
		{recovery[0], shamir.ErrKind, 0, 0}, {shares[1], nil, 1, 0}, {shares[1], shamir.ErrDuplicate, 1, 0}, {other[0], nil, 1, 1},
		{other[0], shamir.ErrDuplicate, 1, 1}, {secret.New([]byte("unseal-1234")), shamir.ErrMistyped, 1, 1}, {shares[4], nil, 2, 1}, {other[4], nil, 2, 2},
		{shares[0], nil, 3, 2}, {shares[2], nil, 3, 2}, {shares[0], shamir.ErrDuplicate, 3, 2},
	}
	for i, s := range steps {
		p, err := c.Add(s.share)
		if !errors.Is(err, s.err) || p.Have != s.have || p.Others != s.others || p != c.Progress() || p.Have > 0 && p.Need != 3 {
			t.Fatalf("step %d: %+v, %v", i, p, err)
		}
		if _, err := c.Key(); (err == nil) != (s.have == 3) {
			t.Fatalf("step %d: key: %v", i, err)
		}
	}
	for range 2 {
		if got, err := c.Key(); err != nil || !got.Equal(key) {
			t.Fatalf("key: %v", err)
		}
	}
	c.Drop() // that set opened nothing; the other one stays
	if p, err := c.Add(other[2]); err != nil || p != (shamir.Progress{Have: 3, Need: 3}) {
		t.Errorf("after a set was dropped: %+v, %v", p, err)
	}
	if got, err := c.Key(); err != nil || !got.Equal(otherKey) {
		t.Errorf("key of the other set: %v", err)
	}
	c.Reset()
	if c.Progress() != (shamir.Progress{}) {
		t.Error("reset keeps shares")
	}
	if _, err := c.Add(other[0]); err != nil {
		t.Errorf("after reset: %v", err)
	}
}

// TestCollectorIsBounded: however many sets somebody enters, the newest one counts.
func TestCollectorIsBounded(t *testing.T) {
	t.Parallel()
	c := shamir.NewCollector(shamir.Unseal)
	for range 200 {
		_, shares := generate(t, shamir.Unseal, 3, 3)
		for i, s := range shares[:2] {
			if p, err := c.Add(s); err != nil || p.Have != i+1 || p.Others > 8*shamir.MaxShares {
				t.Fatalf("%+v, %v", p, err)
			}
		}
	}
}

func TestCollectorManyPeople(t *testing.T) {
	t.Parallel()
	key, shares := generate(t, shamir.Unseal, 15, 8)
	c := shamir.NewCollector(shamir.Unseal)
	var wg sync.WaitGroup
	for _, i := range rand.Perm(15) {
		wg.Go(func() {
			if _, err := c.Add(shares[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := c.Key(); err != nil || !got.Equal(key) {
		t.Errorf("key: %v", err)
	}
}

func TestSplitRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ n, threshold int }{{1, 1}, {5, 1}, {2, 3}, {16, 3}, {0, 0}, {5, -1}} {
		if _, _, err := shamir.Generate(shamir.Unseal, c.n, c.threshold); err == nil {
			t.Errorf("%d of %d was made", c.threshold, c.n)
		}
	}
	if _, err := shamir.Split(secret.New([]byte("short")), shamir.Unseal, 5, 3); err == nil {
		t.Error("a short key was split")
	}
	if _, _, err := shamir.Generate("other", 5, 3); err == nil {
		t.Error("an unknown kind was split")
	}
}

func FuzzAdd(f *testing.F) {
	_, shares := generate(f, shamir.Unseal, 2, 2)
	f.Add(text(shares[0]))
	f.Add("unseal-")
	f.Add("recovery 0000 0000")
	f.Fuzz(func(t *testing.T, typed string) {
		c := shamir.NewCollector(shamir.Unseal)
		p, err := c.Add(secret.New([]byte(typed)))
		if (err == nil) != (p.Have == 1) {
			t.Errorf("%+v, %v", p, err)
		}
	})
}
