package model

import (
	"regexp"
	"slices"
	"strings"
)

// AWSRoles are the identities of AWS that may get tokens for the authorizations of an application.
type AWSRoles struct {
	Application ApplicationID `cbor:"application"`
	ARNs        []string      `cbor:"arns"`               // as ReducedARN writes them, sorted
	Listings    []string      `cbor:"listings,omitempty"` // of each ARN: a new one whenever it comes onto the list
	At          Time          `cbor:"at"`
}

// Listing is what tokens of an identity hang on: it ends when the identity is taken off the list, and another one begins when it is
// listed again. Empty: it is not listed.
func (r *AWSRoles) Listing(arn string) string {
	if i := slices.Index(r.ARNs, arn); arn != "" && i >= 0 && i < len(r.Listings) {
		return r.Listings[i]
	}
	return ""
}

// MaxARNs is how many identities one application lists.
const MaxARNs = 100

// AWSKey is a pair that an authorization signs requests with by AWS Signature Version 4. The protocol needs the secret
// itself, so it is sealed, not hashed.
type AWSKey struct {
	AccessKey     string          `cbor:"access_key"` // public half
	Authorization AuthorizationID `cbor:"authorization"`
	Row           string          `cbor:"row"` // random id chosen by the proposer: binds the ciphertext to its place
	Secret        Sealed          `cbor:"secret"`
	At            Time            `cbor:"at"`
}

var (
	arnListed = regexp.MustCompile(`^arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:(role/[A-Za-z0-9+=,.@_-]{1,64}|user/([!-.0-~]{1,63}/){0,8}[A-Za-z0-9+=,.@_-]{1,64})$`)
	arnWorn   = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):sts::([0-9]{12}):assumed-role/([A-Za-z0-9+=,.@_-]{1,64})/[A-Za-z0-9+=,.@_-]{2,64}$`)
)

// ReducedARN is the identity behind what STS answers: of a session the role, of a user itself; empty for everything else
// (the root of an account, federated users), which has no place in a list.
func ReducedARN(arn string) string {
	if m := arnWorn.FindStringSubmatch(arn); m != nil {
		return "arn:" + m[1] + ":iam::" + m[2] + ":role/" + m[3]
	}
	if strings.Contains(arn, ":user/") && arnListed.MatchString(arn) {
		return arn
	}
	return ""
}

// CheckARNs refuses what no answer of STS could ever be equal to, and puts the list in order without repetitions.
func CheckARNs(list []string) ([]string, *Error) {
	if len(list) > MaxARNs {
		return nil, Errorf(Invalid, "an application lists at most %d ARNs", MaxARNs).WithField("arns")
	}
	for _, a := range list {
		if !arnListed.MatchString(a) {
			return nil, Errorf(Invalid, "an ARN is arn:aws:iam::ACCOUNT:role/NAME, without the role's path, since AWS does not tell it, or arn:aws:iam::ACCOUNT:user/PATH/NAME; no wildcards").WithField("arns")
		}
	}
	out := slices.Clone(list)
	slices.Sort(out)
	return slices.Compact(out), nil
}
