package chain

import (
	"strconv"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/operation"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// resolve turns a script into orders with ids. What it names must exist.
func resolve(r table.Reader, script string) (model.ChainOrders, error) {
	var out model.ChainOrders
	lines, err := parse(script)
	if err != nil {
		return out, err
	}
	seen := map[model.ChainMember]bool{}
	var linked *order
	for i := range lines {
		l := &lines[i]
		var member model.ChainMember
		switch l.verb {
		case "check_conn":
			out.CheckConn = true
			continue
		case "rollback":
			out.Rollback = true
			continue
		case "linked_tpl":
			if out.Linked != "" {
				return out, wrong(l.line, 1, "a script has one linked_tpl")
			}
			if out.Linked, err = linkedTemplate(r, l); err != nil {
				return out, err
			}
			continue
		case "cred":
			c, ok := credential(r, l.arg.text)
			if !ok {
				return out, wrong(l.line, l.arg.col, "there is no such credential")
			}
			member.Credential = c.ID
		default:
			p, ok := pool(r, l.arg.text)
			if !ok {
				return out, wrong(l.line, l.arg.col, "there is no such pool")
			}
			member.Pool = p.ID
		}
		if seen[member] {
			return out, wrong(l.line, l.arg.col, "it is changed by a line above already")
		}
		seen[member] = true
		if l.linked && linked == nil {
			linked = l
		}
		member.Linked = l.linked
		out.Members = append(out.Members, member)
	}
	switch {
	case len(out.Members) == 0:
		return out, model.Errorf(model.Invalid, "the script changes nothing: add a line such as change cred 12").WithField("script")
	case linked != nil && out.Linked == "":
		return out, wrong(linked.line, linked.arg.col, "linked needs a line linked_tpl with the id of a template")
	}
	return out, nil
}

func linkedTemplate(r table.Reader, l *order) (model.TemplateID, error) {
	t, ok := state.Templates.Get(r, l.arg.text)
	if !ok {
		for other := range state.Templates.All(r, "") {
			if other.Name != l.arg.text || other.Kind != model.TemplateChange {
				continue
			}
			if ok {
				return "", wrong(l.line, l.arg.col, "several executors have a template of that name: give its id")
			}
			t, ok = other, true
		}
	}
	switch {
	case !ok:
		return "", wrong(l.line, l.arg.col, "there is no such template")
	case t.Kind != model.TemplateChange:
		return "", wrong(l.line, l.arg.col, "the template does not change passwords")
	}
	return t.ID, nil
}

func credential(r table.Reader, name string) (*model.Credential, bool) {
	if n, err := strconv.ParseUint(name, 10, 64); err == nil {
		return state.Credentials.First(r, "number", table.NumberKey(n))
	}
	return state.Credentials.First(r, "identifier", name)
}

func pool(r table.Reader, name string) (*model.Pool, bool) {
	if n, err := strconv.ParseUint(name, 10, 64); err == nil {
		return state.Pools.First(r, "number", table.NumberKey(n))
	}
	return state.Pools.First(r, "name", name)
}

// expand lists the credentials of orders, each once: pools give theirs.
func expand(r table.Reader, o *model.ChainOrders) ([]model.RunMember, error) {
	var out []model.RunMember
	seen := map[model.CredentialID]bool{}
	for _, m := range o.Members {
		ids := []model.CredentialID{m.Credential}
		if m.Pool != "" {
			p, ok := state.Pools.Get(r, string(m.Pool))
			if !ok {
				return nil, model.Errorf(model.Internal, "a pool of the chain is gone")
			}
			ids = p.Members
		}
		for _, id := range ids {
			c, ok := state.Credentials.Get(r, string(id))
			if !ok {
				return nil, model.Errorf(model.Conflict, "a credential of the chain is gone")
			}
			if seen[id] {
				continue
			}
			seen[id] = true
			member := model.RunMember{Credential: id, Executor: c.Execution.Executor, Template: c.Execution.ChangeTemplate}
			if v := c.ByRole(model.RoleCurrent); v != nil {
				member.Before = v.N
			}
			if t, ok := state.Templates.Get(r, string(o.Linked)); ok && m.Linked {
				member.Executor, member.Template = t.Executor, t.ID
			}
			out = append(out, member)
		}
	}
	if len(out) > model.MaxMembers {
		return nil, model.Errorf(model.Invalid, "the chain has %d credentials, the limit is %d", len(out), model.MaxMembers).WithField("script")
	}
	return out, nil
}

// mayUse decides whether the actor may let all that orders name share a password, the pools' credentials included.
func mayUse(tx *table.Tx, m command.Meta, o *model.ChainOrders) error {
	members, err := expand(tx, o)
	if err != nil {
		return err
	}
	for _, member := range members {
		if err := operation.MayJoin(tx, m, member.Credential); err != nil {
			return err
		}
	}
	return nil
}
