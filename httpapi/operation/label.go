package operation

import (
	"slices"

	"cofre/fsm/model"
)

// kindLabels are the kinds of operations as the vendor's reports write them (contract 1.3).
var kindLabels = map[model.OperationKind]string{
	model.PasswordChange: "Change Password", model.ChildPasswordChange: "Child password change", model.Verify: "Password reconciliation",
	model.Provision: "Creation of ephemeral credential", model.Deprovision: "Removal of ephemeral credential",
	model.CredentialActivation: "Credential activation", model.CredentialInactivation: "Inactivation of the credential",
	model.SearchOrphans: "Search for accounts without an owner", model.SecretAutomation: "Secret Management Automation",
	model.Preflight: "Connectivity test", model.EphemeralCreate: "Creation of ephemeral credential", model.EphemeralRemove: "Removal of ephemeral credential",
}

// kindNames lists the kinds.
func kindNames() []string {
	var names []string
	for k := range kindLabels {
		names = append(names, string(k))
	}
	slices.Sort(names)
	return names
}

func kindLabel(k model.OperationKind) string {
	if l, ok := kindLabels[k]; ok {
		return l
	}
	return string(k)
}

// stateLabel is the state as the vendor's reports write it (contract 1.8): what waits for a settling login is still running, but a
// verification, which begins in that state, is scheduled until then.
func stateLabel(o *model.Operation) string {
	switch o.State {
	case model.OpReady:
		return "Scheduled"
	case model.OpUncertain:
		if o.Kind == model.Verify && o.Settles == 0 {
			return "Scheduled"
		}
	case model.OpSucceeded:
		return "Successfully performed"
	case model.OpCancelled:
		return "Canceled"
	case model.OpDead, model.OpOutOfSync:
		return "Error"
	}
	return "Running"
}
