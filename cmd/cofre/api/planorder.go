package api

import "cofre/fsm/model"

// keyOf tells the objects of a file apart: host names are the same in any case.
func keyOf(kind, name string) string {
	if kind == "device" {
		name = model.FoldHost(name)
	}
	return kind + "/" + name
}

// inOrder puts kinds in the order in which they depend on each other, and devices, credentials and profiles behind those that they name.
func inOrder(steps []*step) ([]*step, error) {
	var out []*step
	done, open := map[*step]bool{}, map[*step]bool{}
	named := map[string]*step{}
	for _, s := range steps {
		named[keyOf(s.Kind, s.Name)] = s
	}
	var visit func(s *step) error
	visit = func(s *step) error {
		if done[s] {
			return nil
		}
		if open[s] {
			return s.object.fault("", "parent, authentication, reconciliation and jump hosts go in a circle")
		}
		open[s] = true
		want := s.object.want
		x, _ := want["execution"].(map[string]any)
		r, _ := x["reconcile"].(map[string]any)
		var refs []ref
		switch s.Kind {
		case "device":
			refs = []ref{{"device", want["via"]}, {"credential", want["via_login"]}}
		case "credential":
			refs = []ref{{"device", want["hostname"]}, {"credential", want["parent"]}, {"credential", x["authentication"]}, {"credential", r["authentication"]}}
		case "profile":
			refs = []ref{{"credential", want["authentication"]}}
		}
		for _, to := range refs {
			name, _ := to.name.(string)
			if next := named[keyOf(to.kind, name)]; next != nil {
				if err := visit(next); err != nil {
					return err
				}
			}
		}
		done[s] = true
		out = append(out, s)
		return nil
	}
	for _, k := range kinds {
		for _, s := range steps {
			if s.Kind != k.name {
				continue
			}
			if err := visit(s); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// ref is what a manifest says about another object; its name is whatever stands there.
type ref struct {
	kind string
	name any
}
