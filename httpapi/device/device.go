// Package device is the resource of target systems: the vendor's routes /iso/pam/device, and their management under
// /api/v1 with the route fields, pinned host keys and TLS settings that the vendor's API does not know. Where a secret is
// sent is guarded by the reducers.
package device

import (
	"context"

	"cofre/fsm/model"
	"cofre/httpapi/route"
)

// Patch is a device to create or change; nil leaves a field as it is.
type Patch struct {
	Name           string // changes exactly that one; "": upsert by host name
	Create         bool   // an existing one is a conflict
	Hostname       *string
	IP             *string
	Domain         *string
	Type           *string
	Vendor         *string
	Model          *string
	Site           *string
	Tags           *[]string
	Connectivities *[]model.Connectivity
	CA             *string
	InsecureTLS    *bool
	Via            *string // host name or number; "": none
	ViaLogin       *string // name of a credential; "": nobody
	Lanes          *int
	Revision       uint64
	NeedsAddress   bool // a new device must have an IP address (the vendor's 1005)
}

// Service is what the resource needs.
type Service interface {
	Devices(actor model.Actor, at model.Time) ([]model.Device, error)
	Device(ctx context.Context, actor model.Actor, at model.Time, name string) (*model.Device, error)
	Put(ctx context.Context, actor model.Actor, at model.Time, p Patch) (d model.Device, did model.Effect, err error)
	// Way names the jump host or proxy of a device, and the credential that logs in there; *** if the caller does not reach it.
	Way(actor model.Actor, d *model.Device) (via, login string)
	Trust(ctx context.Context, actor model.Actor, name string, keys []model.HostKey, replace bool) (model.Device, error)
	SetDeviceStatus(ctx context.Context, actor model.Actor, name string, enabled bool) (model.Device, error)
}

// Routes offers the resource.
func Routes(s Service) []route.Route { return append(vendorRoutes(s), managementRoutes(s)...) }
