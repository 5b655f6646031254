package curl

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cofre/executors/mask"
	"cofre/executors/script"
)

// verb is what a step does.
type verb uint8

const (
	perform verb = iota + 1
	expect
	forbid
	pause
)

// header is a line of a request's head, or a field of a form.
type header struct {
	name  string
	value []mask.Part
}

// request is everything about one request.
type request struct {
	method  string
	to      location
	headers []header
	fields  []header
	content []mask.Part
	kind    string // content type; empty without content
	login   bool   // with the authentication credential
	oauth   *oauth
	timeout time.Duration
}

// oauth is a client credentials grant (RFC 6749, 4.4).
type oauth struct {
	to         location
	id, secret []mask.Part
}

// step is one compiled command. Settings are folded into the requests that follow them.
type step struct {
	verb    verb
	line    int
	source  string
	request request
	text    []mask.Part
	wait    time.Duration
	secret  bool // carries NEW_PASSWORD
}

// program is a compiled template.
type program struct {
	steps   []step
	proof   location
	proves  bool // the template names the place
	connect time.Duration
	masks   []mask.Name
	notices []string
}

// Masks lists the names that the template needs.
func (p *program) Masks() []mask.Name { return p.masks }

// Notices lists remarks for the author.
func (p *program) Notices() []string { return p.notices }

// compiler is the state while commands are read: what the next request will be.
type compiler struct {
	program
	next  request
	parts []mask.Part // everything that was seen
	ended bool
}

func compile(source string) (*program, error) {
	sc, err := script.Parse(source)
	if err != nil {
		return nil, err
	}
	c := &compiler{program: program{notices: sc.Notices}, next: request{login: true}}
	for _, cmd := range sc.Commands {
		if c.ended {
			return nil, fail(cmd, "expected nothing after end")
		}
		if err := c.command(cmd); err != nil {
			return nil, err
		}
		for _, a := range cmd.Args {
			c.parts = append(c.parts, a.Parts...)
		}
	}
	first := -1
	for i := range c.steps {
		if c.steps[i].verb == perform && first < 0 {
			first = i
		}
	}
	if first < 0 {
		return nil, &mask.Error{Line: 1, Column: 1, Msg: "expected at least one request"}
	}
	if !c.proves {
		c.proof = c.steps[first].request.to.front()
		c.notices = append(c.notices, "without verify, a secret is proven at the front page, if that asks for a login")
	}
	if c.steps[first].request.login {
		c.parts = append(c.parts, mask.Part{Hole: mask.AuthUser}, mask.Part{Hole: mask.AuthPassword})
	}
	c.masks = mask.Names(c.parts)
	return &c.program, nil
}

func fail(cmd script.Command, format string, args ...any) error {
	return &mask.Error{Line: cmd.Line, Column: cmd.Column, Msg: fmt.Sprintf(format, args...)}
}

// arguments are how many each command takes.
var arguments = map[string]int{
	"set-disable-auth": 0, "set-request-header": 2, "set-request-param": 2, "set-request-content": 1, "set-content-type": 1, "set-request-method": 1,
	"set-oauth2": 3, "request": 1, "verify": 1, "expect": 1, "no-expect": 1, "noexpect": 1, "sleep": 1, "end": 0,
}

func (c *compiler) command(cmd script.Command) error {
	n, known := arguments[cmd.Name]
	if !known {
		return fail(cmd, "unknown command %q; expected request, expect, no-expect, verify, sleep, end or one of the set- commands", cmd.Name)
	}
	if len(cmd.Args) != n {
		return fail(cmd, "%s expects %d arguments, in quotes if they hold spaces", cmd.Name, n)
	}
	switch cmd.Name {
	case "request":
		return c.request(cmd)
	case "verify":
		var err error
		if c.proof, err = locate(cmd.Args[0].Parts); err != nil || c.proof.secret() {
			return fail(cmd, "verify: %v", or(err, "no secret stands in that URL: the login proves it"))
		}
		c.proves = true
	case "expect", "no-expect", "noexpect":
		st := step{verb: expect, line: cmd.Line, source: cmd.Source, text: cmd.Args[0].Parts}
		if cmd.Name != "expect" {
			st.verb = forbid
		}
		if len(c.steps) == 0 || len(st.text) == 0 {
			return fail(cmd, "%s expects a text, after a request", cmd.Name)
		}
		c.steps = append(c.steps, st)
	case "sleep":
		d, err := seconds(cmd, cmd.Args[0])
		c.steps = append(c.steps, step{verb: pause, line: cmd.Line, source: cmd.Source, wait: d})
		return err
	case "end":
		c.ended = true
	default:
		return c.setting(cmd)
	}
	return nil
}

func or(err error, msg string) string {
	if err != nil {
		return err.Error()
	}
	return msg
}

func (c *compiler) request(cmd script.Command) error {
	r := c.next
	var err error
	if r.to, err = locate(cmd.Args[0].Parts); err != nil {
		return &mask.Error{Line: cmd.Line, Column: cmd.Args[0].Column, Msg: err.Error()}
	}
	if r.to.secret() {
		c.notices = append(c.notices, fmt.Sprintf("line %d: a secret in a URL stands in the logs of servers", cmd.Line))
	}
	body := len(r.content) > 0 || len(r.fields) > 0
	switch {
	case len(r.content) > 0 && len(r.fields) > 0:
		return fail(cmd, "expected either set-request-content or fields by set-request-param")
	case r.method == "" && body:
		r.method = http.MethodPost // as curl does
	case r.method == "":
		r.method = http.MethodGet
	}
	if len(r.fields) > 0 {
		r.kind = "application/x-www-form-urlencoded"
	}
	st := step{verb: perform, line: cmd.Line, source: cmd.Source, request: r}
	parts := append(append([]mask.Part(nil), r.to.parts...), r.content...)
	for _, h := range append(append([]header(nil), r.headers...), r.fields...) {
		parts = append(parts, h.value...)
	}
	for _, n := range mask.Names(parts) {
		st.secret = st.secret || n.Candidate()
	}
	c.steps = append(c.steps, st)
	// What describes one request ends with it; headers, login and time limits stay.
	c.next.method, c.next.content, c.next.fields, c.next.kind = "", nil, nil, ""
	return nil
}

var token = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]+$`)

// taken are headers that the executor writes itself.
var taken = map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Connection": true, "Trailer": true, "Upgrade": true, "Expect": true, "Te": true, "Accept-Encoding": true}

func (c *compiler) header(cmd script.Command, name string, value []mask.Part) error {
	name = http.CanonicalHeaderKey(name)
	if !token.MatchString(name) || taken[name] {
		return fail(cmd, "%s expects the name of a header that is not Host, Content-Length or about the connection", cmd.Name)
	}
	c.next.headers = append(append([]header(nil), c.next.headers...), header{name, place(value, inHeader)})
	return nil
}

func (c *compiler) setting(cmd script.Command) (err error) {
	switch cmd.Name {
	case "set-disable-auth":
		c.next.login = false
	case "set-request-header":
		name, _ := cmd.Args[0].Text()
		return c.header(cmd, name, cmd.Args[1].Parts)
	case "set-request-param":
		return c.param(cmd)
	case "set-request-content":
		return c.content(cmd, cmd.Args[0].Parts)
	case "set-content-type":
		kind, ok := cmd.Args[0].Text()
		if !ok || !token.MatchString(kind) {
			return fail(cmd, "set-content-type expects the second half of a media type, such as xml for text/xml")
		}
		if err := c.header(cmd, "Content-Type", []mask.Part{{Literal: "text/" + kind + `;charset="utf-8"`}}); err != nil {
			return err
		}
		return c.header(cmd, "Accept", []mask.Part{{Literal: "text/" + kind}})
	case "set-request-method":
		return c.method(cmd, cmd.Args[0])
	default: // set-oauth2
		o := &oauth{id: place(cmd.Args[1].Parts, inQuery), secret: place(cmd.Args[2].Parts, inQuery)}
		if o.to, err = locate(cmd.Args[0].Parts); err != nil {
			return &mask.Error{Line: cmd.Line, Column: cmd.Args[0].Column, Msg: err.Error()}
		}
		c.next.oauth, c.next.login = o, false
	}
	return nil
}

func (c *compiler) content(cmd script.Command, parts []mask.Part) error {
	placed, kind, err := content(parts)
	if err != nil {
		return fail(cmd, "%s: %v", cmd.Name, err)
	}
	c.next.content, c.next.kind = placed, kind
	return nil
}

func (c *compiler) method(cmd script.Command, arg script.Arg) error {
	word, _ := arg.Text()
	switch word = strings.ToUpper(word); word {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodHead:
		c.next.method = word
		return nil
	}
	return fail(cmd, "expected the method GET, POST, PUT, DELETE, PATCH or HEAD")
}

// param sets one of the options of cURL that make sense here, or a field of a form.
func (c *compiler) param(cmd script.Command) (err error) {
	name, ok := cmd.Args[0].Text()
	value := cmd.Args[1]
	word, plain := value.Text()
	switch option := strings.ToUpper(name); {
	case !ok || name == "":
		return fail(cmd, "set-request-param expects a name without tags")
	case !strings.HasPrefix(option, "CURLOPT_"):
		c.next.fields = append(append([]header(nil), c.next.fields...), header{name, place(value.Parts, inQuery)})
	case option == "CURLOPT_POSTFIELDS":
		return c.content(cmd, value.Parts)
	case option == "CURLOPT_USERAGENT", option == "CURLOPT_REFERER", option == "CURLOPT_COOKIE":
		return c.header(cmd, map[string]string{"CURLOPT_USERAGENT": "User-Agent", "CURLOPT_REFERER": "Referer", "CURLOPT_COOKIE": "Cookie"}[option], value.Parts)
	case option == "CURLOPT_CUSTOMREQUEST":
		return c.method(cmd, value)
	case option == "CURLOPT_POST" && plain && word == "1":
		c.next.method = http.MethodPost
	case option == "CURLOPT_TIMEOUT":
		c.next.timeout, err = seconds(cmd, value)
	case option == "CURLOPT_CONNECTTIMEOUT":
		c.connect, err = seconds(cmd, value)
	case strings.HasPrefix(option, "CURLOPT_SSL_VERIFY"):
		return fail(cmd, "whether certificates are verified is the device's matter (insecure_tls), not the template's")
	default:
		return fail(cmd, "%s is not offered with this value; expected CURLOPT_POSTFIELDS, _USERAGENT, _REFERER, _COOKIE, _CUSTOMREQUEST, _POST, _TIMEOUT, _CONNECTTIMEOUT, or the name of a form's field", option)
	}
	return err
}

func seconds(cmd script.Command, a script.Arg) (time.Duration, error) {
	word, _ := a.Text()
	n, err := strconv.ParseFloat(word, 64)
	if err != nil || !(n > 0 && n <= 600) {
		return 0, fail(cmd, "%s expects a number of seconds up to 600", cmd.Name)
	}
	return time.Duration(n * float64(time.Second)), nil
}
