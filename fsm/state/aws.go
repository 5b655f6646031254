package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// The tables of clients that prove who they are as AWS does.
var (
	AWSRoles = table.Define(47, "aws_roles", func(r *model.AWSRoles) string { return string(r.Application) })
	AWSKeys  = table.Define(53, "aws_key", func(k *model.AWSKey) string { return k.AccessKey },
		table.Index[model.AWSKey]{Name: "authorization", Unique: true, Keys: func(k *model.AWSKey) []string { return []string{string(k.Authorization)} }},
		sealedIndex(awsValues))
)

func awsValues(k *model.AWSKey) []Value { return []Value{{k.Row, &k.Secret}} }
