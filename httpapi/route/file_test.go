package route

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"cofre/httpapi/compat"
)

// TestFilesTakeTheirTime: an answer that is a file may take longer than an answer may, as long as the client takes it; it is dropped
// afterwards, and one that ends early does not look whole.
func TestFilesTakeTheirTime(t *testing.T) {
	t.Parallel()
	const pieces, limit = 4, 300 * time.Millisecond
	dropped := make(chan struct{}, 2)
	slow := func(pieces int, end error) Handler {
		return func(context.Context, *Request) (compat.Reply, error) {
			return compat.Reply{File: &compat.File{Type: "text/x-pieces", Drop: func() { dropped <- struct{}{} }, Write: func(w io.Writer) error {
				for range pieces {
					<-time.After(limit / 2)
					if _, err := io.WriteString(w, "piece"); err != nil {
						return err
					}
				}
				return end
			}}}, nil
		}
	}
	h, err := Mount(options(io.Discard), []Route{sample("GET", "/iso/whole", slow(pieces, nil)), sample("GET", "/iso/cut", slow(1, io.ErrUnexpectedEOF))})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.Config.WriteTimeout = limit
	s.Start()
	t.Cleanup(s.Close)
	get := func(path string) (string, error) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := s.Client().Do(req)
		if err != nil {
			return "", err
		}
		defer func() { _ = res.Body.Close() }()
		if res.Header.Get("Content-Type") != "text/x-pieces" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, res.Header)
		}
		b, err := io.ReadAll(res.Body)
		<-dropped
		return string(b), err
	}
	if got, err := get("/iso/whole"); err != nil || got != "piecepiecepiecepiece" {
		t.Errorf("%q %v", got, err)
	}
	if got, err := get("/iso/cut"); err == nil {
		t.Errorf("a file that was cut short is taken for a whole one: %q", got)
	}
}
