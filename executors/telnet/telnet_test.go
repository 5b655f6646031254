package telnet_test

import (
	"strings"
	"testing"

	"cofre/executors/executortest"
	"cofre/executors/executortest/target"
	"cofre/executors/telnet"
	"cofre/fsm/model"
)

// unfit cannot travel over a Telnet line.
var unfit = []string{"line\nbreak-1A", "carriage\rreturn-1A", "nul\x00-byte-1A", "inter\x03rupt-1A", "era\x7fse-1A", "not\xff-utf8-1A", "Gg7-ação-日本-ß", strings.Repeat("long", 1024)}

// hostile means something to a shell, to templates or to terminals.
var hostile = []string{"Aa1-'; touch /tmp/x; \"$(reboot)\" `id`-\\n", `-#Ff6 [#USERNAME#] * !!%s&&||{a,b}~`, `Dd4 with  spaces ` + strings.Repeat("Long-7", 32)}

// TestLinuxPasswd is the conformance kit against inetutils' telnetd with accounts of this machine.
func TestLinuxPasswd(t *testing.T) {
	t.Parallel()
	s := target.Telnetd(t)
	executortest.Exercise(t, executortest.Kit{
		Executor: telnet.New(), Template: telnet.Catalogue()[0].Content, Login: s.Login,
		Target: model.Endpoint{Address: "127.0.0.1", Port: s.Port(), InsecureTLS: true},
		Account: func(t testing.TB) executortest.Account {
			name, password := s.AddUser(t)
			return executortest.Account{Name: name, Password: password}
		},
		Hostile: hostile, Unfit: unfit, Rejected: "ab", Speaks: true,
	})
}
