package daemon

import (
	"crypto/x509"
	"slices"
	"time"

	"cofre/cmd/cofre/config"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/vault/seal/keyfile"
	"cofre/vault/seal/systemdcred"
)

// KeyStatus tells how far rotations are.
type KeyStatus struct {
	Root    uint32   `json:"root"`              // generation of the root key
	Term    uint32   `json:"term"`              // key term of new values
	Older   int      `json:"older_terms"`       // terms that are not destroyed yet
	Pending int      `json:"pending"`           // rows still under older terms; counted up to a million
	Waiting []string `json:"waiting,omitempty"` // nodes that have not taken the newest root key
	Shares  bool     `json:"shares"`            // nodes are opened by shares
}

const mostPending = 1_000_000

func (m *member) keyStatus(row model.Keyring, ok bool) *KeyStatus {
	if !ok {
		return nil
	}
	k := &KeyStatus{Root: row.Root, Term: row.Active, Older: len(row.Terms) - 1, Shares: row.Shamir != nil}
	if k.Older > 0 {
		v := m.fsm.View()
		for _, t := range state.SealedTables {
			k.Pending += t.CountOlder(v, row.Active, mostPending)
		}
		v.Close()
	}
	for _, b := range row.Handover {
		if id := string(b.Node); !slices.Contains(k.Waiting, id) {
			k.Waiting = append(k.Waiting, id)
		}
	}
	return k
}

// sealNote says plainly who can open this node's vault without a person.
func sealNote(c config.Config) string {
	const disk = "a copy of this machine's whole disk opens the vault"
	switch c.Seal {
	case keyfile.Name:
		return disk
	case systemdcred.Name:
		switch b, _ := systemdcred.Bound(c.SealCredential); b {
		case systemdcred.TPM:
			return "bound to this machine's TPM"
		case systemdcred.Host:
			return "not bound to a TPM: " + disk
		case systemdcred.Nothing:
			return "the credential is not encrypted at all: " + disk
		default:
			return "it is not known whether a TPM guards it: seal_credential cannot be read, or is of a new kind"
		}
	}
	return "people bring shares after each restart"
}

// certificateNote tells when this node's certificate is out of date. Members go on by its pinned key; clients of the API
// do not.
func (m *member) certificateNote() string {
	id := m.self.Get()
	if len(id.Chain) == 0 {
		return ""
	}
	c, err := x509.ParseCertificate(id.Chain[0])
	if err != nil || time.Now().Before(c.NotAfter) {
		return ""
	}
	return "ALARM: the certificate of this node ended on " + c.NotAfter.UTC().Format(time.DateOnly) + "; it is renewed when the vault is open"
}
