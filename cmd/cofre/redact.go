package main

import (
	"github.com/sirupsen/logrus"

	"cofre/vault/secret"
)

// redact is the second net of the log; the type secret.Value is the first. It replaces secrets among an entry's fields,
// because the JSON formatter would otherwise drop the whole entry.
type redact struct{}

// Levels are all levels.
func (redact) Levels() []logrus.Level { return logrus.AllLevels }

// Fire replaces secret fields.
func (redact) Fire(e *logrus.Entry) error {
	for k, v := range e.Data {
		switch v.(type) {
		case secret.Value, *secret.Value, []secret.Value:
			e.Data[k] = "[secret]"
		}
	}
	return nil
}
