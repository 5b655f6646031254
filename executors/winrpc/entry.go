package winrpc

import (
	"encoding/binary"
	"sync/atomic"

	"cofre/executors"
)

// entry reads along how a server lets us in. It may do that as a guest, whatever name and password it was shown, and
// then neither signs nor encrypts: it proves nothing, neither that the password is right nor that it is the server that we mean. The
// library asks for signatures, and takes such an answer all the same. A server that says nothing of a guest has to sign and encrypt from
// then on with a key that follows from the password.
type entry struct {
	guest atomic.Bool
	asked atomic.Bool // an answer to a SESSION_SETUP came: the first is the challenge, after which the password is proven
	buf   []byte
}

var errGuest = &executors.Failure{Class: executors.ClassProtocol, Msg: "the server lets in as a guest whom it does not know: that proves nothing"}

// Of MS-SMB2: frames of direct TCP (2.1), the header (2.2.1.2), the answer to SESSION_SETUP (2.2.6).
const (
	frameHead    = 4
	protocol     = "\xfeSMB" // what is encrypted begins otherwise
	header       = 64
	statusAt     = 8
	commandAt    = 12
	nextAt       = 20
	flagsAt      = header + 2
	sessionSetup = 1
	guestOrNull  = 1 | 2
)

// read takes what arrived. It looks at every answer to a login, asked for or not.
func (e *entry) read(p []byte) {
	e.buf = append(e.buf, p...)
	for len(e.buf) >= frameHead {
		n := frameHead + int(binary.BigEndian.Uint32(e.buf)&0xffffff)
		if len(e.buf) < n {
			return
		}
		setup, guest := answers(e.buf[frameHead:n])
		if setup {
			e.asked.Store(true)
		}
		if guest {
			e.guest.Store(true)
		}
		e.buf = e.buf[n:]
	}
}

// answers tells whether one of the answers in a frame is to a login, and whether one lets a guest in.
func answers(b []byte) (setup, guest bool) {
	for len(b) >= flagsAt+2 && string(b[:len(protocol)]) == protocol {
		if binary.LittleEndian.Uint16(b[commandAt:]) == sessionSetup {
			setup = true
			guest = guest || binary.LittleEndian.Uint32(b[statusAt:]) == 0 && binary.LittleEndian.Uint16(b[flagsAt:])&guestOrNull != 0
		}
		next := int(binary.LittleEndian.Uint32(b[nextAt:]))
		if next <= 0 || next > len(b) {
			break
		}
		b = b[next:]
	}
	return setup, guest
}
