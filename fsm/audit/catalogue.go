package audit

// The catalogue: one declaration per kind. docs/audit-events.md is generated from it. Kinds are never renamed or
// reused. Free text of requests is never a field: a mistyped user name may be a password (RULES 11).
var (
	ClusterCreated  = define("cluster.created", Notice, "a new cluster was initialized", Fields{"cluster": Public, "seal": Public, "dev": Public})
	LevelRaised     = define("cluster.level", Notice, "the active feature level was raised", Fields{"from": Public, "to": Public})
	ClockAdvanced   = define("cluster.clock", Warning, "state time was moved forward", Fields{"from": Public, "to": Public})
	ClockConfirmed  = define("cluster.clock_confirmed", Notice, "an operator confirmed that state time is right", Fields{"time": Public})
	CommandPanicked = define("command.panicked", Alert, "a command failed by a defect and changed nothing", Fields{"kind": Public, "command": Public})
	CommandDenied   = define("command.denied", Warning, "a command was refused", Fields{"kind": Public, "reason": Public, "code": Public, "object": Public})

	NodeTokenCreated = define("node.token", Notice, "a join token was created", Fields{"member": Public, "until": Public})
	NodeJoined       = define("node.joined", Notice, "a node was admitted, sealed", Fields{"member": Public, "fingerprint": Public, "preapproved": Public})
	NodeApproved     = define("node.approved", Alert, "a node was approved to receive the root key", Fields{"member": Public, "fingerprint": Public})
	NodeDelivered    = define("node.delivered", Alert, "the root key was handed to a node", Fields{"member": Public})
	NodeSealed       = define("node.sealed", Warning, "a node's vault was sealed", Fields{"member": Public})
	ClusterSealed    = define("cluster.sealed", Alert, "the vaults of all nodes were ordered to close until people open them", Fields{"members": Public})
	NodeUnsealed     = define("node.unsealed", Warning, "a node's vault was opened", Fields{"member": Public})
	NodeRemoved      = define("node.removed", Warning, "a node was removed from the cluster", Fields{"member": Public})
	NodeDiverged     = define("node.diverged", Alert, "a node's state differs from the majority's", Fields{"member": Public, "index": Public})

	StatesDiffer = define("cluster.diverged", Alert, "the states of the members differ and no majority agrees", Fields{"index": Public})

	BackupTaken = define("cluster.backup", Alert, "a backup of the whole state was taken: ciphertext that the recovery shares open", Fields{})

	ClusterRescued  = define("cluster.rescued", Alert, "what a node held was written out as a backup, because a majority was lost for ever", Fields{"member": Public})
	ClusterRestored = define("cluster.restored", Alert, "the cluster was restored from a backup: every node of before is removed, every token void, and what is due or waits is held", Fields{
		"cluster": Public, "backup": Public, "event": Public, "member": Public, "removed": Public, "changes": Public, "verifications": Public, "waiting": Public, "at_work": Public})

	NodeEjected = define("node.ejected", Alert, "a node was removed because it may be in foreign hands; every shared key is new", Fields{"member": Public, "root": Public, "term": Public})
	NodeRekeyed = define("node.rekeyed", Notice, "a node took over a new root key", Fields{"member": Public, "root": Public})

	KeyTermRotated   = define("keyring.rotated", Notice, "a new key term became active", Fields{"term": Public})
	KeyTermDestroyed = define("keyring.destroyed", Warning, "a key term that nothing was encrypted under any more was destroyed", Fields{"term": Public})
	RootRotated      = define("keyring.root", Alert, "the root key was replaced", Fields{"root": Public})
	RecoveryRekeyed  = define("keyring.recovery", Alert, "the recovery shares were replaced", Fields{})
	SharesRekeyed    = define("keyring.shares", Alert, "the shares that open a node were replaced", Fields{"shares": Public, "threshold": Public})

	ApplicationPut   = define("application.put", Notice, "an application was created, changed or deleted", Fields{"application": Public, "name": Sensitive, "change": Public})
	AuthorizationPut = define("authorization.put", Notice, "an authorization was created, changed or deleted", Fields{"authorization": Public, "application": Public, "name": Sensitive, "change": Public, "rights": Public})
	OAuth1Put        = define("oauth.put", Notice, "an authorization got keys of OAuth 1.0, or lost them", Fields{"authorization": Public, "application": Public, "change": Public})
	ARNsPut          = define("arn.put", Warning, "identities of AWS were allowed to get tokens for an application, or not any more", Fields{"application": Public, "count": Public})
	ARNProven        = define("arn.proven", Notice, "a client got a token by an identity of AWS", Fields{"authorization": Public, "application": Public, "arn": Sensitive})
	AWSKeyPut        = define("awskey.put", Notice, "an authorization got a pair for AWS Signature Version 4, or lost it", Fields{"authorization": Public, "application": Public, "change": Public})
	SecretReadTaken  = define("authorization.secret_read", Alert, "an authorization was given the right to read secrets", Fields{"authorization": Public, "application": Public})
	TokensRevoked    = define("token.revoked", Warning, "access tokens were revoked", Fields{"authorization": Public, "token": Public, "all": Public})
	TokensIssued     = define("token.issued", Info, "access tokens were issued (counted per authorization and minute)", Fields{"authorization": Public, "count": Public, "source": Sensitive})
	BreakGlass       = define("admin.issued", Alert, "an operator issued administrator keys on a node's socket", Fields{"authorization": Public, "application": Public})

	DevicePut     = define("device.put", Notice, "a device was created or changed", Fields{"device": Public, "hostname": Sensitive, "change": Public, "route": Public})
	DeviceTrusted = define("device.trusted", Warning, "host keys of a device were pinned", Fields{"device": Public, "hostname": Sensitive, "fingerprints": Public})
	DeviceStatus  = define("device.status", Notice, "a device was enabled or disabled", Fields{"device": Public, "hostname": Sensitive, "enabled": Public})

	CredentialPut      = define("credential.put", Notice, "a credential was created or changed", Fields{"credential": Public, "number": Public, "identifier": Sensitive, "device": Public, "change": Public, "secret": Public})
	CredentialRead     = define("credential.read", Notice, "a secret was read", Fields{"credential": Public, "number": Public, "version": Public, "identifier": Sensitive, "custody": Public})
	CredentialReleased = define("credential.released", Info, "custody of a credential ended", Fields{"credential": Public, "number": Public, "custody": Public, "reason": Public})
	CredentialStatus   = define("credential.status", Notice, "a credential was enabled or disabled", Fields{"credential": Public, "number": Public, "enabled": Public})
	CredentialPruned   = define("credential.pruned", Info, "old secret versions of a credential were removed", Fields{"credential": Public, "versions": Public})
	CredentialAlarm    = define("credential.out_of_sync", Alert, "no known secret of a credential logs in", Fields{"credential": Public, "number": Public, "operation": Public, "identifier": Sensitive})
	CredentialDrifted  = define("credential.drifted", Alert, "the target refused the stored secret of a credential; which known one is in force, if any, is being found out", Fields{"credential": Public, "number": Public, "operation": Public, "identifier": Sensitive})
	CredentialDaily    = define("credential.daily", Notice, "a day ended: what policies do with the enabled credentials", Fields{"day": Public, "total": Public, "managed": Public, "updated": Public, "expired": Public, "waiting": Public, "failed": Public, "out_of_sync": Public})
	CredentialFull     = define("credential.full", Alert, "a credential holds the greatest number of versions: changes stop", Fields{"credential": Public, "number": Public})

	InformationPut    = define("information.put", Notice, "protected information was created or changed", Fields{"information": Public, "number": Public, "identifier": Sensitive, "version": Public, "change": Public})
	InformationRead   = define("information.read", Notice, "protected information was read", Fields{"information": Public, "number": Public, "identifier": Sensitive, "version": Public})
	InformationStatus = define("information.status", Notice, "protected information was enabled or disabled", Fields{"information": Public, "number": Public, "enabled": Public})

	EncryptionPut     = define("encryption.put", Notice, "an encryption key was created or changed", Fields{"key": Public, "number": Public, "name": Sensitive, "algorithm": Public, "least": Public, "users": Public, "change": Public})
	EncryptionRotated = define("encryption.rotated", Notice, "an encryption key got a new version", Fields{"key": Public, "number": Public, "name": Sensitive, "version": Public})
	EncryptionStatus  = define("encryption.status", Notice, "an encryption key was enabled or disabled", Fields{"key": Public, "number": Public, "name": Sensitive, "enabled": Public})
	EncryptionUsed    = define("encryption.used", Notice, "an encryption key was used", Fields{"key": Public, "number": Public, "name": Sensitive, "version": Public, "use": Public})

	RelatedUserPut = define("relateduser.put", Notice, "a related user was created, changed or removed", Fields{"number": Public, "change": Public})

	PolicyPut = define("policy.put", Notice, "a password policy was created or changed", Fields{"policy": Public, "name": Sensitive, "change": Public})

	SessionStarted = define("session.started", Notice, "a session with a credential was asked for", Fields{"session": Public, "number": Public, "credential": Public, "device": Public, "person": Sensitive, "source": Sensitive, "proxy": Sensitive, "until": Public})
	SessionActive  = define("session.active", Info, "the account of a session was activated", Fields{"session": Public, "number": Public, "credential": Public})
	SessionEnded   = define("session.ended", Notice, "a session ended or failed", Fields{"session": Public, "number": Public, "credential": Public, "person": Sensitive, "state": Public, "reason": Public})
	SessionDebt    = define("session.debt", Alert, "an account could not be inactivated after its last session: it may be open on its target", Fields{"credential": Public, "number": Public, "operation": Public})

	ProfilePut   = define("profile.put", Notice, "an execution profile was created, changed or removed", Fields{"profile": Public, "name": Sensitive, "change": Public})
	ProfileTaken = define("profile.taken", Info, "a new credential is managed as a profile says", Fields{"credential": Public, "profile": Public, "name": Sensitive, "first_at": Public})
	ProfileLeft  = define("profile.left", Warning, "a new credential did not take the profile that fits it: its registrant may not read the credential that logs in, there is none, or it is of another executor", Fields{"credential": Public, "profile": Public, "name": Sensitive})

	AutomationPut     = define("automation.put", Notice, "the bounds of what the system starts by itself were changed", Fields{"share": Public, "least": Public, "failures": Public, "lanes": Public, "attempts": Public, "records": Public})
	AutomationFrozen  = define("automation.frozen", Notice, "a span without automatic changes was planned", Fields{"name": Sensitive, "from": Public, "until": Public})
	AutomationThawed  = define("automation.thawed", Notice, "a span without automatic changes was removed", Fields{"name": Sensitive})
	AutomationStopped = define("automation.stopped", Alert, "nothing is changed automatically any more until somebody resumes", Fields{"reason": Public, "operation": Public})
	AutomationResumed = define("automation.resumed", Warning, "automatic changes go on", Fields{})
	AutomationBraked  = define("automation.braked", Warning, "more automatic changes are due than may start in an hour", Fields{"started": Public, "due": Public})

	TemplatePut      = define("template.put", Notice, "a template version was added", Fields{"template": Public, "name": Sensitive, "version": Public, "approved": Public, "executor": Public})
	TemplateApproved = define("template.approved", Warning, "a template version was approved", Fields{"template": Public, "version": Public, "approvals": Public, "in_force": Public})
	TemplateClosed   = define("template.closed", Notice, "a template version was disapproved, or cancelled by its author", Fields{"template": Public, "version": Public, "review": Public})
	TemplateWorkflow = define("template.workflow", Warning, "the number of approvals that templates need was set", Fields{"levels": Public})
	TemplateStatus   = define("template.status", Notice, "a template was activated or deactivated", Fields{"template": Public, "active": Public})

	OperationCreated   = define("operation.created", Info, "an operation was created", Fields{"operation": Public, "number": Public, "kind": Public, "target": Public, "trigger": Public, "module": Public, "requester": Public, "requested_by": Sensitive})
	OperationStarted   = define("operation.started", Info, "a slot was given an operation", Fields{"operation": Public, "number": Public, "executor": Public, "slot": Public, "runner": Public, "attempt": Public, "settle": Public})
	OperationCandidate = define("operation.candidate", Info, "a new secret was committed before the target is touched", Fields{"operation": Public, "number": Public, "version": Public})
	OperationFinished  = define("operation.finished", Notice, "an operation reached its end", Fields{"operation": Public, "number": Public, "state": Public, "kind": Public, "target": Public, "attempts": Public, "trigger": Public, "module": Public, "requester": Public, "requested_by": Sensitive})
	OperationRetried   = define("operation.retry", Warning, "an attempt failed; the operation waits for the next", Fields{"operation": Public, "number": Public, "outcome": Public, "class": Public, "state": Public})
	OperationCancelled = define("operation.cancelled", Notice, "an operation was cancelled", Fields{"operation": Public, "number": Public, "kind": Public, "target": Public, "trigger": Public, "module": Public, "requester": Public, "requested_by": Sensitive})
	OperationDaily     = define("operation.daily", Info, "a day ended: the operations that ended on it, without those that change nothing", Fields{"day": Public, "succeeded": Public, "failed": Public, "cancelled": Public})
	OperationHurried   = define("operation.hurried", Notice, "an operation was told to begin at once", Fields{"operation": Public, "number": Public})
	OperationCapture   = define("operation.capture", Notice, "what the target says in an operation is to be kept for a week, or is kept no longer", Fields{"operation": Public, "number": Public, "on": Public})
	OperationCaptured  = define("operation.captured", Notice, "what a target said in an attempt was read", Fields{"operation": Public, "number": Public, "attempt": Public})
	OperationFenced    = define("operation.fenced", Warning, "a stale result of an operation was refused", Fields{"operation": Public, "event": Public, "token": Public})

	ChainPut     = define("chain.put", Notice, "a chained exchange was created, changed or removed", Fields{"chain": Public, "name": Sensitive, "change": Public, "members": Public, "automatic": Public})
	ChainStarted = define("chain.started", Notice, "a run of a chained exchange began", Fields{"run": Public, "number": Public, "chain": Public, "members": Public, "trigger": Public})
	ChainEnded   = define("chain.ended", Notice, "a run of a chained exchange ended", Fields{"run": Public, "number": Public, "chain": Public, "state": Public, "members": Public})
	ChainBroken  = define("chain.broken", Alert, "a run of a chained exchange failed, and not every member could be restored", Fields{"run": Public, "number": Public, "chain": Public, "state": Public, "members": Public})
	ChainSkipped = define("chain.skipped", Warning, "an automatic run of a chained exchange was put off", Fields{"chain": Public, "reason": Public, "until": Public})
	PoolPut      = define("pool.put", Notice, "a pool of credentials was created, changed or removed", Fields{"pool": Public, "number": Public, "name": Sensitive, "change": Public, "members": Public})

	AccessPut   = define("access.put", Notice, "an access profile was created, changed or removed", Fields{"profile": Public, "name": Sensitive, "change": Public, "rights": Public})
	AccessReads = define("access.reads", Alert, "an access profile that lets secrets be read was created or changed", Fields{"profile": Public, "name": Sensitive, "change": Public, "rights": Public})

	DynamicProfilePut = define("dynamic.profile", Notice, "a profile of dynamic users was created, changed, or is deleted when its users are gone", Fields{"profile": Public, "identifier": Sensitive, "change": Public, "enabled": Public})
	DynamicRequested  = define("dynamic.requested", Notice, "a dynamic user was requested", Fields{"user": Public, "number": Public, "profile": Public, "device": Public, "username": Sensitive, "ttl": Public, "secret": Public, "trigger": Public})
	DynamicActive     = define("dynamic.active", Notice, "a dynamic user was created and has logged in once", Fields{"user": Public, "number": Public, "username": Sensitive, "until": Public})
	DynamicRead       = define("dynamic.read", Notice, "the secret of a dynamic user was read", Fields{"user": Public, "number": Public, "username": Sensitive})
	DynamicUnwanted   = define("dynamic.unwanted", Notice, "a dynamic user is to be removed", Fields{"user": Public, "number": Public, "reason": Public})
	DynamicRemoved    = define("dynamic.removed", Notice, "a dynamic user was proven gone twice, or was never sent to its target", Fields{"user": Public, "number": Public, "username": Sensitive, "reason": Public})
	DynamicKept       = define("dynamic.kept", Notice, "the secret that a target made for a new dynamic user was committed", Fields{"user": Public, "number": Public, "operation": Public})
	DynamicRenewed    = define("dynamic.renewed", Notice, "the life of a dynamic user was made longer", Fields{"user": Public, "number": Public, "until": Public})
	DynamicRevoked    = define("dynamic.revoked", Warning, "all dynamic users of a profile, an authorization or an application are to be removed, or were asked to go", Fields{"key": Public, "reason": Public, "change": Public})
	DynamicLinked     = define("dynamic.linked", Notice, "how an application gets dynamic users was changed", Fields{"application": Public, "automatic": Public, "pairs": Public, "quota": Public})
	OrphanFound       = define("orphan.found", Warning, "an account was found on a target that a profile of dynamic users made and no dynamic user owns", Fields{"number": Public, "profile": Public, "device": Public, "username": Sensitive})
	OrphanGone        = define("orphan.gone", Info, "an account without an owner is not on its target any more", Fields{"number": Public, "profile": Public, "device": Public, "username": Sensitive})
	OrphanSearched    = define("orphan.searched", Info, "a target was searched for accounts that no dynamic user owns", Fields{"profile": Public, "device": Public, "operation": Public, "found": Public, "partial": Public})
	OrphanRemoved     = define("orphan.removed", Notice, "somebody ordered the removal of an account without an owner", Fields{"number": Public, "user": Public, "profile": Public, "device": Public, "username": Sensitive})
	OrphanPlanned     = define("orphan.planned", Notice, "when targets are searched for accounts without an owner was changed, or a round was asked for", Fields{"every": Public, "next": Public})
	DynamicDebt       = define("dynamic.debt", Alert, "a dynamic user could not be removed several times in a row; removal goes on", Fields{"user": Public, "number": Public, "username": Sensitive, "operation": Public})

	DSMPut           = define("dsm.put", Notice, "a secret of an application was created, changed, rolled back or deleted", Fields{"secret": Public, "number": Public, "identity": Sensitive, "owner": Public, "version": Public, "change": Public})
	DSMRead          = define("dsm.read", Notice, "secrets of an application were read; numbers with versions, of the accounts that they refer to as well", Fields{"application": Public, "count": Public, "secrets": Public, "credentials": Public, "users": Public, "pod": Sensitive})
	DSMUnchanged     = define("dsm.unchanged", Info, "secrets of an application were asked for by a reader that had them already, and not shown (counted per authorization, source and minute)", Fields{"authorization": Public, "count": Public, "source": Sensitive})
	DSMDeprovisioned = define("dsm.deprovisioned", Notice, "the dynamic users that an application secret showed to a pod are to be removed", Fields{"application": Public, "count": Public, "pod": Sensitive})
	DSMRenewed       = define("dsm.renewed", Notice, "what an application secret shows was renewed: dynamic users were requested, changes of accounts ordered", Fields{"secret": Public, "number": Public, "users": Public, "credentials": Public, "failed": Public})
	DSMStatus        = define("dsm.status", Notice, "a secret of an application was enabled or disabled", Fields{"secret": Public, "number": Public, "enabled": Public})

	DSMAutomationPut     = define("dsm.automation_put", Notice, "an automation of secrets was created, changed or removed", Fields{"automation": Public, "number": Public, "name": Sensitive, "change": Public, "events": Public, "template": Public, "credentials": Public, "enabled": Public})
	DSMAutomationHanded  = define("dsm.automation_handed", Notice, "the template of an automation is handed a secret, with the accounts that it refers to, or an authorization", Fields{"automation": Public, "number": Public, "operation": Public, "event": Public, "authorization": Public, "secret": Public, "version": Public, "credentials": Public})
	DSMAutomationRefused = define("dsm.automation_refused", Warning, "an automation did not run: who saved it may not do so any more, or something that it needs is gone", Fields{"automation": Public, "number": Public, "secret": Public, "authorization": Public, "event": Public})
	DSMAutomationBraked  = define("dsm.automation_braked", Alert, "a secret or an authorization changed so often that automations wait for the next hour: the template of one may change it", Fields{"secret": Public, "authorization": Public, "event": Public, "until": Public})

	DSMRegistered = define("dsm.registered", Notice, "an authorization was made for a pipeline, or got one more key for an hour", Fields{"authorization": Public, "application": Public, "change": Public, "until": Public})

	AuditNote       = define("audit.note", Warning, "requests were denied at an edge (counted per second)", Fields{"count": Public, "reasons": Public, "sources": Sensitive})
	AuditCheckpoint = define("audit.checkpoint", Info, "the chain was signed up to a sequence number", Fields{"seq": Public, "hash": Public, "key": Public, "signature": Public})
	AuditGap        = define("audit.gap", Alert, "events were removed before every receiver had them", Fields{"from": Public, "to": Public})
)
