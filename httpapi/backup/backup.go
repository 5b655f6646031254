// Package backup is the API's one resource of backups: take one. What the file is, cluster/backup says.
package backup

import (
	"context"
	"net/http"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Type is the media type of a backup.
const Type = "application/vnd.cofre.backup"

// Taker commits that a backup is taken, then gives the file of the state at that moment.
type Taker func(ctx context.Context, actor model.Actor) (*compat.File, error)

// Routes offers it.
func Routes(take Taker) []route.Route {
	return []route.Route{{
		Method: http.MethodPost, Path: "/api/v1/backup", Auth: route.Authenticated, Dialect: compat.Management, Event: "cluster.backup",
		Doc: route.Doc{Tag: "backup", Needs: route.Reads("", model.ClusterAdmin), Summary: "Take a backup of the whole cluster", Binary: Type,
			Text: "Needs cluster.admin. The answer is a file of the type " + Type + ", encrypted for the recovery shares: without three of them it opens nothing and says nothing but the cluster's id, the node, versions, time and positions. " +
				"An answer whose end does not come (the connection breaks) is no backup. `cofre backup create` writes it to a file and checks it."},
		Handle: func(ctx context.Context, r *route.Request) (compat.Reply, error) {
			f, err := take(ctx, r.Actor)
			return compat.Reply{File: f}, err
		},
	}}
}
