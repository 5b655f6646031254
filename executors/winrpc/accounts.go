package winrpc

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/oiweiwei/go-msrpc/msrpc/samr/samr/v1"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/fsm/model"
)

const (
	pageBytes   = 1 << 16
	maxLooked   = 100_000 // accounts of the server that one search looks at: it cannot be asked for a part of them
	moreEntries = ntstatus(0x00000105)
)

// Accounts lists the accounts whose names begin with a prefix, of the server or of the domain that it is a controller of.
// Whoever may log in by RPC may read their names.
func (Executor) Accounts(ctx context.Context, s executors.Session, prefix string) (names []string, more bool, err error) {
	s, red := s.Guard()
	r := &run{session: s}
	if names, more, err = r.accounts(ctx, prefix); err != nil {
		return nil, false, failure(red, err)
	}
	s.Trace.Step(model.Step{Text: "listed the accounts that begin with " + prefix, Matched: strconv.Itoa(len(names))})
	return names, more, nil
}

func (r *run) accounts(ctx context.Context, prefix string) (names []string, more bool, err error) {
	password, err := r.session.Resolve(mask.AuthPassword)
	if err != nil {
		return nil, false, executors.Fail(executors.ClassTemplate, 0, fmt.Errorf("%s: %w", mask.AuthPassword, err))
	}
	if r.who, err = login(r.session, mask.AuthUser, authDomain, password); err != nil {
		return nil, false, err
	}
	if err := r.connect(ctx); err != nil {
		return nil, false, err
	}
	defer func() { r.conn.hangUp() }()
	dom, err := r.conn.accounts(ctx)
	if err != nil {
		return nil, false, err
	}
	looked, from := 0, uint32(0)
	for {
		page, err := call(ctx, r.conn, func(ctx context.Context) (*samr.EnumerateUsersInDomainResponse, error) {
			return r.conn.samr.EnumerateUsersInDomain(ctx, &samr.EnumerateUsersInDomainRequest{Domain: dom, EnumerationContext: from, UserAccountControl: normalAccount, PreferredMaximumLength: pageBytes})
		}, func(r *samr.EnumerateUsersInDomainResponse) int32 { return r.Return })
		if err != nil {
			return nil, false, err
		}
		if page.Buffer != nil {
			for _, a := range page.Buffer.Buffer {
				if looked++; a.Name != nil && len(a.Name.Buffer) >= len(prefix) && strings.EqualFold(a.Name.Buffer[:len(prefix)], prefix) {
					names = append(names, a.Name.Buffer)
				}
			}
		}
		last := ntstatus(uint32(page.Return)) != moreEntries || page.EnumerationContext == from
		if last || looked >= maxLooked || len(names) > executors.MaxAccounts {
			more = !last || len(names) > executors.MaxAccounts
			slices.Sort(names)
			return names[:min(len(names), executors.MaxAccounts)], more, nil
		}
		from = page.EnumerationContext
	}
}
