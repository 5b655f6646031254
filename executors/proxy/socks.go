package proxy

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strconv"

	"cofre/executors"
)

// answers are what a SOCKS5 server says instead of 0.
var answers = map[byte]string{
	1: "it failed", 2: "its rules do not allow the connection", 3: "it cannot reach the network", 4: "it cannot reach the host", 5: "the host refused the connection",
	6: "the connection took too long", 7: "it knows no such command", 8: "it knows no such kind of address",
}

// socks asks a SOCKS5 server for a connection. Names are resolved by it.
func socks(c net.Conn, address, user string, password []byte) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	const nobody, byPassword, none = 0, 2, 0xff
	way := byte(nobody)
	if len(password) > 0 {
		way = byPassword
	}
	answer := make([]byte, 2)
	if err := exchange(c, []byte{5, 1, way}, answer); err != nil {
		return executors.Spare(err) // the login comes after it
	}
	switch {
	case answer[0] != 5:
		return said(executors.ClassProtocol, "it does not speak SOCKS5")
	case answer[1] == none || answer[1] != way:
		return said(executors.ClassRefused, "it demands another kind of login")
	}
	if way == byPassword {
		if len(user) == 0 || len(user) > 255 || len(password) > 255 {
			return said(executors.ClassTemplate, "a login to SOCKS5 has between 1 and 255 bytes of name and of password")
		}
		ask := append([]byte{1, byte(len(user))}, user...)
		ask = append(append(ask, byte(len(password))), password...)
		defer clear(ask)
		if err := exchange(c, ask, answer); err != nil {
			return err
		}
		if answer[1] != 0 {
			return noEntry(user)
		}
	}
	ask := []byte{5, 1, 0}
	switch a, err := netip.ParseAddr(host); {
	case err == nil && a.Unmap().Is4():
		ask = append(append(ask, 1), a.Unmap().AsSlice()...)
	case err == nil:
		ask = append(append(ask, 4), a.AsSlice()...)
	case len(host) > 255:
		return said(executors.ClassTemplate, "the host name is too long")
	default:
		ask = append(append(ask, 3, byte(len(host))), host...)
	}
	head := make([]byte, 5)
	if err := exchange(c, binary.BigEndian.AppendUint16(ask, uint16(n)), head); err != nil {
		return err
	}
	if head[1] != 0 {
		if text, ok := answers[head[1]]; ok {
			return said(executors.ClassNetwork, text)
		}
		return said(executors.ClassProtocol, "it gave an answer that is not known")
	}
	rest := map[byte]int{1: 4, 3: 1 + int(head[4]), 4: 16}[head[3]] - 1 + 2
	if rest < 2 {
		return said(executors.ClassProtocol, "it gave an answer that is not known")
	}
	_, err = io.ReadFull(c, make([]byte, rest))
	return err
}

func exchange(c net.Conn, ask, answer []byte) error {
	if _, err := c.Write(ask); err != nil {
		return err
	}
	_, err := io.ReadFull(c, answer)
	return err
}
