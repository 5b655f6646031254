package telnet

import (
	"bytes"
	"io"
	"net"
	"testing"

	"cofre/executors/dialogue"
)

// TestNegotiation: commands are answered by the rules and never become text, however they are cut into pieces.
func TestNegotiation(t *testing.T) {
	t.Parallel()
	const iac, sb, se, will, wont, do, dont = cmdIAC, cmdSB, cmdSE, cmdWILL, cmdWONT, cmdDO, cmdDONT
	for _, c := range []struct {
		name      string
		in        []byte
		text, out string
	}{
		{"text", []byte("login: "), "login: ", ""},
		{"echo is refused", []byte{iac, will, 1, 'a'}, "a", string([]byte{iac, dont, 1})},
		{"unknown options are refused", []byte{'a', iac, do, 200, 'b', iac, will, 201}, "ab", string([]byte{iac, wont, 200, iac, dont, 201})},
		{"go-ahead may go", []byte{iac, will, 3, iac, do, 3}, "", string([]byte{iac, do, 3, iac, will, 3})},
		{"agreed once", []byte{iac, will, 3, iac, will, 3}, "", string([]byte{iac, do, 3})},
		{"endings need no answer", []byte{iac, wont, 1, iac, dont, 24}, "", ""},
		{"terminal type", []byte{iac, do, 24, iac, sb, 24, 1, iac, se}, "", string([]byte{iac, will, 24, iac, sb, 24, 0, 'd', 'u', 'm', 'b', iac, se})},
		{"window size", []byte{iac, do, 31}, "", string([]byte{iac, will, 31, iac, sb, 31, 1, 244, 0, 50, iac, se})},
		{"a doubled escape is text", []byte{'a', iac, iac, 'b'}, "a\xffb", ""},
		{"an escape inside an option", []byte{iac, sb, 99, iac, iac, 'x', iac, se, 'y'}, "y", ""},
		{"signals are dropped", []byte{'a', iac, 241, iac, 249, 'b'}, "ab", ""},
		{"NUL after a return", []byte("a\r\x00b"), "a\rb", ""},
	} {
		for size := 1; size <= len(c.in); size++ {
			term := &terminal{agreed: map[[2]byte]bool{}}
			var text, out []byte
			for rest := c.in; len(rest) > 0; {
				n := min(size, len(rest))
				more, reply, err := term.parse(append(term.rest, rest[:n]...))
				if err != nil {
					t.Fatal(err)
				}
				text, out, rest = append(text, more...), append(out, reply...), rest[n:]
			}
			if string(text) != c.text || string(out) != c.out {
				t.Errorf("%s in pieces of %d: text %q, answer %v", c.name, size, text, out)
			}
		}
	}
}

// TestTargetThatNegotiatesForEver is cut off.
func TestTargetThatNegotiatesForEver(t *testing.T) {
	t.Parallel()
	for name, babble := range map[string][]byte{"options": {cmdIAC, cmdDO, 99}, "one endless option": bytes.Repeat([]byte{cmdIAC, cmdSB, 99}, 50)} {
		ours, theirs := net.Pipe()
		out := dialogue.NewStream(nil)
		term := newTerminal(t.Context(), ours, out)
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		for err := error(nil); err == nil; {
			_, err = theirs.Write(babble)
		}
		term.Close(nil)
		if e, err := out.Settled(t.Context(), 0); err != nil || !e.Ended {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

func TestWriteEscapes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a\xffb\r\n": "a\xff\xffb\r\n", "a\r": "a\r\x00", "a\rb\n": "a\r\x00b\n"} {
		ours, theirs := net.Pipe()
		term := &terminal{conn: ours}
		go func() {
			_, _ = term.Write([]byte(in))
			_ = ours.Close()
		}()
		if got, err := io.ReadAll(theirs); string(got) != want || err != nil {
			t.Errorf("%q became %q, %v", in, got, err)
		}
	}
}

// FuzzParse: nothing that a target sends makes the parser panic or keep more than one option.
func FuzzParse(f *testing.F) {
	f.Add([]byte("login: \xff\xfb\x01\xff\xfa\x18\x01\xff\xf0x"), 3)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		term := &terminal{agreed: map[[2]byte]bool{}}
		for rest := in; len(rest) > 0; {
			n := min(max(size, 1), len(rest))
			if _, _, err := term.parse(append(term.rest, rest[:n]...)); err != nil {
				return
			}
			if rest = rest[n:]; len(term.rest) > maxOption {
				t.Fatalf("keeps %d bytes", len(term.rest))
			}
		}
	})
}
