package backup_test

import (
	"bytes"
	"os"
	"testing"

	"cofre/cluster/backup"
	"cofre/vault/secret"
)

const goldenState = "the state of a backup that opens for ever"

// TestGolden: the file of a format that was in use is checked and opened for ever. The files in testdata, and three shares of
// the made-up cluster of each, were written once and are never written again; a new format gets files of its own beside them.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"format1", "format2"} {
		t.Run(format, func(t *testing.T) { t.Parallel(); golden(t, "testdata/"+format) })
	}
}

func golden(t *testing.T, name string) {
	file, err := os.ReadFile(name + ".backup")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile(name + ".shares")
	if err != nil {
		t.Fatal(err)
	}
	if err := check(file); err != nil {
		t.Errorf("without shares: %v", err)
	}
	f, err := backup.Open(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var shares []secret.Value
	for l := range bytes.FieldsSeq(lines) {
		shares = append(shares, secret.New(bytes.Clone(l)))
	}
	root, err := f.Header.Root(shares)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := read(file, root); err != nil || got != goldenState {
		t.Errorf("got %q, %v", got, err)
	}
	if h := f.Header; h.Cluster != "golden" || h.Node != "n1" || h.Index != 7 || h.Event != 9 {
		t.Errorf("header %+v", h)
	}
}
