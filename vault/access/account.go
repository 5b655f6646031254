package access

import (
	"context"

	"cofre/fsm/model"
	"cofre/fsm/state"
)

// AccountTaken tells whether a device has a credential of a user name already, on a fresh reading: edges that offer
// "create" refuse early what the upsert would change.
func (s *Service) AccountTaken(ctx context.Context, d model.DeviceID, username string) (bool, error) {
	if err := s.fresh(ctx); err != nil {
		return false, err
	}
	if username == "" {
		username = "usr"
	}
	v := s.views.View()
	defer v.Close()
	_, ok := state.Credentials.First(v, "account", state.AccountKey(d, username))
	return ok, nil
}
