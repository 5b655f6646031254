package runner

import (
	"cofre/executors"
	"cofre/fsm/model"
)

// Reaches tells whether an attempt on a device may connect to an address.
func Reaches(d *model.Device, e executors.Executor, address string) bool {
	_, _, ok := reaches(d, e, address)
	return ok
}
