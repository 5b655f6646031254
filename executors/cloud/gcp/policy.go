package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"cofre/executors/cloud"
	"cofre/fsm/model"
)

// needs is what an account may have to do on the project.
var needs = []string{
	"iam.serviceAccounts.create", "iam.serviceAccounts.get", "iam.serviceAccounts.list", "iam.serviceAccounts.delete", "iam.serviceAccountKeys.create",
	"iam.serviceAccountKeys.list", "iam.serviceAccountKeys.delete", "resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy",
}

// Role is the smallest role of an account on a project, as gcloud iam roles create --file takes it.
func Role() (string, error) {
	doc, err := json.MarshalIndent(map[string]any{"title": "Cofre", "description": "Service accounts and keys for applications", "stage": "GA", "includedPermissions": needs}, "", "  ")
	return string(doc), err
}

// Condition is what the account's role is given on, as gcloud projects add-iam-policy-binding --condition-from-file takes it: it may give
// and take these roles and no others. Without it the account may give any role, which makes it as mighty as an owner.
func Condition(roles []string) (string, error) {
	quoted := make([]string, len(roles))
	for i, r := range roles {
		if !role.MatchString(r) {
			return "", errors.New("expected a role, such as roles/pubsub.publisher")
		}
		quoted[i] = "'" + r + "'"
	}
	doc, err := json.MarshalIndent(map[string]string{
		"title":      "Roles that Cofre gives",
		"expression": "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([" + strings.Join(quoted, ", ") + "])",
	}, "", "  ")
	return string(doc), err
}

// may tells, as steps of the attempt, whether the account may do what it needs on its project. Nothing is changed, and a no is not a failed
// login.
func (c *client) may(ctx context.Context) {
	note := func(text, why string) { c.session.Trace.Step(model.Step{Text: text, Error: why}) }
	var out struct {
		Granted []string `json:"permissions"`
	}
	if err := c.call(ctx, http.MethodPost, resourceHost, "/v1/projects/"+c.as.Project+":testIamPermissions", map[string]any{"permissions": needs}, &out); err != nil {
		why := "Google did not answer"
		var no *cloud.Refusal
		if errors.As(err, &no) {
			why = no.Code
		}
		note("what the account may do could not be asked", why)
		return
	}
	for _, p := range needs {
		if slices.Contains(out.Granted, p) {
			note("may "+p, "")
		} else {
			note("may not "+p, "not granted on project "+c.as.Project)
		}
	}
}
