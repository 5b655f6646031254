// Package compat is the wire of the API: it reads request bodies in every form that clients send and writes the answers,
// in the vendor's envelope or as plain JSON.
//
// It owns the envelope, the error codes and the JSON reader and writer. It guarantees that a payload is visible to both
// dialects (beside `response` and inside it), that an error names a field and never a value, and that it is the ONLY
// place that turns a secret.Value into bytes on a wire: bytes of bodies and answers are wiped after use. Resources and
// httpapi/route call it.
package compat
