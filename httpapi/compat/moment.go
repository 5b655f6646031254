package compat

import (
	"time"

	"cofre/fsm/model"
)

// moments are the ways in which clients write a time.
var moments = []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02", time.RFC3339, "01/02/2006 15:04:05"}

// Moment reads a time, without zone as UTC; empty is never (0), and nil means that it was not sent.
func (in *Input) Moment(name string) (*model.Time, error) {
	if err := in.Texts(name); err != nil {
		return nil, err
	}
	s := in.Pointer(name)
	if s == nil {
		return nil, nil
	}
	var never model.Time
	if *s == "" {
		return &never, nil
	}
	for _, layout := range moments {
		if at, err := time.Parse(layout, *s); err == nil && at.Year() >= 1970 && at.Year() <= 9999 {
			t := model.TimeOf(at)
			return &t, nil
		}
	}
	return nil, model.Errorf(model.Invalid, "%s is written like 2026-01-31 12:00:00", name).WithField(name)
}
