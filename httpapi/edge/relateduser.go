package edge

import (
	"context"

	"cofre/fsm/model"
	"cofre/fsm/relateduser"
	"cofre/vault/access"
)

// relatedUsers adapts access to the resource of related users.
type relatedUsers struct{ *access.Service }

func (u *relatedUsers) Put(ctx context.Context, actor model.Actor, number uint64, name, username *string) (model.RelatedUser, error) {
	return u.PutRelatedUser(ctx, actor, relateduser.PutArgs{Number: number, Name: name, Username: username})
}
