package gcp

import (
	"errors"
	"regexp"
	"strings"
)

// gets is what the users of a profile get: the additional information of it.
type gets struct {
	project string
	roles   []string // on the project
	org     string   // number of an organization; "": none
	orgs    []string // roles on that
}

// maxRoles is how many roles a profile may give.
const maxRoles = 20

var (
	role   = regexp.MustCompile(`^((projects/[a-z][a-z0-9-]{4,28}[a-z0-9]|organizations/\d{1,25})/)?roles/[A-Za-z0-9_.]{1,100}$`)
	number = regexp.MustCompile(`^\d{1,25}$`)
)

var errGets = errors.New("expected project=ID,role=ROLE and more roles, such as project=shop-prod,role=roles/pubsub.publisher; besides, organization=NUMBER,organization-role=ROLE")

// readGets reads a list of NAME=VALUE, with commas between them.
func readGets(text string) (g gets, err error) {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, value, _ := strings.Cut(part, "=")
		fits := false
		switch name {
		case "project":
			fits, g.project = g.project == "" && projectID.MatchString(value), value
		case "role":
			fits, g.roles = role.MatchString(value), append(g.roles, value)
		case "organization":
			fits, g.org = g.org == "" && number.MatchString(value), value
		case "organization-role":
			fits, g.orgs = role.MatchString(value) && !strings.HasPrefix(value, "projects/"), append(g.orgs, value)
		}
		if !fits {
			return gets{}, errGets
		}
	}
	if g.project == "" || len(g.roles)+len(g.orgs) == 0 || len(g.roles)+len(g.orgs) > maxRoles || (g.org == "") != (len(g.orgs) == 0) {
		return gets{}, errGets
	}
	return g, nil
}

// grants are the resources with the roles that are given on them.
func (g gets) grants() map[string][]string {
	out := map[string][]string{}
	if len(g.roles) > 0 {
		out["projects/"+g.project] = g.roles
	}
	if g.org != "" {
		out["organizations/"+g.org] = g.orgs
	}
	return out
}

// resources are those whose policies may name a user: the project's, and the organization's if the profile has one.
func (g gets) resources() []string {
	if g.org == "" {
		return []string{"projects/" + g.project}
	}
	return []string{"projects/" + g.project, "organizations/" + g.org}
}

// CheckGets checks the additional information of a profile.
func CheckGets(text string) error {
	_, err := readGets(text)
	return err
}
