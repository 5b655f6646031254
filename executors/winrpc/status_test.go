package winrpc

import (
	"fmt"
	"strings"
	"testing"

	smb "github.com/oiweiwei/go-smb2.fork"

	"cofre/executors"
)

// TestStatuses: three codes say that name or password is wrong. Others that refuse a login are about the account, and cannot tell; all of them
// count as a failing login.
func TestStatuses(t *testing.T) {
	t.Parallel()
	const auth, policy, network, protocol = executors.ClassAuth, executors.ClassPolicy, executors.ClassNetwork, executors.ClassProtocol
	for code, want := range map[uint32]struct {
		class executors.Class
		wrong bool
		says  string
	}{
		0xC0000064: {policy, true, "no such account"}, 0xC000006A: {auth, true, "password is wrong"}, 0xC000006D: {auth, true, "name or password is wrong"},
		0xC000006E: {auth, false, "may not log in this way"}, 0xC000006F: {auth, false, "at this time"}, 0xC0000071: {auth, false, "password has expired"}, 0xC0000072: {auth, false, "disabled"},
		0xC000015B: {auth, false, "over the network"}, 0xC0000193: {auth, false, "account has expired"}, 0xC0000224: {auth, false, "must change its password"}, 0xC0000234: {auth, false, "locked"},
		0xC0000022: {policy, false, "access denied"}, 0xC0000063: {policy, false, "already"}, 0xC000006C: {policy, false, "policy refuses"}, 0xC0000073: {policy, false, "no such account"},
		0xC000005E: {network, false, "no controller"}, 0xC00000BB: {protocol, false, "status 0xC00000BB"},
	} {
		for _, err := range []error{&answer{ntstatus(code)}, fmt.Errorf("log in: %w", &smb.ResponseError{Code: code})} {
			f := failure(&executors.Redactor{}, err)
			if f.Class != want.class || status(err).wrong() != want.wrong || !strings.Contains(f.Msg, want.says) || f.Spared {
				t.Errorf("%#x: %v, wrong: %t, spared: %t", code, f, status(err).wrong(), f.Spared)
			}
		}
	}
}
