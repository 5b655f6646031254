package edge

import (
	"context"

	"cofre/fsm/model"
	api "cofre/httpapi/dynamic"
	"cofre/vault/access"
)

func (d *dynamics) Orphans(ctx context.Context, actor model.Actor, at model.Time, f api.Filter) ([]api.Orphan, error) {
	filter := access.OrphanFilter{After: f.After, Limit: f.Limit}
	var err error
	if filter.Device, filter.Profile, err = d.where(ctx, actor, at, f.Device, f.Profile); err != nil {
		return nil, err
	}
	rows, err := d.access.Orphans(actor, at, filter)
	if err != nil {
		return nil, err
	}
	out := make([]api.Orphan, len(rows))
	for i := range rows {
		out[i] = api.Orphan(rows[i])
	}
	return out, nil
}

func searches(rows []access.OrphanSearch) []api.OrphanSearch {
	out := make([]api.OrphanSearch, len(rows))
	for i := range rows {
		out[i] = api.OrphanSearch(rows[i])
	}
	return out
}

func (d *dynamics) OrphanSearches(_ context.Context, actor model.Actor, at model.Time) ([]api.OrphanSearch, model.OrphanPlan, error) {
	rows, plan, err := d.access.OrphanSearches(actor, at)
	return searches(rows), plan, err
}

func (d *dynamics) SearchOrphans(ctx, limited context.Context, actor model.Actor, at model.Time, profile, device string) ([]api.OrphanSearch, error) {
	on, of, err := d.where(ctx, actor, at, device, profile)
	if err != nil {
		return nil, err
	}
	ids, err := d.access.SearchOrphans(ctx, actor, of, on)
	if err != nil {
		return nil, err
	}
	rows, err := d.access.AwaitOrphanSearches(limited, actor, at, ids)
	return searches(rows), err
}

func (d *dynamics) RemoveOrphan(ctx context.Context, actor model.Actor, number uint64) (string, error) {
	return d.access.RemoveOrphan(ctx, actor, number)
}

func (d *dynamics) ScheduleOrphans(ctx context.Context, actor model.Actor, every int64) (model.OrphanPlan, error) {
	return d.access.ScheduleOrphans(ctx, actor, every)
}
