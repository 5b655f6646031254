package compat

import (
	"errors"
	"io"
	"net/http"

	"cofre/fsm/model"
)

// MaxBody is the greatest body of a request, unless its route says otherwise.
const MaxBody = 1 << 20

// ReadBody reads a body up to a limit into bytes that the decoder wipes.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	tooLong := &Error{Status: http.StatusRequestEntityTooLarge, Err: model.Errorf(model.Invalid, "the body is longer than %d bytes", limit).WithField("body")}
	if r.ContentLength > limit {
		return nil, tooLong
	}
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, &Error{Status: http.StatusUnsupportedMediaType, Err: model.Errorf(model.Invalid, "compressed bodies are not accepted").WithField("body")}
	}
	out := make([]byte, 0, max(r.ContentLength, 512)+1)
	for {
		n, err := r.Body.Read(out[len(out):cap(out)])
		if out = out[:len(out)+n]; int64(len(out)) > limit {
			clear(out)
			return nil, tooLong
		}
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			clear(out)
			return nil, &Error{Status: http.StatusRequestTimeout, Err: model.Errorf(model.Invalid, "the body did not arrive completely").WithField("body")}
		}
		if len(out) == cap(out) {
			old := out
			out = append(make([]byte, 0, 2*cap(old)), old...)
			clear(old)
		}
	}
}
