package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// Chains, the pools that they name, and their runs.
var (
	Chains = table.Define(43, "chain", func(c *model.Chain) string { return string(c.ID) },
		table.Index[model.Chain]{Name: "name", Unique: true, Keys: func(c *model.Chain) []string { return []string{c.Name} }},
		table.Index[model.Chain]{Name: "pool", Keys: poolsOf},
		table.Index[model.Chain]{Name: "due", Keys: chainDue})
	Pools = table.Define(44, "pool", func(p *model.Pool) string { return string(p.ID) },
		table.Index[model.Pool]{Name: "number", Unique: true, Drawn: true, Keys: func(p *model.Pool) []string { return []string{table.NumberKey(p.Number)} }},
		table.Index[model.Pool]{Name: "name", Unique: true, Keys: func(p *model.Pool) []string { return []string{p.Name} }})
	ChainRuns = table.Define(45, "chain_run", func(r *model.ChainRun) string { return string(r.ID) },
		table.Index[model.ChainRun]{Name: "number", Unique: true, Drawn: true, Keys: func(r *model.ChainRun) []string { return []string{table.NumberKey(r.Number)} }},
		sealedIndex(runValues))
)

func poolsOf(c *model.Chain) []string {
	var keys []string
	for _, m := range c.Orders.Members {
		if m.Pool != "" {
			keys = append(keys, string(m.Pool))
		}
	}
	return keys
}

// chainDue orders the chains by their next automatic run, unless one is at work.
func chainDue(c *model.Chain) []string {
	if c.NextAt == 0 || c.Run != "" {
		return nil
	}
	return []string{table.TimeKey(c.NextAt)}
}

func runValues(r *model.ChainRun) []Value { return []Value{{r.Row, &r.Secret}} }
