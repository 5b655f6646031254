package practice

import (
	"strings"

	"golang.org/x/crypto/ssh"
)

// maxLine is the longest line of a terminal in line mode; what is longer is cut, as the kernel does.
const maxLine = 4095

// terminal is the line discipline between channel and shell.
type terminal struct {
	channel ssh.Channel
	echo    bool
	pending []byte // read and not yet used
	buf     [512]byte
}

func (t *terminal) say(text string) {
	_, _ = t.channel.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n"))) // a lost channel shows at the next read
}

// ask writes a prompt and reads a line; false at the end of input. A hidden line is never echoed.
func (t *terminal) ask(prompt string, hidden bool) (string, bool) {
	t.say(prompt)
	var line []byte
	for {
		c, ok := t.next()
		if !ok {
			return "", false
		}
		switch {
		case c == '\r' || c == '\n':
			if hidden || t.echo {
				t.say("\n")
			}
			return string(line), true
		case c == 3: // interrupt
			t.say("^C\n" + prompt)
			line = nil
			continue
		case c == 4: // end of file, on an empty line only
			if len(line) == 0 {
				return "", false
			}
			continue
		case c == '\b' || c == 0x7f:
			if len(line) > 0 {
				line = line[:len(line)-1]
			}
			continue
		case len(line) < maxLine:
			line = append(line, c)
		}
		if t.echo && !hidden {
			_, _ = t.channel.Write([]byte{c})
		}
	}
}

// next reads one byte.
func (t *terminal) next() (byte, bool) {
	if len(t.pending) == 0 {
		n, _ := t.channel.Read(t.buf[:])
		if n == 0 {
			return 0, false
		}
		t.pending = t.buf[:n]
	}
	c := t.pending[0]
	t.pending = t.pending[1:]
	return c, true
}
