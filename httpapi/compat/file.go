package compat

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// File is an answer of bytes that are not held in memory. It is written once, or dropped.
type File struct {
	Type  string // media type
	Size  int64  // exact
	Write func(io.Writer) error
	Drop  func() // gives up what Write reads from; it is called in any case
}

// stalled is how long a client may take for one piece of a file: whole files take longer than any answer may.
const stalled = time.Minute

func sendFile(w http.ResponseWriter, status int, f *File) error {
	h := w.Header()
	h.Set("Content-Type", f.Type)
	h.Set("Content-Length", strconv.FormatInt(f.Size, 10))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := f.Write(&patient{w, http.NewResponseController(w)}); err != nil {
		return fmt.Errorf("write a file: %w", err) // the client sees that it is shorter than was said
	}
	return nil
}

// patient lets a writer go on as long as the client takes what it is given.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(stalled)) // a recorder of tests has none
	return p.ResponseWriter.Write(b)
}
