package telnet

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync/atomic"

	"cofre/executors/dialogue"
)

// Commands and options of the protocol (RFC 854, 857, 858, 1073, 1091).
const (
	cmdSE   = 240
	cmdSB   = 250
	cmdWILL = 251
	cmdWONT = 252
	cmdDO   = 253
	cmdDONT = 254
	cmdIAC  = 255

	optSuppressGoAhead = 3
	optTerminalType    = 24
	optWindowSize      = 31

	isTerminalType   = 0
	sendTerminalType = 1
)

// maxAnswers bounds how often a target may negotiate; an honest one does it a dozen times.
const maxAnswers = 256

// maxOption bounds what a target may say inside one option.
const maxOption = 1024

// terminal is a network virtual terminal: it takes the protocol's commands out of what the target says, answers them, and
// escapes what we say.
type terminal struct {
	conn    net.Conn
	untie   func() bool
	done    chan struct{} // closed when the output has ended
	cut     atomic.Bool
	answers int
	agreed  map[[2]byte]bool // what was agreed to already: it is not answered again
	rest    []byte           // a command whose end has not come yet
}

func newTerminal(ctx context.Context, conn net.Conn, out *dialogue.Stream) *terminal {
	t := &terminal{conn: conn, done: make(chan struct{}), agreed: map[[2]byte]bool{}}
	t.untie = context.AfterFunc(ctx, t.Cut)
	go func() {
		defer close(t.done)
		defer out.End()
		t.listen(out)
	}()
	return t
}

// listen passes the target's text on until the connection ends.
func (t *terminal) listen(out *dialogue.Stream) {
	buf := make([]byte, 4096)
	for {
		n, err := t.conn.Read(buf)
		text, reply, bad := t.parse(append(t.rest, buf[:n]...))
		if len(text) > 0 {
			_, _ = out.Write(text) // a Stream takes everything
		}
		if len(reply) > 0 && err == nil && bad == nil {
			_, err = t.conn.Write(reply)
		}
		if err != nil || bad != nil {
			t.Cut()
			return
		}
	}
}

var errTalkative = errors.New("the target negotiates without end")

// parse splits what came into text and the answers to commands; an unfinished command is kept for the next time.
func (t *terminal) parse(in []byte) (text, reply []byte, err error) {
	t.rest = nil
	for len(in) > 0 {
		i := bytes.IndexByte(in, cmdIAC)
		if i < 0 {
			return append(text, clean(in)...), reply, nil
		}
		text = append(text, clean(in[:i])...)
		in = in[i:]
		n := commandLen(in)
		if n == 0 {
			if len(in) > maxOption {
				return text, reply, errTalkative
			}
			t.rest = bytes.Clone(in)
			return text, reply, nil
		}
		switch command := in[:n]; command[1] {
		case cmdIAC:
			text = append(text, cmdIAC)
		case cmdWILL, cmdWONT, cmdDO, cmdDONT, cmdSB:
			if answer := t.answer(command); answer != nil {
				reply = append(reply, answer...)
				t.answers++
			}
			if t.answers > maxAnswers {
				return text, reply, errTalkative
			}
		}
		in = in[n:]
	}
	return text, reply, nil
}

// clean drops the NUL that stands after a bare carriage return.
func clean(b []byte) []byte { return bytes.ReplaceAll(b, []byte{0}, nil) }

// commandLen is the length of the command at the start of b; 0 if its end has not come yet.
func commandLen(b []byte) int {
	switch {
	case len(b) < 2:
		return 0
	case b[1] == cmdSB:
		for i := 2; i+1 < len(b); i++ {
			if b[i] != cmdIAC {
				continue
			}
			if b[i+1] == cmdSE {
				return i + 2
			}
			i++ // a doubled IAC
		}
		return 0
	case b[1] >= cmdWILL && b[1] <= cmdDONT:
		if len(b) < 3 {
			return 0
		}
		return 3
	}
	return 2
}

// answer agrees to the few options that serve a dialogue and refuses all others, among them the echo: our own input must not
// come back as if the target had said it. A wide window of a plain type keeps lines whole and free of colours.
func (t *terminal) answer(c []byte) []byte {
	verb, option := c[1], c[2]
	wanted := verb == cmdDO && (option == optTerminalType || option == optWindowSize || option == optSuppressGoAhead) ||
		verb == cmdWILL && option == optSuppressGoAhead
	switch {
	case verb == cmdSB:
		if option == optTerminalType && len(c) > 3 && c[3] == sendTerminalType {
			return append(append([]byte{cmdIAC, cmdSB, optTerminalType, isTerminalType}, "dumb"...), cmdIAC, cmdSE)
		}
		return nil
	case wanted && t.agreed[[2]byte{verb, option}]:
		return nil
	case wanted && verb == cmdWILL:
		t.agreed[[2]byte{verb, option}] = true
		return []byte{cmdIAC, cmdDO, option}
	case wanted:
		t.agreed[[2]byte{verb, option}] = true
		agree := []byte{cmdIAC, cmdWILL, option}
		if option == optWindowSize {
			agree = append(agree, cmdIAC, cmdSB, optWindowSize, 500>>8, 500&0xff, 0, 50, cmdIAC, cmdSE)
		}
		return agree
	case verb == cmdDO:
		return []byte{cmdIAC, cmdWONT, option}
	case verb == cmdWILL:
		return []byte{cmdIAC, cmdDONT, option}
	}
	return nil // WONT and DONT end what was agreed, or confirm our refusal: nothing to say
}

// Write sends text: a byte that would be a command is doubled, and a carriage return never stands alone.
func (t *terminal) Write(p []byte) (int, error) {
	wire := make([]byte, 0, len(p)+2)
	defer func() { clear(wire) }()
	for i, c := range p {
		wire = append(wire, c)
		switch {
		case c == cmdIAC:
			wire = append(wire, cmdIAC)
		case c == '\r' && (i+1 == len(p) || p[i+1] != '\n'):
			wire = append(wire, 0)
		}
	}
	if _, err := t.conn.Write(wire); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Cut breaks the connection.
func (t *terminal) Cut() {
	if t.cut.CompareAndSwap(false, true) {
		_ = t.conn.Close()
	}
}

// Close cuts, as there is no session under a line, and waits for the end of the output.
func (t *terminal) Close(error) {
	t.untie()
	t.Cut()
	<-t.done
}
