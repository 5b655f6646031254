package house

import (
	"fmt"
	"path"
	"strings"
)

// room is one row of the import table of DESIGN 4.1; the first row that fits a package counts.
type room struct {
	pkg string
	may []string
	why string
}

// verbs is what every feature stands on.
var verbs = []string{"fsm/model", "fsm/audit", "fsm/authz", "fsm/table", "fsm/state", "fsm/command", "fsm/codec"}

var withOperation = append([]string{"fsm/operation"}, verbs...)

// contract is what an executor sees.
var contract = []string{"executors", "executors/mask", "executors/script", "executors/dialogue", "fsm/model", "vault/secret"}

const (
	leafWhy    = "a leaf: everybody stands on it"
	featureWhy = "features know the nouns and operation, never each other and never the vault: the state never sees a key"
	cryptoWhy  = "pure cryptography: no state, no cluster"
)

var rooms = []room{
	{"fsm/model", nil, leafWhy},
	{"fsm/codec", nil, leafWhy},
	{"vault/secret", nil, leafWhy},
	{"fsm/audit", []string{"fsm/model", "fsm/codec"}, "the trail is pure, so that it verifies offline"},
	{"fsm/authz", []string{"fsm/model"}, "one pure decision, used by edges and reducers"},
	{"fsm/table/cryptfs", []string{"vault/disk"}, "wraps the file system with the ciphers and knows nothing else"},
	{"fsm/table", []string{"fsm/model", "fsm/audit", "fsm/codec"}, "rows and events in one transaction"},
	{"fsm/state", []string{"fsm/model", "fsm/table", "fsm/codec"}, "names tables, no verbs"},
	{"fsm/command", []string{"fsm/model", "fsm/audit", "fsm/authz", "fsm/table", "fsm/state", "fsm/codec"}, "what a verb is, no verb"},
	{"fsm/operation", verbs, "the lowest feature: every other one schedules work through it"},
	{"fsm/credential", withOperation, featureWhy},
	{"fsm/device", withOperation, featureWhy},
	{"fsm/policy", withOperation, featureWhy},
	{"fsm/template", withOperation, featureWhy},
	{"fsm/automation", withOperation, featureWhy},
	{"fsm/application", withOperation, featureWhy},
	{"fsm/node", withOperation, featureWhy},
	{"fsm/keyring", withOperation, featureWhy},
	{"fsm/trail", withOperation, featureWhy},
	{"fsm/dynamic", withOperation, featureWhy},
	{"fsm/dsm", withOperation, featureWhy},
	{"fsm/information", withOperation, featureWhy},
	{"fsm/encryption", withOperation, featureWhy},
	{"fsm/relateduser", withOperation, featureWhy},
	{"fsm/profile", withOperation, featureWhy},
	{"fsm/session", withOperation, featureWhy},
	{"fsm/chain", withOperation, featureWhy},
	{"fsm/access", withOperation, featureWhy},
	{"fsm/fsmtest", []string{"fsm/..."}, "test kit of the state"},
	{"fsm", []string{"fsm/..."}, "the adapter knows all verbs and nothing outside of the state"},

	{"vault/barrier", []string{"vault/secret", "fsm/model"}, cryptoWhy},
	{"vault/policy", []string{"vault/secret", "fsm/model"}, cryptoWhy},
	{"vault/totp", []string{"vault/secret"}, cryptoWhy},
	{"vault/sshkey", []string{"vault/secret"}, cryptoWhy},
	{"vault/cipher", []string{"vault/secret", "fsm/model"}, cryptoWhy},
	{"vault/disk", []string{"vault/secret", "fsm/model"}, cryptoWhy},
	{"vault/keyring", []string{"vault/secret", "fsm/model", "vault/barrier", "vault/seal", "vault/seal/shamir"}, "builds barriers from terms and wraps the root key as seals do"},
	{"vault/seal/keyfile", []string{"vault/secret", "fsm/model", "vault/seal", "vault/disk"}, "its key file obeys the same rules as the disk key's"},
	{"vault/seal/systemdcred", []string{"vault/secret", "fsm/model", "vault/seal", "vault/disk"}, "a credential obeys the rules of key files"},
	{"vault/seal/...", []string{"vault/secret", "fsm/model", "vault/seal"}, cryptoWhy},
	{"vault/access", []string{"fsm/...", "vault/..."}, "application service: proposes verbs, opens secrets after the commit"},

	{"scheduler/trigger", []string{"fsm/model", "fsm/table", "fsm/state"}, "pure decisions over views"},
	{"scheduler/plan", []string{"fsm/model", "fsm/table", "fsm/state", "scheduler/trigger"}, "pure decisions over views"},
	{"scheduler/lead", []string{"scheduler/...", "fsm/..."}, "one leadership term: reads views, proposes verbs, sees no secret"},
	{"scheduler/ops", []string{"fsm/...", "vault/...", "scheduler/trigger", "scheduler/plan"}, "application service for operations: it tells what the plan decides"},
	{"scheduler/sim", []string{"scheduler/...", "fsm/...", "executors", "vault/secret"}, "simulates the pure core"},

	{"executors/all", []string{"executors/...", "fsm/model"}, "the list of executors"},
	{"executors/runner", []string{"executors/...", "fsm/...", "vault/barrier", "vault/keyring", "vault/policy", "vault/secret", "vault/sshkey", "vault/totp"}, "the only place where a lease meets a key"},
	{"executors/executortest/...", append([]string{"executors/executortest/..."}, contract...), "test kit of executors"},
	{"executors/cloud/...", append([]string{"executors/cloud"}, contract...), "executors of clouds share how one request is made"},
	{"executors/...", contract, "an executor sees a target, a program and masks: never state, barrier or cluster"},

	{"httpapi/route", []string{"fsm/model", "fsm/audit", "vault/secret", "httpapi/compat"}, "mounting only"},
	{"httpapi/authn", []string{"fsm/model", "fsm/audit", "vault/secret"}, "proves who asks; decisions are elsewhere"},
	{"httpapi/sts", []string{"fsm/model", "httpapi/authn"}, "the one question that is asked of AWS"},
	{"httpapi/compat", []string{"fsm/model", "fsm/audit", "vault/secret"}, "the one encoder of secrets"},
	{"httpapi/edge", []string{"vault/access", "vault/secret", "scheduler/ops", "fsm/...", "httpapi/..."}, "joins resources and services; only cmd imports it"},
	{"httpapi/examples", nil, "texts: what documents show and tests play"},
	{"httpapi/openapi", []string{"httpapi/examples", "httpapi/route", "httpapi/compat", "vault/secret", "fsm/model"}, "generated from the routes and the types of their bodies"},
	{"httpapi/...", []string{"httpapi/route", "httpapi/compat", "fsm/model", "vault/secret"}, "a resource talks to services through interfaces of its own"},

	{"cluster/backup", append([]string{"vault/disk", "vault/keyring", "vault/seal", "vault/seal/shamir"}, clusterMay...), "seals a file so that the recovery shares open it"},
	{"cluster/clustertest", []string{"cluster/...", "fsm/...", "scheduler/lead", "vault/disk"}, "test kit of the cluster: the real scheduler makes its work"},
	{"cluster/raftlog", nil, "keeps what it is given, durable and in order; it knows no content"},
	{"cluster/raftnode", append([]string{"vault/disk"}, clusterMay...), "encrypts the log store"},
	{"cluster/siem", append([]string{"vault/disk"}, clusterMay...), "its cursors outlast a power cut as a node's keys do"},
	{"cluster/...", clusterMay, "moves commands and bytes; the state machine arrives as raft.FSM"},

	{"cmd/...", []string{"..."}, "wiring"},
	{".", nil, "the laws build nothing"},
}

var clusterMay = []string{
	"vault/secret", // join tokens and private keys of nodes are wiped like every secret
	"cluster/...", "fsm/command", "fsm/audit", "fsm/model", "fsm/state", "fsm/codec", "fsm/trail", "fsm/node",
}

// kits are packages for tests only.
var kits = []string{"fsm/fsmtest", "executors/executortest/...", "vault/seal/sealtest", "cluster/clustertest", "cmd/cofre/e2e/...", "cmd/cofre/crash", "cmd/cofre/bench"}

// testsMay is what tests of every package may use besides the package's own row.
var testsMay = append([]string{"fsm/codec", "fsm/model", "vault/secret", "vault/disk"}, kits...)

// testsAlso is what tests of a room may use besides, with the reason.
var testsAlso = map[string][]string{
	"cluster/...":  {"fsm", "fsm/table"},     // a real state machine is handed in, as cmd does
	"httpapi/edge": {"fsm", "vault/keyring"}, // real services stand behind the edge
}

// debts are edges that the tables forbid and the tree has, known to the lead, with what would pay them.
var debts = map[string]string{
	"scheduler/sim -> github.com/hashicorp/raft":                  "the simulation hands raft.Log entries to the state: a constructor in fsm would hide the type",
	"cluster/clustertest -> github.com/cockroachdb/pebble/v2/vfs": "the clusters in virtual time lose power: the file system that can is Pebble's",
	"scheduler/sim -> github.com/cockroachdb/pebble/v2/vfs":       "the simulation wants a state in memory: an option of fsm/table would hide the type",
}

var importLaw = law{
	name: "imports", why: "DESIGN 4.1: data goes one way, and keys never come near the state",
	check: func(h house) []string {
		var out []string
		for _, f := range h.files {
			r, ok := roomOf(f.dir)
			if !ok {
				out = append(out, f.path+": the import table has no row for package "+f.dir)
				continue
			}
			for _, i := range f.imports {
				to, ok := strings.CutPrefix(i, "cofre/")
				if i == "cofre" {
					to, ok = ".", true
				}
				if !ok || r.allows(to, f.test) || f.test && to == f.dir {
					continue
				}
				edge := f.dir + " -> " + to
				if _, known := debts[edge]; known {
					continue
				}
				out = append(out, fmt.Sprintf("%s imports %s; %s may import %v (%s)", f.path, to, f.dir, r.may, r.why))
			}
		}
		return out
	},
	broken: []house{
		sample("fsm/credential/a.go", `package credential; import _ "cofre/fsm/device"`),
		sample("fsm/credential/a.go", `package credential; import _ "cofre/vault/barrier"`),
		sample("fsm/operation/a.go", `package operation; import _ "cofre/fsm/credential"`),
		sample("fsm/model/a.go", `package model; import _ "cofre/fsm/codec"`),
		sample("executors/ssh/a.go", `package ssh; import _ "cofre/fsm/state"`),
		sample("httpapi/credential/a.go", `package credential; import _ "cofre/vault/access"`),
		sample("cluster/gossip/a.go", `package gossip; import _ "cofre/fsm"`),
		sample("vault/access/a.go", `package access; import _ "cofre/httpapi/route"`),
		sample("scheduler/lead/a.go", `package lead; import _ "cofre/cmd/cofre"`),
		sample("attic/a.go", `package attic`),
		sample("vault/policy/a_test.go", `package policy; import _ "cofre/fsm/state"`),
	},
	kept: []house{
		sample("fsm/credential/a.go", `package credential; import _ "cofre/fsm/operation"`),
		sample("cmd/cofre/a.go", `package main; import _ "cofre/httpapi/edge"`),
		sample("executors/ssh/a_test.go", `package ssh_test; import ( _ "cofre/executors/ssh"; _ "cofre/executors/executortest/target" )`),
	},
}

func roomOf(dir string) (room, bool) {
	for _, r := range rooms {
		if matches(r.pkg, dir) {
			return r, true
		}
	}
	return room{}, false
}

func (r room) allows(to string, test bool) bool {
	if matches("cmd/...", to) {
		return r.pkg == "cmd/..."
	}
	if len(r.may) == 1 && r.may[0] == "..." || matchesAny(r.may, to) {
		return true
	}
	return test && (matchesAny(testsMay, to) || matchesAny(testsAlso[r.pkg], to))
}

var kitLaw = law{
	name: "test kits", why: "a test kit in the product would ship fake targets and fault injection",
	check: func(h house) []string {
		var out []string
		for _, f := range h.files {
			if f.test || matchesAny(kits, f.dir) {
				continue
			}
			for _, i := range f.imports {
				to, ok := strings.CutPrefix(i, "cofre/")
				if ok && (matchesAny(kits, to) || strings.HasSuffix(path.Base(to), "test")) || i == "testing" || strings.HasPrefix(i, "testing/") {
					out = append(out, f.path+" imports "+i+" outside of tests")
				}
			}
		}
		return out
	},
	broken: []house{
		sample("cmd/cofre/a.go", `package main; import _ "cofre/executors/executortest/target"`),
		sample("vault/seal/shamir/a.go", `package shamir; import _ "testing"`),
	},
	kept: []house{sample("cluster/a_test.go", `package cluster_test; import _ "cofre/cluster/clustertest"`)},
}
