package backup_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"cofre/cluster/backup"
	"cofre/fsm/codec"
	"cofre/fsm/model"
	"cofre/vault/disk"
	"cofre/vault/keyring"
	"cofre/vault/seal/shamir"
	"cofre/vault/secret"
)

// cluster is a keyring with recovery shares.
type cluster struct {
	row    model.Keyring
	ring   *keyring.Ring
	shares []secret.Value
}

func found(t *testing.T, id model.ClusterID) *cluster {
	t.Helper()
	c := &cluster{}
	var err error
	if c.row, c.ring, err = keyring.Create(id, false, 1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.ring.Close)
	c.rekey(t)
	return c
}

func (c *cluster) rekey(t *testing.T) {
	t.Helper()
	key, shares, err := shamir.Generate(shamir.Recovery, 5, 3)
	if err == nil {
		c.row, err = c.ring.SetRecovery(c.row, key)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.shares = shares
}

func (c *cluster) root(t *testing.T) (root secret.Value) {
	t.Helper()
	if err := c.ring.WithRoot(func(r secret.Value) error { root = r.Clone(); return nil }); err != nil {
		t.Fatal(err)
	}
	return root
}

const sentinel = "web1.example.org"

func (c *cluster) backup(t *testing.T, state string) []byte {
	t.Helper()
	b, err := backup.New(backup.Header{Cluster: c.row.Cluster, At: 1_767_225_600_000, Node: "n1", Index: 7, Event: 9, Ring: c.row}, c.root(t))
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := b.Write(&file, strings.NewReader(state)); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func check(file []byte) error {
	f, err := backup.Open(bytes.NewReader(file))
	if err != nil {
		return err
	}
	return f.Check()
}

func read(file []byte, root secret.Value) (string, error) {
	f, err := backup.Open(bytes.NewReader(file))
	if err != nil {
		return "", err
	}
	r, err := f.State(root)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), err
}

func TestSharesOpenIt(t *testing.T) {
	t.Parallel()
	c := found(t, "c1")
	for _, state := range []string{"", sentinel, strings.Repeat(sentinel, 20_000)} { // none, one and several frames
		file := c.backup(t, state)
		if bytes.Contains(file, []byte(sentinel)) {
			t.Error("a host name can be read in the file")
		}
		if err := check(file); err != nil {
			t.Errorf("%d bytes: %v", len(state), err)
		}
		f, err := backup.Open(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		root, err := f.Header.Root(c.shares[2:])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(file, root); err != nil || got != state {
			t.Errorf("%d bytes: got %d, %v", len(state), len(got), err)
		}
	}
}

// refile puts another header before the same stream, and the digest that fits.
func refile(t *testing.T, file []byte, h backup.Header) []byte {
	t.Helper()
	at := len(backup.FirstLine)
	n, used := binary.Uvarint(file[at:])
	stream := file[at+used+int(n) : len(file)-sha256.Size]
	header := codec.MustEncode(&h)
	out := append(binary.AppendUvarint([]byte(backup.FirstLine), uint64(len(header))), header...)
	out = append(out, stream...)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

// TestEveryByteCounts: whatever byte changes, is missing or is added, the file is refused, with the key and without.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	c := found(t, "c1")
	good, root := c.backup(t, sentinel), c.root(t)
	refused := func(what string, i int, file []byte) {
		t.Helper()
		if check(file) == nil {
			t.Errorf("%s %d of %d is not found without the key", what, i, len(good))
		}
		if got, err := read(file, root); err == nil {
			t.Errorf("%s %d of %d: opened as %q", what, i, len(good), got)
		}
	}
	for i := range good {
		flipped := bytes.Clone(good)
		flipped[i] ^= 1 << (i % 8)
		refused("flipped byte", i, flipped)
		refused("cut at byte", i, good[:i])
	}
	refused("added byte", len(good), append(bytes.Clone(good), 0))
	refused("twice the same of", len(good), append(bytes.Clone(good), good...))
	if check(good) != nil {
		t.Error("the good file is refused too")
	}
}

// TestNobodyElseMakesOne: who knows no key can compute the digest anew, and still neither cut the stream, nor extend it, move a
// frame of it, take one of another backup, nor call it one of the former format.
func TestNobodyElseMakesOne(t *testing.T) {
	t.Parallel()
	const frame = 64<<10 + 16
	c := found(t, "c1")
	state := strings.Repeat(sentinel, 20_000)
	good, another, root := c.backup(t, state), c.backup(t, state), c.root(t)
	at := len(good) - sha256.Size - int(disk.StreamSize(int64(len(state)))) // where the stream begins
	frames := func(file []byte) (head []byte, out [][]byte) {
		begin := at + disk.HeaderSize
		return file[:begin], slices.Collect(slices.Chunk(file[begin:len(file)-sha256.Size], frame))
	}
	made := func(head []byte, frames ...[]byte) []byte {
		out := append(bytes.Clone(head), bytes.Join(frames, nil)...)
		sum := sha256.Sum256(out)
		return append(out, sum[:]...)
	}
	head, of := frames(good)
	_, foreign := frames(another)
	if len(of) < 3 {
		t.Fatalf("%d frames are too few", len(of))
	}
	older := append([]byte(backup.Formerly), head[len(backup.FirstLine):]...)
	last := len(of) - 1
	for what, file := range map[string][]byte{
		"without its last frame":    made(head, of[:last]...),
		"without any":               made(head),
		"cut in its last frame":     made(head, append(of[:last:last], of[last][:len(of[last])-1])...),
		"extended by a byte":        made(head, append(of[:last:last], append(bytes.Clone(of[last]), 0))...),
		"with its last frame twice": made(head, append(of[:last+1:last+1], of[last])...),
		"with two frames swapped":   made(head, append([][]byte{of[1], of[0]}, of[2:]...)...),
		"with a frame of another":   made(head, append([][]byte{foreign[0]}, of[1:]...)...),
		"called one of format 1":    made(older, of...),
	} {
		if got, err := read(file, root); !errors.Is(err, backup.ErrDamaged) {
			t.Errorf("%s it gives %d bytes, %v", what, len(got), err)
		}
	}
	if got, err := read(made(head, of...), root); err != nil || got != state {
		t.Errorf("the same, made anew, gives %d bytes, %v", len(got), err)
	}
	f, err := backup.Open(iotest.OneByteReader(bytes.NewReader(good))) // as from a pipe
	if err == nil {
		err = f.Check()
	}
	if err != nil {
		t.Errorf("byte by byte: %v", err)
	}
}

// TestOnlyItsOwnSharesOpenIt: neither too few, nor those of another cluster, nor those that replaced them. A file whose header
// was made by somebody without the root key does not open although its digest fits.
func TestOnlyItsOwnSharesOpenIt(t *testing.T) {
	t.Parallel()
	c, other := found(t, "c1"), found(t, "c2")
	file, old := c.backup(t, sentinel), c.shares
	f, err := backup.Open(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	c.rekey(t)
	for name, shares := range map[string][]secret.Value{"too few": old[:2], "of another cluster": other.shares, "of later": c.shares, "one twice": {old[0], old[0], old[1]}, "mixed": {old[0], old[1], c.shares[2]}} {
		if root, err := f.Header.Root(shares); err == nil || !root.Equal(secret.Value{}) {
			t.Errorf("shares %s open it (%v)", name, err)
		}
	}
	if _, err := f.Header.Root(old[:3]); err != nil {
		t.Error(err)
	}
	if _, err := backup.New(backup.Header{Cluster: "c1", Ring: c.row}, other.root(t)); err == nil {
		t.Error("a foreign root key makes backups")
	}
	forged := f.Header
	forged.Cluster = "c9"
	if got, err := read(refile(t, file, forged), c.root(t)); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("a changed header with a fitting digest: %q %v", got, err)
	}
	if got, err := read(refile(t, file, f.Header), c.root(t)); err != nil || got != sentinel {
		t.Errorf("the same, unchanged: %q %v", got, err)
	}
}
