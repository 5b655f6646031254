package proxy

import (
	"bytes"
	"encoding/base64"
	"net"
	"strings"

	"cofre/executors"
)

// maxHead is the longest answer that is read.
const maxHead = 16 << 10

// connect asks an HTTP proxy for a connection. What follows its answer is the target's, so that not a byte more is read.
func connect(c net.Conn, address, user string, password []byte) error {
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f }) || strings.Contains(user, ":") {
		return said(executors.ClassTemplate, "neither an address with blanks nor a user name with a colon fits HTTP")
	}
	var b bytes.Buffer
	b.WriteString("CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n")
	if len(password) > 0 {
		pair := append([]byte(user+":"), password...)
		b.WriteString("Proxy-Authorization: Basic ")
		b.Write(base64.StdEncoding.AppendEncode(nil, pair))
		b.WriteString("\r\n")
		clear(pair)
	}
	b.WriteString("\r\n")
	defer func() { clear(b.Bytes()) }()
	ask := b.Bytes()
	if _, err := c.Write(ask); err != nil {
		return err
	}
	var head []byte
	for one := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, one[0]) {
		if len(head) == maxHead {
			return said(executors.ClassProtocol, "its answer is too long")
		}
		if _, err := c.Read(one); err != nil {
			return err
		}
	}
	version, status, _ := strings.Cut(string(head), " ")
	if status, _, _ = strings.Cut(status, "\r\n"); !strings.HasPrefix(version, "HTTP/1.") || len(status) < 3 {
		return said(executors.ClassProtocol, "it does not speak HTTP")
	}
	switch code := status[:3]; {
	case code[0] == '2':
		return nil
	case (code == "407" || code == "401") && len(password) > 0: // tinyproxy says 401 to a wrong password
		return noEntry(user)
	case code == "407":
		return said(executors.ClassRefused, "it demands a login")
	case code == "403" || code == "405":
		return said(executors.ClassRefused, "its rules do not allow the connection: status "+code)
	default:
		return said(executors.ClassNetwork, "it cannot connect onwards: status "+code)
	}
}
