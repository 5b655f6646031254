package edge

import (
	"context"

	"cofre/fsm/model"
	api "cofre/httpapi/dynamic"
	"cofre/vault/access"
)

func (d *dynamics) Orphans(ctx context.Context, actor model.Actor, at model.Time, f api.Filter) ([]api.Orphan, error) {
	filter := access.OrphanFilter{After: f.After, Limit: f.Limit}
	if f.Device != "" {
		dev, err := d.access.FindDevice(ctx, f.Device)
		if err != nil {
			return nil, in(err, "device")
		}
		filter.Device = dev.ID
	}
	if f.Profile != "" {
		p, err := d.access.Profile(ctx, actor, at, f.Profile)
		if err != nil {
			return nil, err
		}
		filter.Profile = p.ID
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
	var on model.DeviceID
	var of model.ProfileID
	if profile != "" {
		p, err := d.access.Profile(ctx, actor, at, profile)
		if err != nil {
			return nil, err
		}
		of = p.ID
	}
	if device != "" {
		dev, err := d.access.FindDevice(ctx, device)
		if err != nil {
			return nil, in(err, "device")
		}
		on = dev.ID
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
