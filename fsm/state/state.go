// Package state names every table of the replicated state, one line each. Reducers and readers reach tables through
// it; nobody else declares one.
package state

import (
	"cofre/fsm/codec"
	"cofre/fsm/model"
	"cofre/fsm/table"
	"iter"
)

// Sequence counts one kind of number.
type Sequence struct {
	Name string `cbor:"name"`
	Last uint64 `cbor:"last"`
}

// AnswerIDs tells which commands of a log entry were answered, so that a retry gets the same answer (RULES 2). Its key is
// the position of the first of them; an entry with long answers has several rows.
type AnswerIDs struct {
	First model.Pos  `cbor:"first"`
	Until model.Time `cbor:"until"` // the newest moment at which one of them was answered, or made
	IDs   []byte     `cbor:"ids"`   // 16 bytes each
}

// AnswerList is the answers themselves, under the same key and in the same order. They are apart because a node that
// starts reads the ids of all, and the answers are long.
type AnswerList struct {
	First model.Pos `cbor:"first"`
	List  []Answer  `cbor:"list"`
}

// Answer is the remembered result of a command.
type Answer struct {
	Body codec.Raw    `cbor:"body,omitempty"`
	Err  *model.Error `cbor:"err,omitempty"`
}

// StateHash is what a node says its state hashes to at an index.
type StateHash struct {
	Node  model.NodeID `cbor:"node"`
	Index uint64       `cbor:"index"`
	Hash  []byte       `cbor:"hash"`
}

// SystemKey is the key of the single rows of System and Keyring.
const SystemKey = "system"

// The tables. Ids 1 and 2 are the trail's, in fsm/table; ids are never reused.
var (
	System     = table.Define(3, "system", func(*model.System) string { return SystemKey })
	Keyring    = table.Define(4, "keyring", func(*model.Keyring) string { return SystemKey })
	Sequences  = table.Define(5, "sequence", func(s *Sequence) string { return s.Name })
	Answered   = table.Define(6, "answered", func(a *AnswerIDs) string { return PosKey(a.First) })
	Answers    = table.Define(25, "answer", func(a *AnswerList) string { return PosKey(a.First) })
	Nodes      = table.Define(7, "node", func(n *model.Node) string { return string(n.ID) })
	JoinTokens = table.Define(8, "join_token", func(t *model.JoinToken) string { return t.ID })
	Hashes     = table.Define(9, "state_hash", func(h *StateHash) string { return string(h.Node) })

	Applications = table.Define(10, "application", func(a *model.Application) string { return string(a.ID) },
		table.Index[model.Application]{Name: "name", Unique: true, Keys: func(a *model.Application) []string { return []string{a.Name} }},
		table.Index[model.Application]{Name: "deleting", Keys: func(a *model.Application) []string { return only(a.Deleting) }})
	Authorizations = table.Define(11, "authorization", func(a *model.Authorization) string { return string(a.ID) },
		table.Index[model.Authorization]{Name: "client", Unique: true, Keys: func(a *model.Authorization) []string { return []string{a.ClientID} }},
		table.Index[model.Authorization]{Name: "application", Keys: func(a *model.Authorization) []string { return []string{string(a.Application)} }},
		table.Index[model.Authorization]{Name: "right", Keys: rights},
		table.Index[model.Authorization]{Name: "ending", Keys: func(a *model.Authorization) []string { return endingKey(a.Enabled, a.ExpiresAt, a.EndTold) }},
		table.Index[model.Authorization]{Name: "deleting", Keys: func(a *model.Authorization) []string { return only(a.Deleting) }})
	RevokedTokens = table.Define(12, "revoked_token", func(t *model.RevokedToken) string { return t.ID },
		table.Index[model.RevokedToken]{Name: "until", Keys: func(t *model.RevokedToken) []string { return []string{table.TimeKey(t.Until)} }})

	Devices = table.Define(13, "device", func(d *model.Device) string { return string(d.ID) },
		table.Index[model.Device]{Name: "number", Unique: true, Drawn: true, Keys: func(d *model.Device) []string { return []string{table.NumberKey(d.Number)} }},
		table.Index[model.Device]{Name: "hostname", Unique: true, Keys: func(d *model.Device) []string { return []string{model.FoldHost(d.Hostname)} }},
		table.Index[model.Device]{Name: "via", Keys: viaKey})
	Credentials = table.Define(14, "credential", func(c *model.Credential) string { return string(c.ID) },
		table.Index[model.Credential]{Name: "number", Unique: true, Drawn: true, Keys: func(c *model.Credential) []string { return []string{table.NumberKey(c.Number)} }},
		table.Index[model.Credential]{Name: "identifier", Unique: true, Keys: func(c *model.Credential) []string { return []string{c.Identifier} }},
		table.Index[model.Credential]{Name: "account", Unique: true, Keys: accountKey},
		table.Index[model.Credential]{Name: "device", Keys: func(c *model.Credential) []string { return []string{string(c.Device)} }},
		table.Index[model.Credential]{Name: "parent", Keys: parentKey},
		table.Index[model.Credential]{Name: "spent", Edition: 1, Keys: spentKey},
		table.Index[model.Credential]{Name: "due", Keys: dueKey},
		table.Index[model.Credential]{Name: "verify", Keys: verifyKey},
		table.Index[model.Credential]{Name: "open_debt", Keys: overdueKey},
		sealedIndex(credentialValues))
	Custodies = table.Define(15, "custody", func(c *model.Custody) string { return string(c.ID) },
		table.Index[model.Custody]{Name: "credential", Keys: func(c *model.Custody) []string { return []string{string(c.Credential)} }},
		table.Index[model.Custody]{Name: "until", Keys: func(c *model.Custody) []string { return []string{table.TimeKey(c.Until)} }})
	Policies = table.Define(16, "policy", func(p *model.Policy) string { return string(p.ID) },
		table.Index[model.Policy]{Name: "name", Unique: true, Keys: func(p *model.Policy) []string { return []string{p.Name} }},
		table.Index[model.Policy]{Name: "criteria", Keys: criteriaKey})
	Templates = table.Define(17, "template", func(t *model.Template) string { return string(t.ID) },
		table.Index[model.Template]{Name: "name", Unique: true, Keys: func(t *model.Template) []string { return []string{TemplateKey(t.Executor, t.Name)} }})

	Operations = table.Define(18, "operation", func(o *model.Operation) string { return string(o.ID) },
		table.Index[model.Operation]{Name: "number", Unique: true, Drawn: true, Keys: func(o *model.Operation) []string { return []string{table.NumberKey(o.Number)} }},
		table.Index[model.Operation]{Name: "dedup", Unique: true, Keys: openDedup},
		table.Index[model.Operation]{Name: "target", Keys: func(o *model.Operation) []string { return []string{o.Target.ID} }},
		table.Index[model.Operation]{Name: "open", Keys: openTarget},
		table.Index[model.Operation]{Name: "lease", Keys: leaseKey},
		table.Index[model.Operation]{Name: "state", Keys: func(o *model.Operation) []string { return []string{o.State.String()} }},
		table.Index[model.Operation]{Name: "prompt", Keys: prompt},
		table.Index[model.Operation]{Name: "patient", Keys: patient},
		table.Index[model.Operation]{Name: "finished", Keys: finishedKey},
		table.Index[model.Operation]{Name: "held", Keys: heldKey})
	Attempts = table.Define(19, "attempt", AttemptKey)
)

// viaKey finds the devices behind a jump host or proxy.
func viaKey(d *model.Device) []string {
	if d.Via == "" {
		return nil
	}
	return []string{string(d.Via)}
}

// Schema lists every table of the replicated state.
var Schema = []table.Erased{
	table.Audit, table.AuditHead, System, Keyring, Sequences, Answered, Answers, Nodes, JoinTokens, Hashes,
	Applications, Authorizations, RevokedTokens, Devices, Credentials, Custodies, Policies, Templates, Operations, Attempts,
	Profiles, DynamicUsers, DSMSecrets, DSMVersions, ClientKeys, OAuth1Keys, UsedNonces, Provisionings, LeaseCounts, Revocations, Automations,
	Informations, RelatedUsers, ExecutionProfiles, Sessions, EncryptionKeys,
	Chains, Pools, ChainRuns, AWSRoles, AWSKeys, AccessProfiles, Orphans, OrphanSearches, OrphanPlans,
	DSMAutomations, DSMPulses, DSMErrors, Captures,
}

// accountKey lists passwords only: an account has one, and any number of keys.
func accountKey(c *model.Credential) []string {
	if c.Key != nil {
		return nil
	}
	return []string{AccountKey(c.Device, c.Username)}
}

// DeviceNamed finds a device by its host name, in whatever case.
func DeviceNamed(r table.Reader, hostname string) (*model.Device, bool) {
	return Devices.First(r, "hostname", model.FoldHost(hostname))
}

// AccountKey identifies an account: device and user name.
func AccountKey(d model.DeviceID, username string) string { return string(d) + "/" + username }

// TemplateKey identifies a template by executor and name.
func TemplateKey(e model.ExecutorName, name string) string { return string(e) + "/" + name }

// AttemptKey orders attempts by operation and time.
func AttemptKey(a *model.Attempt) string {
	return string(a.Operation) + "/" + table.NumberKey(uint64(a.Token))
}

// PosKey orders positions in the log.
func PosKey(p model.Pos) string { return table.NumberKey(uint64(p)) }

// Next draws the next number of a sequence.
func Next(tx *table.Tx, name string) uint64 {
	s, ok := Sequences.Get(tx, name)
	if !ok {
		s = &Sequence{Name: name}
	}
	s.Last++
	Sequences.Put(tx, s)
	return s.Last
}

// SystemRow reads the facts about the state itself; an empty state gives level 1 and default leases.
func SystemRow(r table.Reader) model.System {
	if s, ok := System.Look(r, SystemKey); ok {
		return *s
	}
	return model.System{Level: 1, Leases: model.DefaultLeases}
}

// Approvers counts the enabled authorizations that may approve templates, up to a limit.
func Approvers(r table.Reader, limit int) int {
	n := 0
	for a := range Authorizations.By(r, "right", string(model.TemplateApprove)) {
		if a.Enabled {
			if n++; n == limit {
				break
			}
		}
	}
	return n
}

// TemplateLevels is the number of approvals that a version of a template needs, where anybody can approve it.
func TemplateLevels(r table.Reader) int { return max(1, SystemRow(r).TemplateLevels) }

func rights(a *model.Authorization) []string {
	var keys []string
	for _, r := range a.Rights {
		keys = append(keys, string(r))
	}
	return keys
}

func parentKey(c *model.Credential) []string {
	if c.Parent == "" {
		return nil
	}
	return []string{string(c.Parent)}
}

func dueKey(c *model.Credential) []string {
	if c.RotateAt == 0 || !c.Enabled || c.Busy != "" || c.Execution.Executor == "" {
		return nil
	}
	return []string{table.TimeKey(c.RotateAt)}
}

func verifyKey(c *model.Credential) []string {
	if c.VerifyAt == 0 || !c.Enabled || c.Busy != "" {
		return nil
	}
	return []string{table.TimeKey(c.VerifyAt)}
}

func spentKey(c *model.Credential) []string { return only(len(c.Spent()) > 0) }

// only lists a row under "yes" if something is true.
func only(is bool) []string {
	if !is {
		return nil
	}
	return []string{"yes"}
}

func openDedup(o *model.Operation) []string {
	if o.State.Final() {
		return nil
	}
	return []string{o.DedupKey}
}

func openTarget(o *model.Operation) []string {
	if o.State.Final() {
		return nil
	}
	return []string{o.Target.ID}
}

// finishedKey orders the operations that ended by their end.
func finishedKey(o *model.Operation) []string {
	if !o.State.Final() {
		return nil
	}
	return []string{table.TimeKey(o.FinishedAt)}
}

func waiting(o *model.Operation) []string {
	if o.State != model.OpReady && o.State != model.OpUncertain {
		return nil
	}
	return []string{table.TimeKey(o.NotBefore)}
}

// prompt indexes what waits and goes before the rest.
func prompt(o *model.Operation) []string {
	if !o.Prompt() {
		return nil
	}
	return waiting(o)
}

// patient indexes what waits and merely fell due.
func patient(o *model.Operation) []string {
	if o.Prompt() {
		return nil
	}
	return waiting(o)
}

// HeldKey is the position in the index "held" of what was put off until a moment. What a freeze and a stop hold back stands apart from
// what the execution hours alone hold back, so that neither is searched for the other.
func HeldKey(automatic bool, until model.Time) string {
	if automatic {
		return "automatic/" + table.TimeKey(until)
	}
	return "other/" + table.TimeKey(until)
}

func heldKey(o *model.Operation) []string {
	if o.Held == 0 || waiting(o) == nil {
		return nil
	}
	return []string{HeldKey(o.Automatic(), o.NotBefore)}
}

// Waiting lists the operations that no slot has and that may start from a moment on, before another: each part by that moment, what goes
// before the rest first.
func Waiting(r table.Reader, from, until model.Time) iter.Seq[*model.Operation] {
	return func(yield func(*model.Operation) bool) {
		for _, index := range []string{"prompt", "patient"} {
			for o := range Operations.Range(r, index, table.TimeKey(from), table.TimeKey(until)) {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// After is the position behind a waiting operation in the indexes of those.
func After(o *model.Operation) string {
	return table.TimeKey(o.NotBefore) + "\x00" + string(o.ID) + "\x00"
}

func leaseKey(o *model.Operation) []string {
	if o.Lease == nil {
		return nil
	}
	return []string{string(o.Lease.Node)}
}
