package fsm

import (
	"cofre/fsm/access"
	"cofre/fsm/application"
	"cofre/fsm/automation"
	"cofre/fsm/chain"
	"cofre/fsm/command"
	"cofre/fsm/credential"
	"cofre/fsm/device"
	"cofre/fsm/dsm"
	"cofre/fsm/dynamic"
	"cofre/fsm/encryption"
	"cofre/fsm/information"
	"cofre/fsm/keyring"
	"cofre/fsm/node"
	"cofre/fsm/operation"
	"cofre/fsm/policy"
	"cofre/fsm/profile"
	"cofre/fsm/relateduser"
	"cofre/fsm/session"
	"cofre/fsm/template"
	"cofre/fsm/trail"
)

// Features is the table of contents of the replicated state: every verb is reachable from here.
var Features = []command.Feature{
	operation.Feature, credential.Feature, device.Feature, policy.Feature, template.Feature, application.Feature,
	node.Feature, keyring.Feature, trail.Feature, dynamic.Feature, dsm.Feature, automation.Feature,
	information.Feature, relateduser.Feature, profile.Feature, session.Feature, encryption.Feature, chain.Feature, access.Feature,
}

// NewRegistry indexes all verbs of this binary.
func NewRegistry() (*command.Registry, error) { return command.NewRegistry(Level, Features...) }
