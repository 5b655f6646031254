package raftnode

import (
	"fmt"
	"io"

	"github.com/hashicorp/go-hclog"
	"github.com/sirupsen/logrus"
)

// bridge gives raft a logger that writes to ours.
func bridge(log logrus.FieldLogger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Info, Output: io.Discard})
	l.RegisterSink(hclogSink{log})
	return l
}

type hclogSink struct{ log logrus.FieldLogger }

// Accept passes one line on.
func (s hclogSink) Accept(name string, level hclog.Level, msg string, args ...any) {
	fields := logrus.Fields{"part": name}
	for i := 0; i+1 < len(args); i += 2 {
		v := args[i+1]
		if f, ok := v.(hclog.Format); ok && len(f) > 0 {
			v = fmt.Sprintf(fmt.Sprint(f[0]), f[1:]...)
		}
		fields[fmt.Sprint(args[i])] = fmt.Sprint(v)
	}
	e := s.log.WithFields(fields)
	switch {
	case level >= hclog.Error:
		e.Error(msg)
	case level == hclog.Warn:
		e.Warn(msg)
	case level == hclog.Info:
		e.Info(msg)
	}
}
