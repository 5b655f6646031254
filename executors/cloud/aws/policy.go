package aws

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cofre/fsm/model"
)

// Path is where IAM users of Cofre are, unless a template says otherwise: what the account may do ends there.
const Path = "/cofre/"

// What an account needs: for the users themselves, and for their policies.
var (
	userActions   = []string{"iam:CreateUser", "iam:GetUser", "iam:DeleteUser", "iam:CreateAccessKey", "iam:ListAccessKeys", "iam:DeleteAccessKey", "iam:ListAttachedUserPolicies", "iam:ListUsers"}
	policyActions = []string{"iam:AttachUserPolicy", "iam:DetachUserPolicy"}
)

// statement is one of a policy document.
type statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  string
	Condition map[string]map[string][]string `json:",omitempty"`
}

// Policy is the smallest policy document of an account that makes users with some of the given policies, as JSON. partition is "aws",
// "aws-cn" or "aws-us-gov". Without policies, the account may attach any, which makes it as mighty as the mightiest of them.
func Policy(partition string, attach []string) (string, error) {
	for _, p := range attach {
		if !arn.MatchString(p) {
			return "", errors.New("expected the ARN of a managed policy, such as arn:aws:iam::aws:policy/ReadOnlyAccess")
		}
	}
	users := "arn:" + partition + ":iam::*:user" + Path + "*"
	policies := statement{Sid: "CofrePolicies", Effect: "Allow", Action: policyActions, Resource: users}
	if len(attach) > 0 {
		policies.Condition = map[string]map[string][]string{"ArnEquals": {"iam:PolicyARN": attach}}
	}
	doc, err := json.MarshalIndent(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{
		{Sid: "CofreUsers", Effect: "Allow", Action: userActions, Resource: users},
		policies,
		{Sid: "CofreSelfCheck", Effect: "Allow", Action: []string{"iam:SimulatePrincipalPolicy"}, Resource: "arn:" + partition + ":iam::*:user/${aws:username}"},
	}}, "", "  ")
	return string(doc), err
}

// may tells, as steps of the attempt, whether the account may do what it needs. Nothing is changed, and a no is not a failed login.
func (c *client) may(ctx context.Context, who string) {
	note := func(text, why string) { c.session.Trace.Step(model.Step{Text: text, Error: why}) }
	if !strings.Contains(who, ":user/") {
		note("what the account may do was not asked", "it is told for IAM users only: give Cofre the key of one, with the policy that cofre cloud account policy prints")
		return
	}
	var head, _, _ = strings.Cut(who, ":user/")
	params := url.Values{"PolicySourceArn": {who}, "ResourceArns.member.1": {head + ":user" + Path + "cofre_check"}}
	for i, a := range slices.Concat(userActions, policyActions) {
		params.Set("ActionNames.member."+strconv.Itoa(i+1), a)
	}
	var out struct {
		Results []struct {
			Action   string   `xml:"EvalActionName"`
			Decision string   `xml:"EvalDecision"`
			Missing  []string `xml:"MissingContextValues>member"`
		} `xml:"SimulatePrincipalPolicyResult>EvaluationResults>member"`
	}
	if err := c.call(ctx, iam, "SimulatePrincipalPolicy", params, &out); err != nil {
		var no *refusal
		why := "AWS did not answer"
		if errors.As(err, &no) {
			why = "it may not ask (iam:SimulatePrincipalPolicy): " + no.code
		}
		note("what the account may do could not be asked", why)
		return
	}
	for _, r := range out.Results {
		switch {
		case r.Decision == "allowed":
			note("may "+r.Action, "")
		case slices.Contains(r.Missing, "iam:PolicyARN"):
			note("may "+r.Action+" for the policies that its own policy names", "")
		default:
			note("may not "+r.Action, r.Decision)
		}
	}
}
