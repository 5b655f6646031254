package compat

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"

	"cofre/fsm/model"
)

// Dialect is how answers, errors above all, are written. The zero value is refused by httpapi/route.
type Dialect uint8

// The dialects.
const (
	Vendor     Dialect = iota + 1 // the vendor's envelope, payload beside `response` and inside it
	Management                    // plain JSON; errors are application/problem+json (RFC 9457)
	OAuth                         // RFC 6749: plain JSON; errors have `error` as a string
	Second                        // the vendor's second version: plain JSON, tagged by content; errors as in Management
)

// Reply is a successful answer.
type Reply struct {
	Status  int    // 0: 200
	Message string // vendor only
	Detail  string // vendor only: what the client should know besides
	Changed string // vendor only: "true" or "false" in the answer to a put that may be repeated; "": not said
	Payload Object // vendor: members shown twice; OAuth: the whole body
	Body    any    // management: the whole body, Object, a Table or anything that encoding/json writes; nil: an empty object
	File    *File  // instead of a body
	Header  http.Header
	Known   []string // Second: entity tags of answers that the client has
	Sealer  *Sealer  // encrypts the secrets; nil: the client gets them as they are
}

// OK is a vendor's answer with status 200.
func OK(message string, payload ...Member) Reply { return Reply{Message: message, Payload: payload} }

// Created is a vendor's answer with status 201.
func Created(message string, payload ...Member) Reply {
	return Reply{Status: http.StatusCreated, Message: message, Payload: payload}
}

// Put is a vendor's answer to a put that may be repeated, with what it did in the words of clients that go by it.
func Put(message string, did model.Effect, payload ...Member) Reply {
	r := Created(message, payload...)
	r.Changed = strconv.FormatBool(did != model.Unchanged)
	return r
}

// JSON is a management answer with status 200.
func JSON(body any) Reply { return Reply{Body: body} }

// Tagged adds the entity tag of what the answer shows; "" adds none.
func (r Reply) Tagged(tag string) Reply {
	if tag != "" {
		r.Header = r.Header.Clone()
		if r.Header == nil {
			r.Header = http.Header{}
		}
		r.Header.Set("ETag", `"`+tag+`"`)
	}
	return r
}

// Unchanged answers a conditional read whose client has it already: status 304, no body.
func Unchanged(tag string) Reply { return Reply{Status: http.StatusNotModified}.Tagged(tag) }

// envelope is the `response` object without payload, in the documented order.
func envelope(status int, message, detail string, failed bool, code int) Object {
	return Object{
		{"status", status}, {"message", message}, {"error", failed}, {"error_code", code}, {"detail", detail},
		{"mensagem", message}, {"erro", failed}, {"cod_erro", code},
	}
}

// Wipe empties the secrets of a reply that is not sent.
func (r Reply) Wipe() {
	if r.File != nil {
		r.File.Drop()
	}
	wipeSecrets(r.Payload)
	wipeSecrets(r.Body)
}

// Write sends a reply and wipes the secrets in it and the bytes that carried them.
func (r Reply) Write(w http.ResponseWriter, d Dialect) error {
	defer r.Wipe()
	if r.Status == 0 {
		r.Status = http.StatusOK
	}
	for k, v := range r.Header {
		w.Header()[k] = v
	}
	if r.Status == http.StatusNotModified {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(r.Status)
		return nil
	}
	if r.File != nil {
		return sendFile(w, r.Status, r.File)
	}
	if t, ok := r.Body.(Table); ok {
		return sendTable(w, r.Status, t)
	}
	var body any
	switch {
	case d == Vendor:
		in := envelope(r.Status, r.Message, r.Detail, false, 0)
		if r.Changed != "" {
			in = append(in, Member{"changed", r.Changed})
		}
		in = append(in, r.Payload...)
		body = append(Object{{"code", r.Status}, {"response", in}}, r.Payload...)
	case d == OAuth:
		body = r.Payload
	case r.Body == nil:
		body = Object{}
	default:
		body = r.Body
	}
	if d == Second && r.Status == http.StatusOK {
		return sendTagged(w, r.Known, body)
	}
	return send(w, r.Status, "application/json; charset=utf-8", body, r.Sealer)
}

// sendTagged sends an answer that holds no secret with a tag of its content, or 304 to a client that has just that.
func sendTagged(w http.ResponseWriter, known []string, body any) error {
	out := &buffer{none: true}
	if err := out.value(body); err != nil {
		return err
	}
	sum := sha256.Sum256(out.b)
	tag := base64.RawURLEncoding.EncodeToString(sum[:16])
	w.Header().Set("ETag", `"`+tag+`"`)
	if slices.Contains(known, tag) {
		return Unchanged(tag).Write(w, Second)
	}
	return send(w, http.StatusOK, "application/json; charset=utf-8", body, nil)
}

func send(w http.ResponseWriter, status int, contentType string, body any, sealer *Sealer) error {
	out := &buffer{sealer: sealer}
	defer func() { clear(out.b) }()
	if err := out.value(body); err != nil {
		return err
	}
	out.raw("\n")
	h := w.Header()
	if sealer != nil && sealer.used() != "" {
		h.Set(EncryptionHeader, sealer.used())
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(out.b)))
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, err := w.Write(out.b)
	return err
}
