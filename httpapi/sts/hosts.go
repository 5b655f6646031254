package sts

// Hosts are those of STS that AWS publishes; no others are asked.
var Hosts = hosts()

func hosts() []string {
	all := []string{DefaultHost}
	for _, region := range []string{
		"af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
		"ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7", "ca-central-1", "ca-west-1",
		"eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1",
		"me-central-1", "me-south-1", "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-1", "us-west-2",
	} {
		all = append(all, "sts."+region+".amazonaws.com")
	}
	for _, region := range []string{"cn-north-1", "cn-northwest-1"} {
		all = append(all, "sts."+region+".amazonaws.com.cn")
	}
	return all
}
