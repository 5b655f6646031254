package model

import (
	"slices"
	"strings"
)

// What reducers know of executors: they run on no node alone, and ask none.

// listers are the executors that can list the accounts of their targets (executors.Lister).
var listers = []ExecutorName{"ssh", "ssh-legacy", "postgres", "mysql", "ldap", "redis", "oracle", "windows-rpc", "sqlserver", "mongodb", "winrm", "aws", "azure", "gcp"}

// ListsAccounts tells whether an executor can list the accounts of its targets.
func ListsAccounts(e ExecutorName) bool { return slices.Contains(listers, e) }

// finders are the executors whose proofs may have to find the account first, by a login as AUTH_USER: a directory knows people by a name
// that is not the one they are bound by.
var finders = []ExecutorName{"ldap"}

// LooksUp tells whether proofs of an executor may log in as AUTH_USER before they do as the account, whose additional information is given: a
// directory's names the branch to look in, and every name of one holds an equals sign. A Failure of that login says by Denied that it was.
func LooksUp(e ExecutorName, additional string) bool {
	return slices.Contains(finders, e) && strings.Contains(additional, "=")
}
