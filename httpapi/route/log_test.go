package route

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"cofre/fsm/model"
	"cofre/httpapi/compat"
)

// What went well has a line on demand only, what did not always; neither shows a value.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	for level, wanted := range map[logrus.Level]map[string]bool{
		logrus.InfoLevel:  {"/iso/well": false, "/iso/ill": true},
		logrus.DebugLevel: {"/iso/well": true, "/iso/ill": true},
		logrus.WarnLevel:  {"/iso/well": false, "/iso/ill": false},
	} {
		for path, line := range wanted {
			var log bytes.Buffer
			o := options(&log)
			o.Logger.SetLevel(level)
			h, err := Mount(o, []Route{sample("GET", "/iso/well", echo), sample("GET", "/iso/ill", func(context.Context, *Request) (compat.Reply, error) {
				return compat.Reply{}, model.Errorf(model.Invalid, "no")
			})})
			if err != nil {
				t.Fatal(err)
			}
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path+"?canary=canary", nil))
			if strings.Contains(log.String(), "route="+path) != line || strings.Contains(log.String(), "canary") {
				t.Errorf("level %s, %s, want a line: %v: %s", level, path, line, log.String())
			}
		}
	}
}
