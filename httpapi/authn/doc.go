// Package authn finds out who calls: client keys in a token request, access tokens, and the address that a request comes
// from; and it slows down who calls too often, before any cryptography.
//
// It guarantees that a token is a JWT of one algorithm fixed in code (EdDSA), bound to the cluster; that the source
// address is the TCP peer unless a trusted proxy says otherwise; and that its memory is bounded. Whether a client may do
// something is decided elsewhere, with the facts it collects in a model.Actor. httpapi/edge wires it.
package authn
