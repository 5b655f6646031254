package ssh

import (
	"context"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"

	"cofre/executors"
	"cofre/executors/dialogue"
	"cofre/executors/mask"
)

// maxRules bounds what sudo says about an account's rights.
const maxRules = 1 << 20

var (
	byPath  = regexp.MustCompile(`\bsudo -n (/[A-Za-z0-9._/-]+)`)
	another = regexp.MustCompile(`\b(?:sudo|su|doas|pfexec)\b`) // another way to rights
	unix    = regexp.MustCompile(`\b(?:passwd|chpasswd|useradd|usermod|userdel)\b`)
	allOf   = regexp.MustCompile(`\) NOPASSWD: (?:[A-Z_]+: )*ALL(?: |$)`)
)

// May asks a Unix system whether AUTH_USER may do what the template does: it is root or the account itself, or sudo lists for it, without
// a password, every command that the template runs as "sudo -n /path". Other templates cannot be judged.
func (p program) May(ctx context.Context, s executors.Session) (allowed bool, why string, err error) {
	s, red := s.Guard()
	var lines strings.Builder
	for _, st := range p.Explain() {
		lines.WriteString(st.Text + "\n")
	}
	text := lines.String()
	var paths []string
	for _, m := range byPath.FindAllStringSubmatch(text, -1) {
		paths = append(paths, m[1])
	}
	if !unix.MatchString(text) || another.MatchString(byPath.ReplaceAllString(text, "")) {
		return false, "", &executors.Failure{Class: executors.ClassTemplate, Msg: "the template is none whose rights can be looked up: it runs commands of Unix about accounts, with sudo -n /path if with another's rights"}
	}
	if err := s.Before("connect"); err != nil {
		return false, "", executors.Fail(executors.ClassRefused, 0, err)
	}
	client, err := logIn(ctx, s, s.ConnectTimeout)
	if err != nil {
		return false, "", dialogue.Failure(red, 0, err)
	}
	defer client.Close()
	if len(paths) > 0 {
		allowed, why, err = bySudo(ctx, client, s, paths)
	} else {
		allowed, why, err = byItself(ctx, client, s)
	}
	if err != nil {
		return false, "", dialogue.Failure(red, 0, err)
	}
	return allowed, why, nil
}

// byItself tells whether an account needs nobody's rights: root, or one that changes itself.
func byItself(ctx context.Context, client *ssh.Client, s executors.Session) (bool, string, error) {
	who, err := dialogue.Text(s.Resolve, mask.AuthUser)
	if err != nil {
		return false, "", executors.Fail(executors.ClassTemplate, 0, err)
	}
	whom, err := dialogue.Text(s.Resolve, mask.Username)
	if err != nil {
		return false, "", executors.Fail(executors.ClassTemplate, 0, err)
	}
	id, _, err := answer(ctx, client, s, "id -u", maxRules)
	switch number := strings.TrimSpace(string(id)); {
	case err != nil:
		return false, "", err
	case number == "0":
		return true, "it is root", nil
	case strings.Trim(number, "0123456789") != "" || number == "":
		return false, "", &executors.Failure{Class: executors.ClassProtocol, Msg: "the target does not tell the number of the account that logged in"}
	case who == whom:
		return true, "it is the account itself", nil
	}
	return false, "it is neither root nor the account itself, and the template uses no sudo", nil
}

// bySudo looks commands up in what sudo lists. The pipe keeps it from breaking lines.
func bySudo(ctx context.Context, client *ssh.Client, s executors.Session, paths []string) (bool, string, error) {
	out, _, err := answer(ctx, client, s, "LC_ALL=C sudo -n -l 2>&1 | cat", maxRules)
	if err != nil {
		return false, "", err
	}
	list := strings.Join(strings.Fields(string(out)), " ")
	_, rules, found := strings.Cut(list, "may run the following commands")
	switch {
	case strings.Contains(list, "not found"):
		return false, "there is no sudo", nil
	case strings.Contains(list, "may not run sudo"):
		return false, "sudo allows it nothing", nil
	case !found || !strings.Contains(rules, "NOPASSWD:"):
		return false, "", &executors.Failure{Class: executors.ClassPolicy, Msg: "sudo does not list what the account may run without its password"}
	case allOf.MatchString(rules):
		return true, "sudo allows it everything without a password", nil
	}
	for _, p := range paths {
		switch {
		case lists(rules, p):
		case strings.ContainsAny(rules, "*?[!") || strings.Contains(rules, "/,") || strings.HasSuffix(rules, "/"):
			return false, "", &executors.Failure{Class: executors.ClassPolicy, Msg: "sudo lists patterns, of which one may stand for " + p}
		default:
			return false, "sudo does not list " + p + " for it", nil
		}
	}
	return true, "sudo lists " + strings.Join(paths, ", ") + " for it", nil
}

// lists tells whether a path stands among rules, with or without arguments.
func lists(rules, path string) bool {
	return regexp.MustCompile(` ` + regexp.QuoteMeta(path) + `(?:[ ,]|$)`).MatchString(rules)
}
