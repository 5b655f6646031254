package lead

import "context"

// SumUp looks once whether yesterday is to be told.
func SumUp(ctx context.Context, c Config) {
	c.refusals = newRefusals()
	c.sumUp(ctx)
}
