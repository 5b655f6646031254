// Package all is the explicit list of executors that Cofre ships: one line for each. cmd wires it into the runner and
// into the template commands.
package all

import (
	"slices"

	"cofre/executors"
	"cofre/executors/browser"
	"cofre/executors/cloud/aws"
	"cofre/executors/cloud/azure"
	"cofre/executors/cloud/gcp"
	"cofre/executors/curl"
	"cofre/executors/ldap"
	"cofre/executors/mongo"
	"cofre/executors/mysql"
	"cofre/executors/oracle"
	"cofre/executors/postgres"
	"cofre/executors/redis"
	"cofre/executors/sqlserver"
	"cofre/executors/ssh"
	"cofre/executors/telnet"
	"cofre/executors/winrm"
	"cofre/executors/winrpc"
	"cofre/fsm/model"
)

// List returns the executors.
func List() []executors.Executor {
	return []executors.Executor{
		ssh.New(),
		ssh.Legacy(),
		ssh.ESXi(),
		ssh.Key(),
		postgres.New(),
		mysql.New(),
		ldap.New(),
		telnet.New(),
		curl.New(),
		redis.New(),
		sqlserver.New(),
		oracle.New(),
		winrpc.New(),
		winrm.New(),
		mongo.New(),
		aws.New(),
		azure.New(),
		gcp.New(),
		browser.New(nil), // a node that has a browser gives its own
	}
}

// Find looks an executor up by name; nil if Cofre has none of that name.
func Find(name model.ExecutorName) executors.Executor {
	for _, e := range List() {
		if e.Name() == name {
			return e
		}
	}
	return nil
}

// Catalogue returns the templates that Cofre ships.
func Catalogue() []executors.CatalogueEntry {
	return slices.Concat(
		ssh.Catalogue(),
		postgres.Catalogue(),
		mysql.Catalogue(),
		ldap.Catalogue(),
		telnet.Catalogue(),
		curl.Catalogue(),
		redis.Catalogue(),
		sqlserver.Catalogue(),
		oracle.Catalogue(),
		winrpc.Catalogue(),
		winrm.Catalogue(),
		mongo.Catalogue(),
		aws.Catalogue(),
		azure.Catalogue(),
		gcp.Catalogue(),
		browser.Catalogue(),
	)
}
