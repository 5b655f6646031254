package model

import "time"

// Bounds of what is kept of a target's output: for how long, how many captures in all (the newest ones), and how many bytes of one.
const (
	CaptureKeep  = 7 * 24 * time.Hour
	MaxCaptures  = 1000
	MaxCaptured  = 64 << 10
	CaptureStart = 16 << 10 // of a longer one: its start, and the rest of its end
)

// Capture is what the target said in one attempt of an operation, for who debugs a template. Secrets that Cofre handed to the
// attempt are taken out before it is sealed; whatever else the target showed is in it, so that it is read like a secret.
type Capture struct {
	Operation OperationID    `cbor:"operation"`
	Token     Pos            `cbor:"token"`  // of the attempt
	Number    uint64         `cbor:"number"` // captures count up: the oldest make room
	Row       string         `cbor:"row"`    // binds the ciphertext to its place
	Output    Sealed         `cbor:"output"`
	Bytes     int            `cbor:"bytes"` // that the target sent
	Involved  []CredentialID `cbor:"involved"`
	At        Time           `cbor:"at"`
}

// Until is when a capture is dropped, in state time.
func (c *Capture) Until() Time { return c.At.Add(CaptureKeep) }
