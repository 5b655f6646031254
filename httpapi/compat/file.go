package compat

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// File is an answer of bytes that are not held in memory, as many as there are. It is written once, or dropped. Who writes the reply
// aborts the connection when it fails: nothing else tells the client that the file is not whole.
type File struct {
	Type  string // media type
	Write func(io.Writer) error
	Drop  func() // gives up what Write reads from; it is called in any case
}

// stalled is how long a client may take for one piece of a file: whole files take longer than any answer may.
const stalled = time.Minute

func sendFile(w http.ResponseWriter, status int, f *File) error {
	h := w.Header()
	h.Set("Content-Type", f.Type)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := f.Write(&patient{w, http.NewResponseController(w)}); err != nil {
		return fmt.Errorf("write a file: %w", err)
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
