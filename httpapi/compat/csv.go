package compat

import (
	"bytes"
	"encoding/csv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode"
)

// Table is the body of an answer in CSV (RFC 4180, with lines that end in a line feed alone); it never holds a secret.
type Table struct {
	Header []string
	Rows   [][]string
}

// WriteCSV writes a table. A cell that a spreadsheet would take for a formula gets an apostrophe in front: host names and
// messages are what others chose. What cannot be printed becomes a question mark.
func (t Table) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(t.Header); err != nil {
		return err
	}
	for _, r := range t.Rows {
		line := make([]string, len(r))
		for i, v := range r {
			if v = Printable(v); v != "" && strings.ContainsRune("=+-@", rune(v[0])) {
				v = "'" + v
			}
			line[i] = v
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Printable keeps what others chose, such as a host name, from driving a terminal or a spreadsheet.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

func sendTable(w http.ResponseWriter, status int, t Table) error {
	var b bytes.Buffer
	if err := t.WriteCSV(&b); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", "attachment")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, err := w.Write(b.Bytes())
	return err
}
