package state

import (
	"cofre/fsm/model"
	"cofre/fsm/table"
)

// EncryptionKeys are the keys that applications use without holding them.
var EncryptionKeys = table.Define(52, "encryption_key", func(k *model.EncryptionKey) string { return string(k.ID) },
	table.Index[model.EncryptionKey]{Name: "number", Unique: true, Drawn: true, Keys: func(k *model.EncryptionKey) []string { return []string{table.NumberKey(k.Number)} }},
	table.Index[model.EncryptionKey]{Name: "name", Unique: true, Keys: func(k *model.EncryptionKey) []string { return []string{k.Name} }},
	table.Index[model.EncryptionKey]{Name: "user", Keys: func(k *model.EncryptionKey) []string { return texts(k.Users) }},
	sealedIndex(encryptionValues))

func encryptionValues(k *model.EncryptionKey) []Value {
	values := make([]Value, len(k.Versions))
	for n := range k.Versions {
		values[n] = Value{k.Versions[n].Row, &k.Versions[n].Secret}
	}
	return values
}
