package daemon

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"cofre/cluster"
	"cofre/cluster/gossip"
	"cofre/fsm"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/httpapi/automation"
	"cofre/scheduler/ops"
)

// Status is what `cofre status` shows.
type Status struct {
	Initialized  bool           `json:"initialized"`
	Cluster      string         `json:"cluster,omitempty"`
	Dev          bool           `json:"dev,omitempty"`
	Node         string         `json:"node"`
	Version      string         `json:"version"`
	Level        uint16         `json:"level,omitempty"`
	Seal         string         `json:"seal"`
	SealNote     string         `json:"seal_note,omitempty"` // what guards the seal's key
	Keys         *KeyStatus     `json:"keys,omitempty"`
	Sealed       bool           `json:"sealed"`
	Leader       string         `json:"leader,omitempty"`
	Term         uint64         `json:"term,omitempty"`
	Tolerance    int            `json:"failure_tolerance"`
	Headline     string         `json:"headline"`
	Members      []MemberStatus `json:"members"`
	DynamicUsers int            `json:"dynamic_users"`             // that are not removed yet
	Debt         int            `json:"debt"`                      // of them, those that could not be removed
	Shut         int            `json:"shut"`                      // devices that get no new dynamic users because of them
	OpenDebt     int            `json:"open_debt"`                 // accounts that could not be inactivated after their last session
	Receivers    []Receiver     `json:"audit_receivers,omitempty"` // of the answering node

	Automation *automation.View `json:"automation,omitempty"`        // what starts by itself, and the execution parameters in force
	Approval   *Approval        `json:"template_approval,omitempty"` // the parameter about templates

	Warnings []string `json:"warnings,omitempty"`
}

// Approval tells whether a new version of a template waits until somebody else approves it.
type Approval struct {
	InForce bool `json:"in_force"` // two or more authorizations may approve
	Levels  int  `json:"levels"`   // approvals that a version then needs
}

// Receiver is where the answering node sends its audit events.
type Receiver struct {
	Name     string `json:"name"`
	About    string `json:"about"`
	Position uint64 `json:"position"`            // last sequence number that was dealt with
	Sent     uint64 `json:"sent"`                // since the start
	Aside    uint64 `json:"set_aside,omitempty"` // since the start: what the receiver kept refusing while it took others
	Error    string `json:"error,omitempty"`
	Note     string `json:"note,omitempty"` // what does not work although it sends
}

// MemberStatus is one member as seen from the answering node.
type MemberStatus struct {
	ID          string   `json:"id"`
	Role        string   `json:"role"`   // leader, voter, non-voter, joining, removed
	State       string   `json:"state"`  // joined, approved
	Health      string   `json:"health"` // ok, silent, stale, unfit; gossip's rumour in brackets when it differs
	API         string   `json:"api"`
	Peer        string   `json:"peer"`
	LastContact string   `json:"last_contact,omitempty"` // how long ago it heard the leader
	RoundTrip   string   `json:"round_trip,omitempty"`   // from the answering node to it and back, at best in the last minute
	Applied     uint64   `json:"applied"`
	Lag         uint64   `json:"lag"`
	Version     string   `json:"version"`
	Level       uint16   `json:"level"`
	Sealed      bool     `json:"sealed"`
	Slots       int      `json:"slots"`
	Busy        int      `json:"busy"`
	Fingerprint string   `json:"fingerprint"`
	Notes       []string `json:"notes,omitempty"`
}

func (d *Daemon) status(ctx context.Context) Status {
	s := Status{Node: d.config.Node, Version: d.version, Seal: d.config.Seal, Sealed: true, Headline: errNoCluster.Msg, Members: []MemberStatus{}}
	m, err := d.current()
	if err != nil {
		return s
	}
	row, ok := m.ring()
	s.Initialized, s.Cluster, s.Dev = true, string(m.self.Get().Cluster), ok && row.Dev
	s.Sealed, s.Leader, s.Term, s.Level = m.keys.Sealed(), string(m.node.Leader()), m.node.Term(), m.fsm.Level()
	seen, err := cluster.Gather(ctx, m.node, m.client, m.status)
	if err != nil {
		s.Headline = err.Error()
		return s
	}
	s.SealNote, s.Keys = sealNote(m.config), m.keyStatus(row, ok)
	if k := s.Keys; k != nil && len(k.Waiting) > 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("these nodes have not taken the newest root key yet, and do when they are up and open: %s", strings.Join(k.Waiting, ", ")))
	}
	rumours := m.health()
	var v voters
	in := map[model.NodeID]bool{}
	for _, o := range seen {
		ms := m.describe(o, rumours[o.ID], s.Leader)
		in[o.ID] = true
		if o.Voter {
			v.all++
			if o.Status != nil {
				v.answering++ // this node too, though without a leader it is stale
			}
			if ms.Health == "ok" || ms.Health == "unfit" {
				v.healthy++
				if !ms.Sealed {
					v.open++
				}
			}
		}
		s.Members = append(s.Members, ms)
	}
	for _, n := range m.rows() {
		if !in[n.ID] && n.State != model.NodeRemoved {
			s.Members = append(s.Members, MemberStatus{ID: string(n.ID), Role: "joining", State: n.State.String(), Health: "silent", API: n.API, Peer: n.Peer, Sealed: true, Fingerprint: model.Fingerprint(n.PublicKey)})
		}
	}
	if far := distantText(m.clock.Majority(), m.config.Timing); far != "" {
		s.Warnings = append(s.Warnings, far)
	}
	s.Tolerance = v.tolerance()
	switch s.Headline = v.headline(s.Leader); {
	case m.unfounded():
		s.Headline = unfoundedText(m.config.DataDir)
	case m.removed() || s.Leader == "" && expelled(m.id(), seen):
		s.Headline = removedText(m.config.DataDir)
	case s.Leader != "" && !m.clock.Disagrees():
		s.Headline = cmp.Or(aheadText(m.stateTime(), model.TimeOf(time.Now())), s.Headline)
	}
	if f := m.echoes.Load(); f != nil {
		for _, r := range f.Status() {
			s.Receivers = append(s.Receivers, Receiver{r.Name, r.About, r.Position, r.Sent, r.Aside, r.Error, r.Note})
		}
	}
	view := m.fsm.View()
	frozen, restored := state.SystemRow(view).Frozen, state.Automation(view).Restored != 0
	now := model.TimeOf(time.Now())
	running := automation.ViewOf((*automation.Now)(ops.AutomationAt(view, now)), now)
	s.Automation, s.Approval = &running, &Approval{InForce: state.Approvers(view, 2) > 1, Levels: state.TemplateLevels(view)}
	s.DynamicUsers, s.Debt, s.Shut, s.OpenDebt = state.LiveLeases(view, "").Live, state.Debt(view), state.ShutDevices(view), state.OpenDebt(view)
	view.Close()
	if s.OpenDebt > 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%d accounts could not be inactivated several times in a row after their last session: they may be open on their targets; it is tried on", s.OpenDebt))
	}
	if s.Debt > 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%d dynamic users could not be removed several times in a row: cofre dynamic lease debt; removal goes on", s.Debt))
	}
	if s.Shut > 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%d devices get no new dynamic users before some of those are gone", s.Shut))
	}
	if restored {
		s.Warnings = append(s.Warnings, "the cluster was restored from a backup: changes, verifications and what waited are held until cofre automation resume")
	}
	if frozen && restored {
		s.Warnings = append(s.Warnings, "the cluster was restored from a backup: custodies, sessions and dynamic users whose time is over are held until cofre cluster confirm-time")
	} else if frozen {
		s.Warnings = append(s.Warnings, "automatic changes wait: "+model.Unconfirmed)
	}
	return s
}

// voters counts them: answering here, hearing the leader, and of these the ones whose vault is open.
type voters struct{ all, answering, healthy, open int }

// tolerance is how many of them may fail without a stop of the service: a majority has to be left, and an open vault.
func (v voters) tolerance() int { return max(0, min(v.healthy-(v.all/2+1), v.open-1)) }

func (v voters) headline(leader string) string {
	switch {
	case leader == "":
		return fmt.Sprintf("NO LEADER: %d of %d voters answer; nothing is served until a majority does: start those that are silent, or mend the network; if they are lost for ever: cofre backup rescue", v.answering, v.all)
	case v.healthy == 0:
		return fmt.Sprintf("NO MAJORITY: %d of %d voters answer, but none is in touch with a majority, and nothing is served: mend the network between them", v.answering, v.all)
	case v.open == 0:
		return fmt.Sprintf("SEALED: %d of %d voters are healthy, but the vault is open on none, and nothing is served: cofre unseal, on each node; where the key of its seal is lost: cofre recover unseal", v.healthy, v.all)
	case v.all == 1:
		return "one voter: a failure of this node stops the service; add two more nodes"
	case v.tolerance() == 0 && v.open < v.healthy:
		return fmt.Sprintf("DEGRADED: %d of %d voters are healthy, and the vault is open on %d of these; the next failure may stop the service: cofre unseal, on the others", v.healthy, v.all, v.open)
	case v.tolerance() == 0:
		return fmt.Sprintf("DEGRADED: %d of %d voters are healthy; the next failure stops the service", v.healthy, v.all)
	}
	return fmt.Sprintf("%d of %d voters are healthy; the cluster survives the loss of %d", v.healthy, v.all, v.tolerance())
}

// aheadText says that nothing is taken until the clocks reach the cluster's time, "" where things are well: a leader's
// clock was wrong, and was not known to be (RULES 1), as when two clocks of three were.
func aheadText(cluster, now model.Time) string {
	end := cluster.Add(-fsm.CommandsLive)
	if now >= end {
		return ""
	}
	return fmt.Sprintf("REFUSING: the cluster's time, %s, is ahead of the clocks, because those of several nodes were wrong: changes and secrets are refused as older than %s until the clocks show %s", cluster, fsm.CommandsLive, end)
}

// mostRoundTrip is how long the way to a majority and back may take at timing 1: a leader has to hear from one within its
// lease of 250 ms, and the busiest moments count.
const mostRoundTrip = 200 * time.Millisecond

// distantText says that members are too far apart for the timing that is set, "" where they are not.
func distantText(round time.Duration, timing float64) string {
	fits := math.Ceil(float64(round) / float64(mostRoundTrip))
	if fits <= max(timing, 1) {
		return ""
	}
	return fmt.Sprintf("a message to a majority and its answer take %s, too long for timing: %g, with which a leader may not last: set timing: %g on every node, and restart one after the other", round.Round(time.Millisecond), timing, fits)
}

func (m *member) describe(o cluster.MemberStatus, rumour gossip.Health, leader string) MemberStatus {
	out := MemberStatus{ID: string(o.ID), Role: "non-voter", Health: "silent", Peer: o.Address, Lag: o.Lag}
	switch {
	case string(o.ID) == leader:
		out.Role = "leader"
	case o.Voter:
		out.Role = "voter"
	}
	if n, ok := m.row(o.ID); ok {
		out.State, out.API, out.Fingerprint = n.State.String(), n.API, model.Fingerprint(n.PublicKey)
		out.Slots, out.Version, out.Level, out.Sealed = n.Announced.Slots, n.Announced.Version, n.Announced.Level, n.Announced.Sealed
		v := m.fsm.View()
		for range state.Operations.By(v, "lease", string(o.ID)) {
			out.Busy++
		}
		v.Close()
	}
	if round := m.clock.RoundTrip(o.ID); round > 0 {
		out.RoundTrip = round.Round(time.Millisecond / 10).String()
	}
	if s := o.Status; s != nil {
		out.Health, out.Applied, out.Version, out.Level, out.Sealed, out.Notes = "ok", s.Progress.Applied, s.Version, s.Level, s.Sealed, s.Notes
		switch {
		case !s.Fresh:
			out.Health = "stale"
		case s.Unfit:
			out.Health = "unfit"
		}
		if s.Progress.LastContact >= 0 {
			out.LastContact = (time.Duration(s.Progress.LastContact) * time.Millisecond).String()
		}
	} else if o.Err != nil {
		out.Notes = append(out.Notes, o.Err.Error())
	}
	switch {
	case out.State == model.NodeJoined.String():
		out.Notes = append(out.Notes, fmt.Sprintf("waits for approval: compare its fingerprint with its console, then cofre cluster approve %s", o.ID))
	case out.Sealed && o.Status != nil:
		out.Notes = append(out.Notes, "its vault is closed, and it serves nothing: cofre unseal, there")
	}
	if rumour == gossip.Dead || rumour == gossip.Suspect {
		out.Notes = append(out.Notes, "gossip calls it "+string(rumour))
	}
	return out
}
