package oracle_test

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// reader takes a message apart. What is not there reads as zero.
type reader []byte

func (r *reader) bytes(n int) []byte {
	n = min(n, len(*r))
	b := (*r)[:n]
	*r = (*r)[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

// int reads a number that says how many bytes it has.
func (r *reader) int() int {
	n := 0
	for _, b := range r.bytes(int(r.byte())) {
		n = n<<8 | int(b)
	}
	return n
}

// text reads bytes with their length, in pieces if they are many.
func (r *reader) text() string {
	n := int(r.byte())
	if n != 0xfe {
		return string(r.bytes(n))
	}
	var all []byte
	for n = r.int(); n > 0; n = r.int() {
		all = append(all, r.bytes(n)...)
	}
	return string(all)
}

// pairs reads keys and values.
func (r *reader) pairs(n int) map[string]string {
	all := map[string]string{}
	for range n {
		var part [2]string
		for i := range part {
			if r.int() > 0 {
				part[i] = r.text()
			}
		}
		r.int() // flags
		all[part[0]] = part[1]
	}
	return all
}

func number(to []byte, n int) []byte {
	b := bytes.TrimLeft(binary.BigEndian.AppendUint64(nil, uint64(n)), "\x00")
	return append(append(to, byte(len(b))), b...)
}

func text(to []byte, s string) []byte {
	if len(s) < 0xfd {
		return append(append(to, byte(len(s))), s...)
	}
	to = append(number(append(to, 0xfe), len(s)), s...)
	return append(to, 0)
}

// pair writes a key and a value.
func pair(to []byte, key, value string, flags int) []byte {
	for _, s := range []string{key, value} {
		if to = number(to, len(s)); s != "" {
			to = text(to, s)
		}
	}
	return number(to, flags)
}

// summary ends an answer: with an error if there is one.
func summary(to []byte, f *fault) []byte {
	n := 0
	if f != nil {
		n = f.number
	}
	to = append(to, 4)
	for _, field := range []int{1, 0, n, 0, 0, 1, 0} { // end of call, row, error, array errors, cursor, position
		to = number(to, field)
	}
	to = append(to, 0, 0, 0, 0, 0, 0)    // kind, fatal, flags, options, parameter, warning
	to = append(to, make([]byte, 10)...) // row address, statement, call, iterations
	to = append(to, 0)                   // no row identifier
	to = append(to, 0, 0, 0)             // no errors of rows
	to = number(number(to, n), 0)
	if f != nil {
		to = text(to, f.text)
	}
	return to
}

// services answers the negotiation of native services: there are none, so that nothing is encrypted and nobody is known by them.
func services(message reader) ([]byte, error) {
	if binary.BigEndian.Uint32(message.bytes(4)) != 0xdeadbeef {
		return nil, errors.New("no negotiation of services")
	}
	version := []byte{0, 4, 0, 5, 0x13, 0, 0, 0}
	none := []byte{0, 1, 0, 2, 0}
	all := bytes.Join([][]byte{
		{0, 4, 0, 3, 0, 0, 0, 0}, version, {0, 2, 0, 6, 0, 31}, {0, 12, 0, 1, 0xde, 0xad, 0xbe, 0xef, 0, 3, 0, 0, 0, 1, 0, 4}, // supervisor
		{0, 1, 0, 2, 0, 0, 0, 0}, version, {0, 2, 0, 6, 0xfb, 0xff}, // authentication
		{0, 2, 0, 2, 0, 0, 0, 0}, version, none, // encryption
		{0, 3, 0, 2, 0, 0, 0, 0}, version, none, // integrity
	}, nil)
	head := binary.BigEndian.AppendUint16([]byte{0xde, 0xad, 0xbe, 0xef}, uint16(len(all)+13))
	return append(append(head, 0x13, 0, 0, 0, 0, 4, 0), all...), nil
}

// protocol says who the server is: its character sets, and what its release can do.
func protocol() []byte {
	b := append([]byte{1, 6, 0}, "x86_64/Linux 2.4.xx\x00"...)
	b = append(b, 0x69, 3, 1, 0, 0) // AL32UTF8
	b = append(b, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0xd0)
	able := make([]byte, 42)
	able[4], able[7], able[15], able[27], able[37] = 0x22, 11, 1, 1, 0x20 // logon of release 12, TTC 11, end of call, wide types, big pieces
	return append(append(append(b, byte(len(able))), able...), 7, 2, 1, 0, 0, 0, 0, 4)
}

// types answers the negotiation of data types: the zone of the server's clock, and no type that it writes in its own way.
func types() []byte {
	return []byte{2, 0x80, 0, 0, 0, 60, 60, 60, 0x80, 0, 0, 0, 0, 0, 0, 32, 0, 0}
}

// serve speaks with one client, logged in or not.
func (d *double) serve(l *line) error {
	steps := []func(reader) ([]byte, error){
		services,
		func(m reader) ([]byte, error) { return protocol(), expect(m, 1, 6) },
		func(m reader) ([]byte, error) { return types(), expect(m, 2) },
	}
	for i, step := range steps {
		message, err := l.ask()
		if err != nil {
			return err
		}
		reply, err := step(message)
		if err != nil {
			return err
		}
		if d.short && i == 1 {
			reply = append(reply[:28:28], make([]byte, 60)...) // every length is 0
		}
		if err := l.answer(reply); err != nil {
			return err
		}
	}
	who, err := d.logon(l)
	if err != nil {
		return err
	}
	leave := d.enter(who, l.Conn)
	defer leave()
	for {
		message, err := l.ask()
		if err != nil {
			return err
		}
		if err := d.call(l, who, message); err != nil {
			return err
		}
	}
}

func expect(m reader, head ...byte) error {
	if !bytes.HasPrefix(m, head) {
		return errors.New("another message was due")
	}
	return nil
}

// call answers one call of a client that is logged in.
func (d *double) call(l *line, who string, m reader) error {
	m.byte()
	switch m.byte() {
	case 0x3b: // the server's version
		return l.answer(append(number(text(number([]byte{8}, 6), "Double"), 0x13000000), 9, 1, 1))
	case 0x09: // log off
		return l.answer([]byte{9, 1, 1})
	case 0x5e: // run a statement
	default:
		return errors.New("an unknown call")
	}
	m.byte() // sequence
	m.int()  // options
	m.int()  // cursor
	m.byte()
	m.int() // length of the text
	m.byte()
	m.int() // of the numbers that follow the text
	m.bytes(2)
	m.byte() // rows that come at once
	m.int()
	m.int()  // largest object
	m.byte() // binds
	m.int()
	m.bytes(5)
	m.byte() // defines
	m.int()
	m.bytes(18) // of newer releases
	sql := m.text()
	if names, ok := d.list(who, sql); ok {
		return l.rows(names)
	}
	f := d.run(who, sql)
	if f != nil {
		return l.fault(summary(nil, f))
	}
	return l.answer(summary([]byte{8, 0, 0, 0, 0, 0, 0}, nil))
}

// rows answers a query with one column of text, a few rows at a time: the client asks for more until there are none.
func (l *line) rows(values []string) error {
	b := number(number([]byte{16, 0}, 128), 1)
	b = append(b, 0, 1, 0, 0, 0) // text
	b = append(number(b, 128), 0, 0, 0, 0)
	b = append(number(b, 873), 1)
	b = append(number(b, 128), 0, 0, 0)
	b = text(number(b, 8), "USERNAME")
	b = append(b, 0, 0, 0, 0)         // schema, type, position, flags
	b = append(b, make([]byte, 6)...) // when it was described
	for more := true; more; {
		n := min(len(values), 3)
		b = append(number(number(append(b, 6, 0), 1), 0), number(nil, n)...)
		b = append(b, 0, 0, 0)
		for _, v := range values[:n] {
			b = text(append(b, 7), v)
		}
		values = values[n:]
		var end *fault
		if more = len(values) > 0; !more {
			end = no(1403, "no data found")
		}
		if err := l.answer(summary(b, end)); err != nil {
			return err
		}
		if more {
			m, err := l.ask()
			if err != nil || expect(m, 3, 5) != nil {
				return errors.Join(err, errors.New("the client asks for no more rows"))
			}
			b = nil
		}
	}
	return nil
}
