package winrm

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/masterzen/winrm/soap"

	"cofre/executors"
)

const (
	shellSpace = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
	transfer   = "http://schemas.xmlsoap.org/ws/2004/09/transfer/"
	envelope   = 153600           // what the service takes in one message
	chunk      = 64 << 10         // of standard input in one message
	poll       = 15 * time.Second // how long the service holds a question for output
	maxOutput  = 64 << 10
	timedOut   = "2150858793" // the service's code for "no output yet"
)

// message begins a message to the service. Texts in it are not escaped by the library.
func (c *client) message(action, shell string, options ...*soap.HeaderOption) *soap.SoapMessage {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	m := soap.NewMessage()
	h := m.Header().To(escapeXML(c.url.String())).ReplyTo("http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous").MaxEnvelopeSize(envelope).
		Id(fmt.Sprintf("uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])).Locale("en-US").Timeout(fmt.Sprintf("PT%dS", int(poll.Seconds()))).
		Action(action).ResourceURI(shellSpace + "/cmd")
	if shell != "" {
		h.ShellId(shell)
	}
	for _, o := range options {
		h.AddOption(o)
	}
	return h.Build()
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes every write
	return b.String()
}

// reply is every answer that means something to us; only the local names of elements count.
type reply struct {
	Fault    *fault `xml:"Body>Fault"`
	Shell    string `xml:"Body>Shell>ShellId"`
	Selector []struct {
		Name string `xml:"Name,attr"`
		Text string `xml:",chardata"`
	} `xml:"Body>ResourceCreated>ReferenceParameters>SelectorSet>Selector"`
	Command string `xml:"Body>CommandResponse>CommandId"`
	Streams []struct {
		Name string `xml:"Name,attr"`
		Text string `xml:",chardata"`
	} `xml:"Body>ReceiveResponse>Stream"`
	State struct {
		State string `xml:"State,attr"`
		Exit  *int   `xml:"ExitCode"`
	} `xml:"Body>ReceiveResponse>CommandState"`
}

// fault is an answer that refuses a message.
type fault struct {
	Reason string `xml:"Reason>Text"`
	Detail struct {
		Code string `xml:"Code,attr"`
	} `xml:"Detail>WSManFault"`
}

func (f *fault) text() string {
	switch {
	case f == nil:
		return "no reason given"
	case f.Detail.Code == "":
		return strings.TrimSpace(f.Reason)
	}
	return strings.TrimSpace(f.Reason) + " (code " + f.Detail.Code + ")"
}

func faultOf(body []byte) *fault {
	var r reply
	if xml.Unmarshal(body, &r) != nil {
		return nil
	}
	return r.Fault
}

// refused is a fault.
type refused struct {
	*executors.Failure
	code string
}

// Unwrap gives the failure.
func (e *refused) Unwrap() error { return e.Failure }

// ask sends a message and reads the answer.
func (c *client) ask(ctx context.Context, m *soap.SoapMessage) (r reply, err error) {
	a, err := c.post(ctx, []byte(m.String()), c.basic)
	if err != nil {
		return r, err
	}
	if a.status == http.StatusUnauthorized {
		return r, errWrong
	}
	err = xml.Unmarshal(a.body, &r)
	switch {
	case err == nil && r.Fault != nil:
		return r, &refused{&executors.Failure{Class: executors.ClassProtocol, Msg: c.red.Text("the service refuses: " + r.Fault.text())}, r.Fault.Detail.Code}
	case a.status != http.StatusOK:
		return r, c.unexpected("a message", a, false)
	case err != nil:
		return r, &executors.Failure{Class: executors.ClassProtocol, Msg: "the service's answer is no XML"}
	}
	return r, nil
}

var identifier = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

var errIdentifier = &executors.Failure{Class: executors.ClassProtocol, Msg: "the service's answer holds no identifier"}

// createShell opens a shell, which holds commands.
func (c *client) createShell(ctx context.Context) (string, error) {
	m := c.message(transfer+"Create", "", soap.NewHeaderOption("WINRS_NOPROFILE", "TRUE"), soap.NewHeaderOption("WINRS_CODEPAGE", "65001"))
	body := m.CreateBodyElement("Shell", soap.DOM_NS_WIN_SHELL)
	m.CreateElement(body, "InputStreams", soap.DOM_NS_WIN_SHELL).SetContent("stdin")
	m.CreateElement(body, "OutputStreams", soap.DOM_NS_WIN_SHELL).SetContent("stdout stderr")
	r, err := c.ask(ctx, m)
	if err != nil {
		return "", err
	}
	for _, s := range r.Selector {
		if s.Name == "ShellId" {
			r.Shell = s.Text
		}
	}
	if !identifier.MatchString(r.Shell) {
		return "", errIdentifier
	}
	return r.Shell, nil
}

// deleteShell ends a shell with what runs in it. Whether it does makes no difference to the outcome.
func (c *client) deleteShell(shell string) {
	if c.lost {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	m := c.message(transfer+"Delete", shell)
	m.NewBody()
	_, _ = c.post(ctx, []byte(m.String()), c.basic)
}

// start begins a command line, which goes through the command interpreter. Its standard input is a pipe.
func (c *client) start(ctx context.Context, shell, line string) (string, error) {
	m := c.message(shellSpace+"/Command", shell, soap.NewHeaderOption("WINRS_CONSOLEMODE_STDIN", "FALSE"), soap.NewHeaderOption("WINRS_SKIP_CMD_SHELL", "FALSE"))
	body := m.CreateBodyElement("CommandLine", soap.DOM_NS_WIN_SHELL)
	m.CreateElement(body, "Command", soap.DOM_NS_WIN_SHELL).SetContent(escapeXML(line))
	r, err := c.ask(ctx, m)
	if err == nil && !identifier.MatchString(r.Command) {
		err = errIdentifier
	}
	return r.Command, err
}

// send writes the whole standard input of a command.
func (c *client) send(ctx context.Context, shell, command string, input []byte) error {
	for last := false; !last; {
		part := input[:min(len(input), chunk)]
		input = input[len(part):]
		last = len(input) == 0
		m := c.message(shellSpace+"/Send", shell)
		body := m.CreateBodyElement("Send", soap.DOM_NS_WIN_SHELL)
		stream := m.CreateElement(body, "Stream", soap.DOM_NS_WIN_SHELL)
		stream.SetAttr("Name", "stdin")
		stream.SetAttr("CommandId", command)
		stream.SetContent(base64.StdEncoding.EncodeToString(part))
		if last {
			stream.SetAttr("End", "true")
		}
		if _, err := c.ask(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// result is how a command ended.
type result struct {
	exit int
	out  []byte // standard output and error
}

// wait reads the output of a command until it ends, and keeps so many bytes of it.
func (c *client) wait(ctx context.Context, shell, command string, most int) (res result, err error) {
	for {
		m := c.message(shellSpace+"/Receive", shell)
		body := m.CreateBodyElement("Receive", soap.DOM_NS_WIN_SHELL)
		streams := m.CreateElement(body, "DesiredStream", soap.DOM_NS_WIN_SHELL)
		streams.SetAttr("CommandId", command)
		streams.SetContent("stdout stderr")
		r, err := c.ask(ctx, m)
		var no *refused
		if errors.As(err, &no) && no.code == timedOut {
			continue
		}
		if err != nil {
			return res, err
		}
		for _, s := range r.Streams {
			part, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s.Text))
			if err != nil {
				return res, &executors.Failure{Class: executors.ClassProtocol, Msg: "the service's answer holds output that is no base64"}
			}
			res.out = append(res.out, part[:min(len(part), most-len(res.out))]...)
		}
		if strings.HasSuffix(r.State.State, "/CommandState/Done") {
			if r.State.Exit == nil {
				return res, &executors.Failure{Class: executors.ClassProtocol, Msg: "the command ended without an exit code"}
			}
			res.exit, res.out = *r.State.Exit, bytes.TrimSpace(res.out)
			return res, nil
		}
	}
}
