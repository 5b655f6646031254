package sqlserver

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
)

// browserProtocol is where a device lists the UDP port of SQL Server Browser, which tells the TCP port of each instance
// (MC-SQLR). Nobody vouches for its answer: it is a port of the same device, where TLS proves the server.
const browserProtocol = "SQL-BROWSER"

// DefaultInstance is the name of an instance without one.
const DefaultInstance = "MSSQLSERVER"

// askEvery is how long an answer is waited for before the question goes out again: datagrams get lost.
const askEvery = time.Second

// instanceName is the form of the names that a server gives to its instances.
var instanceName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$#-]{0,31}$`)

// locate asks SQL Server Browser for the TCP port of the instance that ADD_INFO names; without a name of the only one there is, or
// of the default one.
func locate(ctx context.Context, s executors.Session) (uint16, error) {
	info, err := s.Resolve.Optional(mask.AddInfo)
	if err != nil {
		return 0, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AddInfo, err))
	}
	var name string
	_ = info.Reveal(func(b []byte) error { name = string(b); return nil })
	question := []byte{3} // CLNT_UCAST_EX: which are there?
	switch {
	case name == "":
	case !instanceName.MatchString(name):
		return 0, &executors.Failure{Class: executors.ClassTemplate, Msg: mask.AddInfo.String() + " names the instance of a device that lists " + browserProtocol + ", and this is no name of one"}
	default:
		question = append(append([]byte{4}, name...), 0) // CLNT_UCAST_INST: where is that one?
	}
	answer, err := askBrowser(ctx, s, question)
	if err != nil {
		return 0, err
	}
	ports, err := instances(answer)
	if err != nil {
		return 0, err
	}
	return choose(ports, name)
}

// askBrowser sends a question until an answer comes.
func askBrowser(ctx context.Context, s executors.Session, question []byte) ([]byte, error) {
	c, err := s.Dial(ctx, "udp", s.Address(1434))
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // nothing is written that counts
	answer := make([]byte, 64<<10)
	for {
		if err := ctx.Err(); err != nil {
			return nil, silent()
		}
		end, _ := ctx.Deadline()
		if next := time.Now().Add(askEvery); end.IsZero() || next.Before(end) {
			end = next
		}
		if err := c.SetDeadline(end); err != nil {
			return nil, err
		}
		if _, err = c.Write(question); err == nil {
			var n int
			if n, err = c.Read(answer); err == nil {
				return answer[:n], nil
			}
		}
		if timeout := net.Error(nil); !errors.As(err, &timeout) || !timeout.Timeout() {
			return nil, silent() // the port is closed
		}
	}
}

func silent() error {
	return &executors.Failure{Class: executors.ClassNetwork, Msg: "SQL Server Browser does not answer: it does not run, UDP is blocked, or there is no such instance"}
}

func strange() error {
	return &executors.Failure{Class: executors.ClassProtocol, Msg: "the answer of SQL Server Browser cannot be read"}
}

// instances reads an answer: the TCP port by the name of each instance, in upper case; 0: it takes no TCP.
func instances(answer []byte) (map[string]uint16, error) {
	if len(answer) < 3 || answer[0] != 5 || int(binary.LittleEndian.Uint16(answer[1:])) != len(answer)-3 {
		return nil, strange()
	}
	ports := map[string]uint16{}
	for one := range strings.SplitSeq(strings.TrimSuffix(string(answer[3:]), ";;"), ";;") {
		facts := map[string]string{}
		for words := range slices.Chunk(strings.Split(one, ";"), 2) {
			if len(words) == 2 {
				facts[strings.ToLower(words[0])] = words[1]
			}
		}
		name := strings.ToUpper(facts["instancename"])
		port, err := strconv.ParseUint(cmp.Or(facts["tcp"], "0"), 10, 16)
		if !instanceName.MatchString(name) || err != nil {
			return nil, strange()
		}
		ports[name] = uint16(port)
	}
	return ports, nil
}

func choose(ports map[string]uint16, name string) (uint16, error) {
	if name == "" && len(ports) == 1 {
		for name = range ports { // the only one
		}
	}
	port, ok := ports[strings.ToUpper(cmp.Or(name, DefaultInstance))]
	switch {
	case !ok && name == "":
		return 0, &executors.Failure{Class: executors.ClassTemplate, Msg: "the device has several instances and no default one: " + mask.AddInfo.String() + " names the one that is meant"}
	case !ok:
		return 0, strange()
	case port == 0:
		return 0, &executors.Failure{Class: executors.ClassNetwork, Msg: "the instance takes no connections over TCP"}
	}
	return port, nil
}
