package api

// inOrder puts kinds in the order in which they depend on each other, and credentials behind those that they name.
func inOrder(steps []*step) ([]*step, error) {
	var out []*step
	done, open := map[*step]bool{}, map[*step]bool{}
	byName := map[string]*step{}
	for _, s := range steps {
		if s.Kind == "credential" {
			byName[s.Name] = s
		}
	}
	var visit func(s *step) error
	visit = func(s *step) error {
		if done[s] {
			return nil
		}
		if open[s] {
			return s.object.fault("", "parent, authentication and reconciliation go in a circle")
		}
		open[s] = true
		x, _ := s.object.want["execution"].(map[string]any)
		r, _ := x["reconcile"].(map[string]any)
		var refs []any
		switch s.Kind {
		case "credential":
			refs = []any{s.object.want["parent"], x["authentication"], r["authentication"]}
		case "profile":
			refs = []any{s.object.want["authentication"]}
		}
		for _, ref := range refs {
			name, _ := ref.(string)
			if to := byName[name]; to != nil {
				if err := visit(to); err != nil {
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
