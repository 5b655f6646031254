package credential

import (
	"context"
	"net/http"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

// Custody is a checkout that was not released yet.
type Custody struct {
	ID         model.CustodyID `json:"id"`
	Credential uint64          `json:"credential" doc:"number"`
	Identifier string          `json:"identifier"`
	Username   string          `json:"username"`
	Hostname   string          `json:"hostname"`
	Type       string          `json:"type"`
	Additional string          `json:"additional"`
	Holder     string          `json:"holder" doc:"application/authorization"`
	Mine       bool            `json:"mine"`
	Version    uint64          `json:"version" doc:"of the secret that was read last"`
	Since      compat.Time     `json:"since"`
	Until      compat.Time     `json:"until" doc:"the custody ends by itself then"`
	ChangedAt  compat.Time     `json:"changed_at,omitempty" doc:"last change of the secret"`
	ViewedAt   compat.Time     `json:"viewed_at,omitempty" doc:"first read after that change, or later"`
	RotateAt   compat.Time     `json:"rotate_at,omitempty" doc:"when the secret is planned to change"`
}

func custodyRoute(s Service) route.Route {
	return route.Route{Method: http.MethodGet, Path: "/api/v1/custodies", Auth: route.Authenticated, Dialect: compat.Management, Event: route.NoEvent,
		Doc: route.Doc{Tag: tag, Needs: route.Reads(model.ModulePAM, ""), Summary: "List who holds credentials", Text: "Of the credentials that the caller reaches.", Returns: route.Listed[Custody]{},
			Fields: append([]route.Field{{Name: "credential", In: "query", Text: "number, identifier, or user@host"}, {Name: "mine", In: "query", Type: "boolean", Text: "only what the caller holds"}}, route.PageFields...)},
		Handle: func(ctx context.Context, r *route.Request) (compat.Reply, error) {
			mine, err := r.QueryBool("mine")
			if err != nil {
				return compat.Reply{}, err
			}
			held, err := s.Custodies(ctx, r.Actor, r.At, r.Query("credential"))
			if err != nil {
				return compat.Reply{}, err
			}
			all := []Custody{}
			for _, c := range held {
				if !mine || c.Mine {
					all = append(all, c)
				}
			}
			page, err := route.Page(r, all, func(c Custody) string { return string(c.ID) })
			if err != nil {
				return compat.Reply{}, err
			}
			return compat.JSON(page), nil
		}}
}
