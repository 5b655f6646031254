package winrm

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
	"cofre/vault/secret"
)

// maxList is how many bytes of a list of accounts are read.
const maxList = 4 << 20

// listScript writes a name on each line; a prefix is a value like every other.
const listScript = `Get-LocalUser | Where-Object { $_.Name.StartsWith("[#USERNAME#]", [StringComparison]::OrdinalIgnoreCase) } | ForEach-Object { [Console]::Out.WriteLine($_.Name) }`

// Accounts lists the local accounts whose names begin with a prefix, over TLS. Whoever may open a shell may read their names.
func (Executor) Accounts(ctx context.Context, s executors.Session, prefix string) ([]string, bool, error) {
	return accounts(ctx, s, false, prefix)
}

// Accounts lists the local accounts whose names begin with a prefix, by the template's way of logging in.
func (p *program) Accounts(ctx context.Context, s executors.Session, prefix string) ([]string, bool, error) {
	return accounts(ctx, s, p.plain, prefix)
}

func accounts(ctx context.Context, s executors.Session, plain bool, prefix string) (names []string, more bool, err error) {
	resolve := s.Resolve
	s.Resolve = func(n mask.Name) (secret.Value, error) {
		if n == mask.Username {
			return secret.New([]byte(prefix)), nil
		}
		return resolve(n)
	}
	s, red := s.Guard()
	r := &run{session: s, red: red, plain: plain}
	if names, more, err = r.list(ctx, prefix); err != nil {
		return nil, false, failure(red, err)
	}
	s.Trace.Step(model.Step{Text: "listed the accounts that begin with " + prefix, Matched: strconv.Itoa(len(names))})
	return names, more, nil
}

func (r *run) list(ctx context.Context, prefix string) (names []string, more bool, err error) {
	password, err := r.session.Resolve(mask.AuthPassword)
	if err != nil {
		return nil, false, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	if r.who, err = login(r.session, mask.AuthUser, authDomain, password); err != nil {
		return nil, false, err
	}
	parts, err := lineParts(0, listScript)
	if err != nil {
		return nil, false, err
	}
	st := step{source: "list the accounts", verb: powershell}
	if st.script, err = shell(parts, 0); err != nil {
		return nil, false, err
	}
	if err := r.connect(ctx); err != nil {
		return nil, false, err
	}
	defer r.hangUp()
	f, err := r.fill(st)
	defer f.wipe()
	if err != nil {
		return nil, false, executors.Fail(executors.ClassTemplate, 0, err)
	}
	in, cancel := context.WithTimeout(ctx, r.conn.limit)
	defer cancel()
	res, err := r.execute(in, st, f, maxList)
	switch {
	case err != nil:
		return nil, false, err
	case res.exit != 0:
		return nil, false, r.judge(st, res)
	}
	for line := range strings.Lines(string(res.out)) {
		name := strings.TrimRight(line, "\r\n")
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	more = len(res.out) == maxList || len(names) > executors.MaxAccounts
	return names[:min(len(names), executors.MaxAccounts)], more, nil
}
