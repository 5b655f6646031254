package aws

import (
	"errors"
	"regexp"

	"cofre/executors"
	"cofre/executors/cloud"
	"cofre/executors/mask"
)

// partition is a part of AWS with accounts of its own. IAM has one host in it, and one region that its requests are signed for; STS has a
// host in each region.
type partition struct {
	region string
	sts    string         // between this ...
	suffix string         // ... and this is a region
	hosts  *regexp.Regexp // that belong to it
	global string         // STS without a region; "": that of the partition's region
}

var partitions = map[string]partition{
	"iam.amazonaws.com":               {"us-east-1", "sts.", ".amazonaws.com", regexp.MustCompile(`^sts(\.(af|ap|ca|eu|il|me|mx|sa|us)-(central|(north|south)?(east|west)?)-\d{1,2})?\.amazonaws\.com$`), "sts.amazonaws.com"},
	"iam.us-gov.amazonaws.com":        {"us-gov-west-1", "sts.", ".amazonaws.com", regexp.MustCompile(`^sts\.us-gov-[a-z]+-\d{1,2}\.amazonaws\.com$`), ""},
	"iam.cn-north-1.amazonaws.com.cn": {"cn-north-1", "sts.", ".amazonaws.com.cn", regexp.MustCompile(`^sts\.cn-[a-z]+-\d{1,2}\.amazonaws\.com\.cn$`), ""},
}

// Belongs tells whether a host is STS of the part of AWS whose IAM the device is.
func (Executor) Belongs(hostname, host string) bool {
	p, ok := partitions[hostname]
	return ok && p.hosts.MatchString(host)
}

// place is where the two services are, and for which regions requests are signed.
type place struct{ iam, iamRegion, sts, stsRegion string }

var region = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$`)

// placeOf finds the services. The account's domain is its region; a device that is not AWS itself answers for both services.
func placeOf(s executors.Session) (place, error) {
	v, err := s.Resolve.Optional(mask.Name("AUTH_DOMAIN"))
	if err != nil {
		return place{}, executors.Fail(executors.ClassTemplate, 0, err)
	}
	var in string
	_ = v.Reveal(func(b []byte) error { in = string(b); return nil })
	if in != "" && !region.MatchString(in) {
		return place{}, executors.Fail(executors.ClassTemplate, 0, errors.New("expected a region such as eu-west-1 as the domain of the account or of the device"))
	}
	host := cloud.Host(s)
	p, known := partitions[host]
	if s.Target.Address != host {
		known = false // a proxy or a private endpoint, by its address
	}
	switch {
	case !known && in == "":
		return place{host, "us-east-1", host, "us-east-1"}, nil
	case !known:
		return place{host, in, host, in}, nil
	case in == "" && p.global != "":
		return place{host, p.region, p.global, p.region}, nil
	case in == "":
		in = p.region
	}
	out := place{host, p.region, p.sts + in + p.suffix, in}
	if !p.hosts.MatchString(out.sts) {
		return place{}, executors.Fail(executors.ClassTemplate, 0, errors.New("the region is not of the part of AWS that the device is"))
	}
	return out, nil
}
