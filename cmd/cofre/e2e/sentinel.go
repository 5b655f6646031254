package e2e

import (
	"bytes"
	"encoding/base64"
	wire "encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf16"
)

// Sentinel is a distinctive text that must be readable nowhere, in any of its forms.
type Sentinel struct {
	Text  string
	forms [][]byte
}

// NewSentinel prepares the forms: plain, UTF-16 of both orders, hexadecimal, and base64 at each of the three alignments.
func NewSentinel(text string) Sentinel {
	s := Sentinel{Text: text, forms: [][]byte{[]byte(text), []byte(hex.EncodeToString([]byte(text)))}}
	var little, big []byte
	for _, u := range utf16.Encode([]rune(text)) {
		little, big = wire.LittleEndian.AppendUint16(little, u), wire.BigEndian.AppendUint16(big, u)
	}
	s.forms = append(s.forms, little, big)
	for shift := range 3 {
		padded := append(make([]byte, shift), text...)
		whole := padded[:len(padded)/3*3] // the last characters depend on what follows
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			s.forms = append(s.forms, []byte(e.EncodeToString(whole)[(shift*4+2)/3:]))
		}
	}
	return s
}

// In tells whether any form stands in b.
func (s Sentinel) In(b []byte) bool {
	for _, f := range s.forms {
		if bytes.Contains(b, f) {
			return true
		}
	}
	return false
}

// Find looks for sentinels in every file below a folder and gives, for each that is found, the first file.
func Find(sentinels []Sentinel, dir string) (found map[string]string, read int64, err error) {
	found = map[string]string{}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && !e.Type().IsRegular() {
			return nil // gone meanwhile, or no file
		}
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		read += int64(len(b))
		for _, s := range sentinels {
			if _, known := found[s.Text]; !known && s.In(b) {
				found[s.Text] = path
			}
		}
		return nil
	})
	return found, read, err
}
