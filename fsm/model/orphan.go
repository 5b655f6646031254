package model

import (
	"strconv"
	"strings"
	"time"
)

// Orphan is an account on a target with a name that only a profile of ours gives, which no dynamic user owns: what a
// creation left that came through after its removal, or what a lost cluster left behind. It is reported, and removed only
// when somebody asks for it.
type Orphan struct {
	Number   uint64        `cbor:"number"`
	Profile  ProfileID     `cbor:"profile"`
	Device   DeviceID      `cbor:"device"`
	Username string        `cbor:"username"`
	FoundAt  Time          `cbor:"found_at"`       // first
	SeenAt   Time          `cbor:"seen_at"`        // last
	User     DynamicUserID `cbor:"user,omitempty"` // as which it is being removed
}

// OrphanSearch is what was found out when the users of a profile were last looked for on a device.
type OrphanSearch struct {
	Profile   ProfileID   `cbor:"profile"`
	Device    DeviceID    `cbor:"device"`
	Operation OperationID `cbor:"operation"`         // the last one
	Busy      OperationID `cbor:"busy,omitempty"`    // the one at work
	DoneAt    Time        `cbor:"done_at,omitempty"` // when accounts were listed last
	Found     int         `cbor:"found"`             // orphans
	Partial   bool        `cbor:"partial,omitempty"` // there were more than one report holds
	Revision  uint64      `cbor:"revision"`
}

// ID names the search.
func (s *OrphanSearch) ID() string { return OrphanSearchID(s.Profile, s.Device) }

// OrphanSearchID names the search for the users of a profile on a device.
func OrphanSearchID(p ProfileID, d DeviceID) string { return string(p) + "/" + string(d) }

// Account is the search as an executor sees accounts: it has no secret.
func (s *OrphanSearch) Account(p *DynamicProfile) *Credential {
	return &Credential{Username: DynamicPrefix(p.Executor, p.Identifier) + "*", Identifier: DynamicPrefix(p.Executor, p.Identifier) + "*", Device: s.Device, Policy: p.Policy, Additional: p.Additional, Enabled: true,
		Execution: Execution{Executor: p.Executor, Authentication: p.Authentication}}
}

// OrphanPlan is when all targets are searched next, and how far a round has come.
type OrphanPlan struct {
	Every   int64     `cbor:"every"`             // milliseconds; negative: never by itself
	NextAt  Time      `cbor:"next_at,omitempty"` // 0: not planned yet
	Profile ProfileID `cbor:"profile,omitempty"` // a round goes on behind it ...
	Device  DeviceID  `cbor:"device,omitempty"`  // ... and, within it, behind this device
}

// OrphansEvery is how often targets are searched unless somebody says otherwise.
const OrphansEvery = 24 * time.Hour

// MaxOrphans is how many accounts one search reports.
const MaxOrphans = 200

// DynamicNamed tells whether a name is one that DynamicName makes for a profile, and with which digits the id of the user
// begins. Some targets change the case of names.
func DynamicNamed(executor ExecutorName, identifier, name string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(strings.ToLower(name), DynamicPrefix(executor, identifier))
	if !ok {
		return "", false
	}
	if s, ok := shortNames[executor]; ok {
		if n := len(rest) - s.digits; n != 6 && n != 7 { // what the time takes
			return "", false
		}
		at, id := rest[:len(rest)-s.digits], rest[len(rest)-s.digits:]
		_, err := strconv.ParseUint(at, 36, 64)
		return id, err == nil && isHex(id)
	}
	at, id, ok := strings.Cut(rest, "_")
	if !ok || len(id) != 8 || !isHex(id) {
		return "", false
	}
	_, err := time.Parse("060102150405", at)
	return id, err == nil
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }
