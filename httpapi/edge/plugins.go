package edge

import (
	"strings"

	"cofre/fsm/model"
)

// plugins finds an executor by the vendor's name or ours; nil: names are ours.
type plugins func(name string) (model.ExecutorName, error)

// named finds the executor that a field names; "" is none. One that there is not is said, before any template of it is looked for.
func (p plugins) named(name, field string) (model.ExecutorName, error) {
	if name == "" || p == nil {
		return model.ExecutorName(strings.ToLower(name)), nil
	}
	e, err := p(name)
	if err != nil {
		return "", model.Errorf(model.Invalid, "%s", err).WithField(field)
	}
	return e, nil
}

// set is named for a field that may be absent: nil leaves what there is.
func (p plugins) set(to *model.ExecutorName, name *string, field string) error {
	if name == nil {
		return nil
	}
	e, err := p.named(*name, field)
	if err == nil {
		*to = e
	}
	return err
}
