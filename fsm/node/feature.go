// Package node is the membership feature: join tokens, admission, approval, delivery of the root key, announcements,
// removal, state time and feature level. The raft configuration follows the node table, never the other way.
package node

import (
	"cofre/fsm/authz"
	"cofre/fsm/command"
	"cofre/fsm/model"
)

// Feature lists the verbs.
var Feature = command.Feature{Name: "node", Commands: []command.Erased{
	CreateToken, Join, Approve, Deliver, Announce, Seal, SealAll, Remove, ReportHash, AdvanceClock, ConfirmTime, RaiseLevel,
}}

var (
	byAdmin  = authz.Action{Right: model.ClusterAdmin, Operator: true}
	bySystem = authz.Action{Right: model.ClusterAdmin, System: true}
)

// Done is the result of verbs that have nothing to tell.
type Done struct{}
