package model

import "slices"

// DSMAutomationID names an automation of secrets.
type DSMAutomationID string

// DSMEvent is something that happens to a secret of an application, or to an authorization.
type DSMEvent string

// The events that automations wait for.
const (
	SecretCreated     DSMEvent = "secret.created"
	SecretUpdated     DSMEvent = "secret.updated"
	SecretInactivated DSMEvent = "secret.inactivated"
	SecretActivated   DSMEvent = "secret.activated"

	AuthorizationCreated     DSMEvent = "authorization.created"
	AuthorizationUpdated     DSMEvent = "authorization.updated"
	AuthorizationInactivated DSMEvent = "authorization.inactivated"
	AuthorizationActivated   DSMEvent = "authorization.activated"

	SecretRenewed DSMEvent = "secret.renewed" // no automation waits for it: an account is changed because a secret renews it
)

// DSMEvents lists the events that automations wait for.
var DSMEvents = []DSMEvent{SecretCreated, SecretUpdated, SecretInactivated, SecretActivated, AuthorizationCreated, AuthorizationUpdated, AuthorizationInactivated, AuthorizationActivated}

// OfAuthorization tells whether the event is one of authorizations.
func (e DSMEvent) OfAuthorization() bool { return slices.Contains(DSMEvents[4:], e) }

// Limits of automations of secrets.
const (
	MaxAutomationCredentials = 20 // where one automation runs
	MaxAutomationSubjects    = 256
	MaxAutomationsWaiting    = 20 // for one event of one application or secret
	MaxDSMOccasions          = 60 // of one secret or authorization in an hour; runs for further ones wait for the next hour
	MaxDSMErrors             = 50 // kept of one secret; the oldest goes
)

// DSMAutomation runs a template whenever something happens to the secrets of applications, or to their authorizations: once
// for each credential, which logs in to its device.
type DSMAutomation struct {
	ID           DSMAutomationID `cbor:"id"`
	Number       uint64          `cbor:"number"` // the API's numeric id
	Name         string          `cbor:"name"`   // unique
	Description  string          `cbor:"description,omitempty"`
	Tags         []string        `cbor:"tags,omitempty"`
	Enabled      bool            `cbor:"enabled"`
	Events       []DSMEvent      `cbor:"events"`
	Applications []ApplicationID `cbor:"applications,omitempty"` // whose secrets and authorizations count
	Secrets      []DSMSecretID   `cbor:"secrets,omitempty"`      // that count besides
	Executor     ExecutorName    `cbor:"executor"`
	Template     TemplateID      `cbor:"template"`
	Credentials  []CredentialID  `cbor:"credentials"`
	By           AuthorizationID `cbor:"by"` // who saved it last: it reads and runs no more than that one may
	CreatedBy    AuthorizationID `cbor:"created_by"`
	CreatedAt    Time            `cbor:"created_at"`
	LastAt       Time            `cbor:"last_at,omitempty"` // when runs of it were ordered last
	Manifest     string          `cbor:"manifest,omitempty"`
	Revision     uint64          `cbor:"revision"`
}

// Occasion is what happened, for which an operation runs.
type Occasion struct {
	Automation    DSMAutomationID `cbor:"automation,omitempty"`
	Event         DSMEvent        `cbor:"event"`
	Secret        DSMSecretID     `cbor:"secret,omitempty"`
	Authorization AuthorizationID `cbor:"authorization,omitempty"` // that it happened to; of a secret: its owner

	// What the run was recorded to hand over when it began, of a secret that may change meanwhile.
	Version   uint64 `cbor:"version,omitempty"`
	Name      string `cbor:"name,omitempty"`
	Engine    string `cbor:"engine,omitempty"`
	ExpiresAt Time   `cbor:"expires_at,omitempty"`
}

// Subject names what it happened to.
func (o *Occasion) Subject() string {
	if o.Secret != "" {
		return "secret/" + string(o.Secret)
	}
	return "authorization/" + string(o.Authorization)
}

// DSMPulse counts what happened to a secret or an authorization that automations wait for, in an hour.
type DSMPulse struct {
	Subject string `cbor:"subject"`
	Hour    Time   `cbor:"hour"` // start of the hour that is counted in
	Count   int    `cbor:"count"`
}

// DSMError is something that was to be done for a secret and could not be.
type DSMError struct {
	Secret    DSMSecretID `cbor:"secret"`
	N         uint64      `cbor:"n"`
	At        Time        `cbor:"at"`
	Task      string      `cbor:"task"`                // TaskAutomation ...
	Operation uint64      `cbor:"operation,omitempty"` // number; 0: there was none
	Message   string      `cbor:"message"`             // redacted
}

// The tasks that may fail for a secret.
const (
	TaskAutomation  = "automation"
	TaskProvision   = "provision"
	TaskDeprovision = "deprovision"
	TaskRenewal     = "renewal"
)
