package house

import (
	"fmt"
	"slices"
	"strings"
)

// module is one third-party module and who may import it.
type module struct {
	path string
	in   []string
	why  string
}

const (
	driverWhy = "a protocol driver lives in its own executor and in the test targets"
	raftWhy   = "consensus stays behind the state adapter and the cluster room"
	logWhy    = "rooms with goroutines log; pure code returns errors"
)

var modules = []module{
	{"github.com/gin-gonic/gin", []string{"httpapi/..."}, "the web framework stays at the edge"},
	{"github.com/pires/go-proxyproto", []string{"httpapi/route"}, "the headers that a load balancer writes before a connection"},
	{"github.com/hashicorp/raft", []string{"fsm", "fsm/fsmtest", "cluster/...", "cmd/cofre/bench"}, raftWhy},
	{"github.com/hashicorp/raft-boltdb/v2", []string{"cmd/cofre/bench"}, "the floor of the benchmarks (ADR 0024)"},
	{"github.com/hashicorp/raft-wal", []string{"cmd/cofre/bench"}, "compared with raft-boltdb by measurement (ADR 0024)"},
	{"github.com/hashicorp/raft-autopilot", []string{"cluster/raftnode"}, raftWhy},
	{"github.com/hashicorp/go-hclog", []string{"cluster/...", "cmd/cofre", "cmd/cofre/bench"}, "raft's logger is bridged where raft is built"},
	{"github.com/hashicorp/memberlist", []string{"cluster/gossip"}, "a rumour has one room"},
	{"github.com/hashicorp/go-syslog", []string{"cluster/siem"}, "the local syslog is one sink of the trail"},
	{"github.com/wneessen/go-mail", []string{"cluster/siem"}, "e-mail is one sink of the trail"},
	{"github.com/cockroachdb/pebble/v2/vfs/errorfs", []string{"cluster/clustertest", "cluster/raftlog", "fsm/table/..."}, "tests: the power is cut before any write of a store, and disks fail"},
	{"github.com/cockroachdb/pebble/v2", []string{"fsm/table/...", "cluster/raftlog"}, "tables hide the store; raft's log is a store of its own"},
	{"github.com/hashicorp/golang-lru/v2", []string{"fsm/table"}, "rows that every command needs stay in memory"},
	{"github.com/fxamacker/cbor/v2", []string{"fsm/codec"}, "one encoding, configured once"},
	{"github.com/jackc/pgx/v5", []string{"executors/postgres", "executors/executortest/...", "cmd/cofre/crash", "cmd/cofre/bench"}, driverWhy},
	{"github.com/go-sql-driver/mysql", []string{"executors/mysql", "executors/executortest/..."}, driverWhy},
	{"github.com/microsoft/go-mssqldb", []string{"executors/sqlserver"}, driverWhy},
	{"github.com/sijms/go-ora/v2", []string{"executors/oracle"}, driverWhy},
	{"github.com/go-ldap/ldap/v3", []string{"executors/ldap", "executors/executortest/..."}, driverWhy},
	{"golang.org/x/crypto/ssh", []string{"executors/ssh", "vault/sshkey", "executors/executortest/...", "cmd/cofre/crash", "cmd/cofre/bench", "cmd/cofre-demo/..."}, driverWhy},
	{"golang.org/x/text/unicode/norm", []string{"executors/postgres", "vault/policy"}, "SCRAM prepares passwords by SASLprep"},
	{"golang.org/x/crypto/md4", []string{"executors/winrpc", "executors/winrm"}, "the NT hash, which proves the old password in MS-SAMR; the double of WinRM checks NTLM with it"},
	{"github.com/masterzen/winrm/soap", []string{"executors/winrm"}, "WS-Management: its messages alone, since its client repeats requests and never ends when a connection is lost"},
	{"go.mongodb.org/mongo-driver/v2/bson", []string{"executors/mongo"}, "BSON of MongoDB's driver; the driver itself is a pool that logs in again by itself"},
	{"github.com/xdg-go", []string{"executors/mongo"}, "SCRAM-SHA-256 and SASLprep of MongoDB's logins"},
	{"github.com/aws/aws-sdk-go-v2", []string{"executors/cloud/aws"}, "AWS's own signer; its services are spoken to without their SDKs, which are large"},
	{"github.com/Azure/go-ntlmssp", []string{"executors/winrm"}, "NTLM for logins by HTTP"},
	{"github.com/oiweiwei/go-msrpc", []string{"executors/winrpc"}, "MS-RPC over SMB: the only Go library found; kept behind one folder"},
	{"github.com/oiweiwei/go-smb2.fork", []string{"executors/winrpc"}, "go-msrpc's SMB client: its errors carry the status"},
	{"golang.org/x/sys/unix", []string{"vault/keyring", "executors/runner", "executors/executortest/target", "cluster/...", "cmd/..."}, "mlock, CLOCK_BOOTTIME, peer credentials of the socket; network namespaces of servers whose ports are fixed"},
	{"golang.org/x/sync", []string{"cluster/...", "scheduler/...", "executors/runner", "httpapi/...", "cmd/..."}, "goroutines have an owner that waits"},
	{"golang.org/x/time/rate", []string{"httpapi/...", "cluster/..."}, "limits at edges"},
	{"golang.org/x/term", []string{"cmd/..."}, "only commands talk to a terminal"},
	{"github.com/sirupsen/logrus", []string{"cluster/...", "scheduler/...", "executors/runner", "httpapi/...", "cmd/..."}, logWhy},
	{"github.com/go-jose/go-jose/v4", []string{"httpapi/authn", "httpapi/compat", "httpapi/edge", "vault/access", "cmd/cofre/api", "executors/cloud/gcp"}, "tokens and JWE; assertions that Google takes"},
	{"github.com/prometheus/client_golang", []string{"cmd/cofre/daemon"}, "each node serves its own metrics"},
	{"github.com/spf13/cobra", []string{"cmd/..."}, "verbs of the binary"},
	{"github.com/spf13/pflag", []string{"cmd/..."}, "verbs of the binary"},
	{"github.com/knadh/koanf", []string{"cmd/cofre"}, "configuration is wiring"},
	{"go.yaml.in/yaml/v3", []string{"cmd/..."}, "manifests and configuration are the command's"},
	{"github.com/coreos/go-systemd/v22", []string{"cmd/cofre"}, "readiness is wiring"},
}

// testModules may be used by every test and test kit, besides the owners above.
var testModules = []string{
	"github.com/google/go-cmp", "github.com/leodido/go-syslog/v4", "github.com/anishathalye/porcupine", "go.uber.org/goleak",
	"github.com/getkin/kin-openapi", "github.com/sirupsen/logrus", "github.com/fxamacker/cbor/v2",
	"golang.org/x/oauth2",          // a client that others wrote
	"github.com/dghubble/oauth1",   // the same, signing
	"github.com/aws/aws-sdk-go-v2", // AWS's own signer
}

var thirdPartyLaw = law{
	name: "third-party code", why: "every module has a room and a reason (DESIGN 4.1); a new one needs a row and a decision",
	check: func(h house) []string {
		var out []string
		for _, f := range h.files {
			for _, i := range f.imports {
				if !strings.Contains(strings.Split(i, "/")[0], ".") {
					continue
				}
				if (f.test || matchesAny(kits, f.dir)) && slices.ContainsFunc(testModules, func(m string) bool { return within(m, i) }) {
					continue
				}
				if _, known := debts[f.dir+" -> "+i]; known {
					continue
				}
				k := slices.IndexFunc(modules, func(m module) bool { return within(m.path, i) })
				switch {
				case k < 0:
					out = append(out, f.path+" imports "+i+", which no row of the table knows")
				case !matchesAny(modules[k].in, f.dir):
					out = append(out, fmt.Sprintf("%s imports %s, which is for %v: %s", f.path, i, modules[k].in, modules[k].why))
				}
			}
		}
		return out
	},
	broken: []house{
		sample("fsm/state/a.go", `package state; import _ "github.com/cockroachdb/pebble/v2"`),
		sample("cluster/peer/a.go", `package peer; import _ "github.com/hashicorp/raft-boltdb/v2"`),
		sample("fsm/credential/a.go", `package credential; import _ "github.com/hashicorp/raft"`),
		sample("vault/access/a.go", `package access; import _ "github.com/gin-gonic/gin"`),
		sample("executors/ssh/a.go", `package ssh; import _ "github.com/jackc/pgx/v5/pgconn"`),
		sample("fsm/model/a.go", `package model; import _ "example.org/leftpad"`),
		sample("fsm/model/a.go", `package model; import _ "github.com/google/go-cmp/cmp"`),
	},
	kept: []house{
		sample("cmd/cofre/bench/a.go", `package main; import _ "github.com/hashicorp/raft-boltdb/v2"`),
		sample("fsm/model/a_test.go", `package model; import _ "github.com/google/go-cmp/cmp"`),
	},
}

// within tells whether an import path belongs to a module or package path.
func within(m, i string) bool { return i == m || strings.HasPrefix(i, m+"/") }

// pins are versions that only work together (ADR 0011). Modules that are not used need not be listed in go.mod.
var pins = map[string]string{
	"github.com/hashicorp/raft":           "v1.8.0",
	"github.com/hashicorp/raft-boltdb/v2": "v2.3.0",
	"github.com/hashicorp/memberlist":     "v0.7.0",
	"github.com/hashicorp/raft-autopilot": "v0.3.0",
	"go.etcd.io/bbolt":                    "v1.4.3",
}

var pinLaw = law{
	name: "pins", why: "raft v1.8.0 and memberlist v0.7.0 need go-metrics v0.7.0, which raft-boltdb v2.3.1 cannot build with: " +
		"the newest of each do not build together, and a replace would hide it (ADR 0011)",
	check: func(h house) []string {
		if h.gomod == "" {
			return nil
		}
		var out []string
		seen := map[string]bool{}
		for line := range strings.Lines(h.gomod) {
			w := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
			if len(w) > 0 && w[0] == "replace" {
				out = append(out, "go.mod replaces a module: "+strings.TrimSpace(line))
			}
			if len(w) < 2 {
				continue
			}
			seen[w[0]] = true
			if v, pinned := pins[w[0]]; pinned && v != w[1] {
				out = append(out, fmt.Sprintf("go.mod has %s %s, pinned is %s", w[0], w[1], v))
			}
		}
		for _, m := range []string{"github.com/hashicorp/raft", "github.com/hashicorp/raft-boltdb/v2", "go.etcd.io/bbolt"} {
			if !seen[m] {
				out = append(out, "go.mod does not name "+m)
			}
		}
		return out
	},
	broken: []house{
		{gomod: "require (\n\tgithub.com/hashicorp/raft v1.8.0\n\tgithub.com/hashicorp/raft-boltdb/v2 v2.3.1\n\tgo.etcd.io/bbolt v1.4.3\n)\n"},
		{gomod: "require github.com/hashicorp/raft v1.8.0\nrequire go.etcd.io/bbolt v1.4.3\n"},
		{gomod: goodMod + "replace github.com/hashicorp/go-metrics => github.com/hashicorp/go-metrics v0.6.1\n"},
	},
	kept: []house{{gomod: goodMod}},
}

const goodMod = "require github.com/hashicorp/raft v1.8.0\nrequire github.com/hashicorp/raft-boltdb/v2 v2.3.0 // indirect\nrequire go.etcd.io/bbolt v1.4.3\n"
