package siem

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"cofre/fsm/audit"
)

// MailConfig is a receiver of results by e-mail. What happens within the interval goes into one message.
type MailConfig struct {
	// Name is for people and names the cursor file; it must not change.
	Name string `yaml:"name"`
	// Address is host:port of the mail server.
	Address string `yaml:"address"`
	// Transport is starttls (default), tls, or plain, which needs plaintext: true. The certificate is always verified.
	Transport string `yaml:"transport"`
	// CA is a file of PEM certificates that sign the server's; empty: the system's.
	CA string `yaml:"ca"`
	// ServerName is the name in the server's certificate; empty: the host of Address.
	ServerName string `yaml:"server_name"`
	// User and PasswordFile log in; empty: the server takes mail without.
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"`
	// From and To are addresses.
	From string   `yaml:"from"`
	To   []string `yaml:"to"`
	// Every is the least time between two messages. Default 1m.
	Every time.Duration `yaml:"every"`
	// Plaintext says that names and addresses may lie readable in mailboxes; without it they are left out.
	Plaintext bool `yaml:"plaintext"`
	Wanted    `yaml:",inline"`
}

func (c MailConfig) validate() (errs []error) {
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("audit mail "+c.Name+": "+format, args...))
	}
	_, port, err := net.SplitHostPort(c.Address)
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 1 || n > 65535 {
		bad("address is host:port, such as mail.example.org:587")
	}
	switch c.Transport {
	case "starttls", "tls":
	case "plain":
		if !c.Plaintext {
			bad("plain carries mail readable over the network; use starttls, or say plaintext: true if that is wanted")
		}
		if c.User+c.PasswordFile+c.CA+c.ServerName != "" {
			bad("user, password_file, ca and server_name are for starttls and tls")
		}
	default:
		bad("transport is starttls, tls or plain, not %q", c.Transport)
	}
	if (c.User == "") != (c.PasswordFile == "") {
		bad("user and password_file belong together")
	}
	if len(c.To) == 0 {
		bad("to is missing")
	}
	for _, a := range append([]string{c.From}, c.To...) {
		if _, err := mail.ParseAddress(a); err != nil {
			bad("%q is not a mail address", a)
		}
	}
	if c.Every < time.Second || c.Every > 24*time.Hour {
		bad("every is 1s to 24h, not %s", c.Every)
	}
	for _, err := range c.Wanted.validate() {
		bad("%w", err)
	}
	return errs
}

func (c MailConfig) about() string {
	s := fmt.Sprintf("mail by %s over %s to %s", c.Address, c.Transport, strings.Join(c.To, ", "))
	if c.Plaintext {
		s += ", PLAINTEXT names and addresses"
	}
	return s
}

// mailBatch is the greatest number of events in one message.
const mailBatch = 4096

// mailer sends a batch as one message to each address.
type mailer struct {
	cfg     MailConfig
	o       Options
	timeout time.Duration
	had     map[string]string // the message that an address took last, by its id: it does not get it again
	note    func(string)
}

func newMailer(c MailConfig, o Options, timeout time.Duration) (*results, error) {
	m := &mailer{cfg: c, o: o, timeout: timeout, had: map[string]string{}}
	if _, err := m.client(); err != nil {
		return nil, err
	}
	r := newResults(m.deliver, func() {})
	m.note = func(text string) { r.note(text) }
	return r, nil
}

// client is made for each message: certificates and passwords are renewed in place.
func (m *mailer) client() (*gomail.Client, error) {
	host, port, err := net.SplitHostPort(m.cfg.Address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if m.cfg.ServerName != "" {
		cfg.ServerName = m.cfg.ServerName
	}
	if m.cfg.CA != "" {
		if cfg.RootCAs, err = authorities(m.cfg.CA); err != nil {
			return nil, err
		}
	}
	dial := m.o.dialer(host)
	options := []gomail.Option{gomail.WithPort(number), gomail.WithTimeout(m.timeout), gomail.WithTLSConfig(cfg), gomail.WithTLSPolicy(gomail.TLSMandatory)}
	connect, login := dial.DialContext, gomail.SMTPAuthAutoDiscover
	switch m.cfg.Transport {
	case "tls":
		options = append(options, gomail.WithSSL())
		login = gomail.SMTPAuthPlain // the library does not discover over a connection that is encrypted already
		connect = (&tls.Dialer{NetDialer: dial, Config: cfg}).DialContext
	case "plain":
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	options = append(options, gomail.WithDialContextFunc(connect))
	if m.cfg.User != "" {
		password, err := secretFile(m.cfg.PasswordFile)
		if err != nil {
			return nil, err
		}
		options = append(options, gomail.WithSMTPAuth(login), gomail.WithUsername(m.cfg.User), gomail.WithPassword(password[0]))
	}
	return gomail.NewClient(host, options...)
}

// deliver sends the batch to each address on its own. One that the server refuses for good does not keep it from the others: the status
// says so. Everything else is tried again, without those who had it.
func (m *mailer) deliver(ctx context.Context, events []audit.Event) (int, error) {
	var messages []*gomail.Msg
	var to []string
	for _, a := range m.cfg.To {
		if m.had[a] != messageID(events) {
			msg, err := m.message(events, a)
			if err != nil {
				return 0, err
			}
			messages, to = append(messages, msg), append(to, a)
		}
	}
	c, err := m.client()
	if err != nil {
		return 0, err
	}
	sent := c.DialAndSendWithContext(ctx, messages...)
	var refused []string
	var last, again error
	for i, msg := range messages {
		switch err := msg.SendError(); {
		case msg.IsDelivered():
			m.had[to[i]] = messageID(events)
		case forGood(err):
			refused, last = append(refused, to[i]), err
		case err != nil:
			again = fmt.Errorf("send mail to %s: %w", to[i], err)
		default:
			again = fmt.Errorf("send mail: %w", sent)
		}
	}
	if again != nil {
		return 0, again
	}
	switch {
	case len(refused) == len(m.cfg.To):
		return 0, refusal{fmt.Errorf("send mail: %w", last)}
	case len(refused) > 0:
		m.note(fmt.Sprintf("the server refuses mail to %s: %v", strings.Join(refused, ", "), last))
	default:
		m.note("")
	}
	return len(events), nil
}

// forGood tells that the server says no, and will say it again.
func forGood(err error) bool {
	no := (*gomail.SendError)(nil)
	return errors.As(err, &no) && no.ErrorCode() >= 500
}

// messageID is the same for the same events.
func messageID(events []audit.Event) string {
	return fmt.Sprintf("%s.%d", eventID(&events[0]), len(events))
}

// message is the same for the same events, but for its date. Values of events stand in the body only, each event on one
// line.
func (m *mailer) message(events []audit.Event, to string) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.From(m.cfg.From); err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	if err := msg.To(to); err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	least := audit.Public
	if m.cfg.Plaintext {
		least = audit.Sensitive
	}
	var body strings.Builder
	bad := 0
	for i := range events {
		e := &events[i]
		if outcome(e) == failed || e.Severity <= audit.Error {
			bad++
		}
		body.WriteString(e.At.Std().Format(time.RFC3339) + " ")
		body.Write(localText(viewOf(e, least)))
		body.WriteString("\r\n")
	}
	subject := fmt.Sprintf("[cofre] %d events, %d failed", len(events), bad)
	if len(events) == 1 {
		subject = "[cofre] " + events[0].Kind + " " + outcome(&events[0])
	}
	msg.Subject(strings.TrimSpace(subject))
	_, domain, _ := strings.Cut(m.cfg.From, "@")
	msg.SetMessageIDWithValue(messageID(events) + "@" + strings.TrimSuffix(domain, ">"))
	msg.SetDate()
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	msg.SetBodyString(gomail.TypeTextPlain, body.String())
	return msg, nil
}
