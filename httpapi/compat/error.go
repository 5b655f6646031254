package compat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"cofre/fsm/model"
)

// Error is an error with an HTTP status of its own, for reasons that only the edge knows (404, 405, 413).
type Error struct {
	Status int
	Code   int // the vendor's error_code; 0: 1
	Err    *model.Error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the model's error.
func (e *Error) Unwrap() error { return e.Err }

// Failure is an error as it leaves the house.
type Failure struct {
	Status     int
	Kind       model.Kind
	Code       int    // the vendor's exception code; 0: none
	ErrorCode  int    // of the envelope: 1, or 4 for an unknown path
	Message    string // for people; never holds an input value
	Field      string
	RetryAfter int64 // seconds
	Request    string
}

var statusOf = map[model.Kind]int{
	model.Invalid: http.StatusBadRequest, model.NotFound: http.StatusNotFound, model.Conflict: http.StatusConflict,
	model.Denied: http.StatusForbidden, model.Fenced: http.StatusConflict, model.VaultSealed: http.StatusServiceUnavailable,
	model.Unavailable: http.StatusServiceUnavailable, model.Uncertain: http.StatusServiceUnavailable, model.Expired: http.StatusServiceUnavailable,
	model.Limited: http.StatusTooManyRequests, model.Unauthenticated: http.StatusUnauthorized, model.Internal: http.StatusInternalServerError,
}

// Fail decides how an error is shown. An Internal error, or one that is no *model.Error, is shown without its text.
func Fail(err error, d Dialect, request string) Failure {
	f := Failure{Kind: model.Internal, ErrorCode: 1, Request: request}
	var me *model.Error
	var own *Error
	switch {
	case errors.As(err, &me):
		f.Kind, f.Code, f.Message, f.Field, f.RetryAfter = me.Kind, me.Code, me.Msg, me.Field, me.RetryAfter
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		f.Kind, f.Message = model.Unavailable, "Request timed out"
	}
	f.Status = statusOf[f.Kind]
	notThere := f.Code == 1007 || f.Code == 1011
	switch {
	case errors.As(err, &own):
		f.Status = own.Status
		if own.Code != 0 {
			f.ErrorCode = own.Code
		}
	case d == Vendor && f.Kind == model.NotFound && f.Code != 0:
		f.Status = http.StatusBadRequest // an unknown PAM object is a business error there
	case (d == Management || d == Second) && f.Kind == model.Invalid && notThere && f.Field == "":
		f.Status = http.StatusNotFound
	case d == Second && f.Code == 1009:
		f.Status = http.StatusForbidden
	case d == Second && f.Kind == model.Invalid:
		f.Status = http.StatusUnprocessableEntity
	}
	if f.Kind == model.Internal {
		f.Message, f.Code, f.Field = "Unexpected error", 0, ""
	}
	if f.RetryAfter == 0 && (f.Status == http.StatusServiceUnavailable || f.Status == http.StatusTooManyRequests) {
		f.RetryAfter = 1
	}
	return f
}

// Write sends the failure in a dialect.
func (f Failure) Write(w http.ResponseWriter, d Dialect) error {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(f.RetryAfter, 10))
	}
	if f.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="cofre"`)
	}
	switch d {
	case OAuth:
		return send(w, f.Status, "application/json; charset=utf-8", f.oauth(), nil)
	case Management, Second:
		return send(w, f.Status, "application/problem+json", f.problem(), nil)
	}
	return send(w, f.Status, "application/json; charset=utf-8", f.vendor(), nil)
}

func (f Failure) vendor() Object {
	message, code := f.Message, f.Code
	if code != 0 {
		message = fmt.Sprintf("%d: %s", code, message)
	} else {
		code = f.Status
	}
	detail := f.hint()
	var shown any
	if detail != "" {
		shown = detail
	}
	return Object{
		{"code", f.Status},
		{"response", envelope(f.Status, message, detail, true, f.ErrorCode)},
		{"exception", Object{{"code", code}, {"message", message}, {"detail", shown}}},
	}
}

func (f Failure) hint() string {
	switch {
	case f.Kind == model.Internal:
		return "request " + f.Request
	case f.Field != "":
		return "field " + f.Field
	}
	return ""
}

// Problem is the one shape of errors under /api/v1 (RFC 9457).
type Problem struct {
	Type    string `json:"type" doc:"always about:blank"`
	Title   string `json:"title" doc:"the text of the HTTP status"`
	Status  int    `json:"status"`
	Detail  string `json:"detail" doc:"what is wrong, for people; never holds a value of the request"`
	Kind    string `json:"kind" doc:"invalid, not_found, conflict, denied, unauthenticated, limited, sealed, unavailable, uncertain, expired or internal"`
	Code    int    `json:"code,omitempty" doc:"the vendor's number, if there is one"`
	Field   string `json:"field,omitempty" doc:"path of the field that is wrong"`
	Request string `json:"request" doc:"id of the request, as in X-Cofre-Request-Id"`
}

func (f Failure) problem() Problem {
	return Problem{"about:blank", http.StatusText(f.Status), f.Status, f.Message, f.Kind.String(), f.Code, f.Field, f.Request}
}

// oauth writes error, error_description and message as strings: clients read one or another.
func (f Failure) oauth() Object {
	name := "server_error"
	switch f.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		name = "invalid_client"
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge:
		name = "invalid_request"
		if f.Field == "grant_type" && f.Message != "" {
			name = "unsupported_grant_type"
		}
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		name = "temporarily_unavailable"
	}
	return Object{
		{"error", name}, {"error_description", f.Message}, {"message", f.Message},
		{"code", f.Status}, {"response", envelope(f.Status, f.Message, f.hint(), true, f.ErrorCode)},
	}
}
