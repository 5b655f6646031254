package session

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
	"cofre/httpapi/route"
)

type vendor struct{ s Service }

// mostListed bounds the vendor's list, which has no pages.
const mostListed = 1000

func (v *vendor) list(ctx context.Context, r *route.Request) (compat.Reply, error) {
	var items []Item
	if id := r.Param("id"); id != "" {
		if strings.Trim(id, "0123456789abcdef") != "" { // neither a number nor an id of ours
			return compat.Reply{}, model.Errorf(model.Invalid, "Unexpected identifier type").WithCode(1003).WithField("id")
		}
		i, err := v.s.Session(ctx, r.Actor, r.At, id, 0)
		if err != nil {
			return compat.Reply{}, err
		}
		items = []Item{*i}
	} else {
		var err error
		if items, err = v.s.Sessions(ctx, r.Actor, r.At, Filter{Limit: mostListed}); err != nil {
			return compat.Reply{}, err
		}
	}
	rows := make([]compat.Object, len(items))
	for i := range items {
		rows[i] = row(&items[i], r.At)
	}
	return compat.OK(fmt.Sprintf("%d remote sessions found", len(rows)), compat.Member{Name: "remote_sessions", Value: rows}), nil
}

func (v *vendor) drop(ctx context.Context, r *route.Request) (compat.Reply, error) {
	if _, err := v.s.End(ctx, r.Actor, r.At, r.Param("id")); err != nil {
		return compat.Reply{}, err
	}
	return compat.OK("Sessão interrompida com sucesso!"), nil
}

// row is the vendor's session, whose names mix two languages.
func row(i *Item, at model.Time) compat.Object {
	s := &i.Session
	port := uint16(0)
	if s.Protocol != "" {
		port = i.Device.Port(strings.ToUpper(s.Protocol))
	}
	address := i.Device.Address()
	if port != 0 {
		address += ":" + strconv.Itoa(int(port))
	}
	last := at
	if s.EndedAt != 0 {
		last = s.EndedAt
	}
	seconds := int64(last.Sub(s.StartedAt).Seconds())
	return compat.Object{
		{Name: "id", Value: strconv.FormatUint(s.Number, 10)}, {Name: "user", Value: s.Person}, {Name: "origin_ip", Value: s.Source}, {Name: "credencial", Value: i.Username},
		{Name: "dispositivo", Value: address}, {Name: "protocol", Value: s.Protocol}, {Name: "proxy", Value: s.Proxy}, {Name: "session_id", Value: s.ID},
		{Name: "start", Value: stamp(s.StartedAt)}, {Name: "end", Value: stamp(s.EndedAt)}, {Name: "time", Value: fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)},
		{Name: "prevent_purge", Value: "0"}, {Name: "request", Value: s.Reason}, {Name: "ITSM", Value: s.Ticket},
	}
}

// stamp is how the vendor's lists write a moment.
func stamp(t model.Time) any {
	if t == 0 {
		return nil
	}
	return t.Std().Format("2006-01-02 15:04:05")
}
