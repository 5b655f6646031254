package access

import (
	"context"

	"cofre/fsm/model"
	"cofre/fsm/state"
)

// Taken tells what of a new credential another one has already, on one fresh reading: "identifier", "username", or
// nothing. Edges that offer "create" refuse early what the upsert would change.
func (s *Service) Taken(ctx context.Context, identifier string, d model.DeviceID, username string) (string, error) {
	if err := s.fresh(ctx); err != nil {
		return "", err
	}
	if username == "" {
		username = "usr"
	}
	v := s.views.View()
	defer v.Close()
	if identifier != "" {
		if _, ok := findCredential(v, identifier); ok {
			return "identifier", nil
		}
	}
	if _, ok := state.Credentials.First(v, "account", state.AccountKey(d, username)); ok {
		return "username", nil
	}
	return "", nil
}
