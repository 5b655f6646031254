package compat

import (
	"strconv"
	"strings"
	"time"

	"cofre/fsm/model"
)

// Window says on which days and at which hours automatic changes may begin; empty lists: always.
type Window struct {
	Days  []string `json:"days" doc:"such as mon, or mon-fri"`
	Hours []string `json:"hours" doc:"spans such as 22-6 (from 22:00 until before 06:00) or 0-24"`
	Zone  string   `json:"zone" doc:"IANA name such as America/Sao_Paulo; empty: UTC"`
}

// days of the week as they are written.
var days = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// WindowOf is a window as it is shown.
func WindowOf(w *model.Window) Window {
	v := Window{Days: []string{}, Hours: []string{}, Zone: w.Zone}
	for _, d := range w.Days {
		v.Days = append(v.Days, days[d%7])
	}
	for _, h := range w.Hours {
		v.Hours = append(v.Hours, strconv.Itoa(h.From)+"-"+strconv.Itoa(h.To))
	}
	return v
}

// Short is the window in a few words.
func (w *Window) Short() string {
	if len(w.Days)+len(w.Hours) == 0 {
		return "always open"
	}
	hours, zone := strings.Join(w.Hours, ","), w.Zone
	if hours == "" {
		hours = "all day"
	}
	if zone == "" {
		zone = "UTC"
	}
	return strings.TrimSpace(strings.Join(w.Days, ",") + " " + hours + " " + zone)
}

// Model reads a window.
func (w *Window) Model() (model.Window, error) {
	m := model.Window{Zone: w.Zone}
	if _, err := time.LoadLocation(w.Zone); err != nil || w.Zone == "Local" {
		return m, model.Errorf(model.Invalid, "there is no time zone %q: write it like America/Sao_Paulo", w.Zone).WithField("window.zone")
	}
	for _, text := range w.Days {
		from, to, err := daySpan(text)
		if err != nil {
			return m, err
		}
		for d := from; ; d = (d + 1) % 7 {
			m.Days = append(m.Days, d)
			if d == to {
				break
			}
		}
	}
	for _, text := range w.Hours {
		from, to, _ := strings.Cut(text, "-")
		f, err1 := strconv.Atoi(strings.TrimSpace(from))
		t, err2 := strconv.Atoi(strings.TrimSpace(to))
		if err1 != nil || err2 != nil {
			return m, model.Errorf(model.Invalid, "hours are written as 22-6 or 0-24, not %q", text).WithField("window.hours")
		}
		m.Hours = append(m.Hours, model.HourSpan{From: f, To: t})
	}
	return m, nil
}

// daySpan reads "mon" or "mon-fri".
func daySpan(text string) (from, to int, err error) {
	first, last, span := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "-")
	if !span {
		last = first
	}
	from, to = -1, -1
	for i, d := range days {
		if d == first {
			from = i
		}
		if d == last {
			to = i
		}
	}
	if from < 0 || to < 0 {
		return 0, 0, model.Errorf(model.Invalid, "days are written as mon or mon-fri, not %q", text).WithField("window.days")
	}
	return from, to, nil
}
