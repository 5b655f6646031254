package winrpc

import (
	"context"
	"errors"
	"strings"

	"github.com/oiweiwei/go-msrpc/msrpc/dtyp"
	"github.com/oiweiwei/go-msrpc/msrpc/samr/samr/v1"
)

// Rights and flags of MS-SAMR.
const (
	maximumAllowed   = 0x02000000
	deleteAccess     = 0x00010000
	writeAccount     = 0x00000020 // USER_WRITE_ACCOUNT
	readAccount      = 0x00000010 // USER_READ_ACCOUNT
	forcePassword    = 0x00000080 // USER_FORCE_PASSWORD_CHANGE
	normalAccount    = 0x00000010
	accountDisabled  = 0x00000001
	passwordNeedless = 0x00000004
)

// call makes one call under its time limit. A status other than success is an *answer: the call had no effect.
func call[R any](ctx context.Context, c *client, do func(context.Context) (*R, error), status func(*R) int32) (*R, error) {
	in, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	var out *R
	var told error
	if err := c.line.guard(in, func() { out, told = do(in) }); err != nil {
		return nil, err
	}
	if out == nil {
		return nil, told
	}
	if s := ntstatus(uint32(status(out))); s>>31 == 1 {
		return nil, &answer{s}
	}
	return out, nil
}

func text(s string) *dtyp.UnicodeString { return &dtyp.UnicodeString{Buffer: s} }

// accounts opens the domain of the server's own accounts: on a domain controller that is the domain.
func (c *client) accounts(ctx context.Context) (*samr.Handle, error) {
	server, err := call(ctx, c, func(ctx context.Context) (*samr.ConnectResponse, error) {
		return c.samr.Connect(ctx, &samr.ConnectRequest{DesiredAccess: maximumAllowed})
	}, func(r *samr.ConnectResponse) int32 { return r.Return })
	if err != nil {
		return nil, err
	}
	list, err := call(ctx, c, func(ctx context.Context) (*samr.EnumerateDomainsInSAMServerResponse, error) {
		return c.samr.EnumerateDomainsInSAMServer(ctx, &samr.EnumerateDomainsInSAMServerRequest{Server: server.Server, PreferredMaximumLength: 1 << 16})
	}, func(r *samr.EnumerateDomainsInSAMServerResponse) int32 { return r.Return })
	if err != nil {
		return nil, err
	}
	name := ""
	for _, d := range list.Buffer.Buffer {
		if d.Name != nil && !strings.EqualFold(d.Name.Buffer, "Builtin") {
			name = d.Name.Buffer
		}
	}
	id, err := call(ctx, c, func(ctx context.Context) (*samr.LookupDomainInSAMServerResponse, error) {
		return c.samr.LookupDomainInSAMServer(ctx, &samr.LookupDomainInSAMServerRequest{Server: server.Server, Name: text(name)})
	}, func(r *samr.LookupDomainInSAMServerResponse) int32 { return r.Return })
	if err != nil {
		return nil, err
	}
	dom, err := call(ctx, c, func(ctx context.Context) (*samr.OpenDomainResponse, error) {
		return c.samr.OpenDomain(ctx, &samr.OpenDomainRequest{Server: server.Server, DesiredAccess: maximumAllowed, DomainID: id.DomainID})
	}, func(r *samr.OpenDomainResponse) int32 { return r.Return })
	if err != nil {
		return nil, err
	}
	return dom.Domain, nil
}

// user opens an account.
func (c *client) user(ctx context.Context, dom *samr.Handle, name string, access uint32) (*samr.Handle, error) {
	ids, err := call(ctx, c, func(ctx context.Context) (*samr.LookupNamesInDomainResponse, error) {
		return c.samr.LookupNamesInDomain(ctx, &samr.LookupNamesInDomainRequest{Domain: dom, Count: 1, Names: []*dtyp.UnicodeString{text(name)}})
	}, func(r *samr.LookupNamesInDomainResponse) int32 { return r.Return })
	if err != nil {
		return nil, err
	}
	if ids.RelativeIDs == nil || len(ids.RelativeIDs.Element) != 1 {
		return nil, &answer{statusNoneMapped}
	}
	u, err := call(ctx, c, func(ctx context.Context) (*samr.OpenUserResponse, error) {
		return c.samr.OpenUser(ctx, &samr.OpenUserRequest{Domain: dom, DesiredAccess: access, UserID: ids.RelativeIDs.Element[0]})
	}, func(r *samr.OpenUserResponse) int32 { return r.Return })
	if err != nil {
		return nil, err
	}
	return u.UserHandle, nil
}

// create makes an account, which is disabled until it is told otherwise.
func (c *client) create(ctx context.Context, dom *samr.Handle, name string) (*samr.Handle, error) {
	u, err := call(ctx, c, func(ctx context.Context) (*samr.CreateUser2InDomainResponse, error) {
		return c.samr.CreateUser2InDomain(ctx, &samr.CreateUser2InDomainRequest{Domain: dom, Name: text(name), AccountType: normalAccount, DesiredAccess: maximumAllowed})
	}, func(r *samr.CreateUser2InDomainResponse) int32 { return r.Return })
	if err != nil {
		return nil, err
	}
	return u.UserHandle, nil
}

// remove deletes an account.
func (c *client) remove(ctx context.Context, user *samr.Handle) error {
	_, err := call(ctx, c, func(ctx context.Context) (*samr.DeleteUserResponse, error) {
		return c.samr.DeleteUser(ctx, &samr.DeleteUserRequest{UserHandle: user})
	}, func(r *samr.DeleteUserResponse) int32 { return r.Return })
	return err
}

func (c *client) set(ctx context.Context, user *samr.Handle, class samr.UserInformationClass, info *samr.UserInfoBuffer) error {
	_, err := call(ctx, c, func(ctx context.Context) (*samr.SetInformationUser2Response, error) {
		return c.samr.SetInformationUser2(ctx, &samr.SetInformationUser2Request{UserHandle: user, UserInformationClass: class, Buffer: info})
	}, func(r *samr.SetInformationUser2Response) int32 { return r.Return })
	return err
}

// reset gives an account a password.
func (c *client) reset(ctx context.Context, user *samr.Handle, fresh []byte) error {
	sealed, err := underSession(c.key, fresh)
	if err != nil {
		return err
	}
	return c.set(ctx, user, samr.UserInformationClassInternal5InformationNew, &samr.UserInfoBuffer{Value: &samr.UserInfoBuffer_Internal5New{
		Internal5New: &samr.UserInternal5InformationNew{UserPassword: &samr.EncryptedUserPasswordNew{Buffer: sealed}},
	}})
}

// active switches an account on or off, and leaves its other flags.
func (c *client) active(ctx context.Context, user *samr.Handle, on bool) error {
	now, err := call(ctx, c, func(ctx context.Context) (*samr.QueryInformationUser2Response, error) {
		return c.samr.QueryInformationUser2(ctx, &samr.QueryInformationUser2Request{UserHandle: user, UserInformationClass: samr.UserInformationClassControlInformation})
	}, func(r *samr.QueryInformationUser2Response) int32 { return r.Return })
	if err != nil {
		return err
	}
	control, ok := now.Buffer.GetValue().(*samr.UserControlInformation)
	if !ok {
		return errors.New("the server does not tell the account's flags")
	}
	flags := control.UserAccountControl&^passwordNeedless | accountDisabled
	if on {
		flags &^= accountDisabled
	}
	return c.set(ctx, user, samr.UserInformationClassControlInformation, &samr.UserInfoBuffer{Value: &samr.UserInfoBuffer_Control{Control: &samr.UserControlInformation{UserAccountControl: flags}}})
}

// change gives the account that logged in a new password; it proves that it knows the old one.
func (c *client) change(ctx context.Context, name string, old, fresh []byte) error {
	sealed, proof, err := underHash(old, fresh)
	if err != nil {
		return err
	}
	_, err = call(ctx, c, func(ctx context.Context) (*samr.UnicodeChangePasswordUser2Response, error) {
		return c.samr.UnicodeChangePasswordUser2(ctx, &samr.UnicodeChangePasswordUser2Request{
			ServerName: text(`\\server`), UserName: text(name), NewPasswordEncryptedWithOldNT: &samr.EncryptedUserPassword{Buffer: sealed},
			OldNTOWFPasswordEncryptedWithNewNT: &samr.EncryptedNTOWFPassword{Data: proof},
		})
	}, func(r *samr.UnicodeChangePasswordUser2Response) int32 { return r.Return })
	return err
}
