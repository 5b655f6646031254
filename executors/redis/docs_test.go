package redis_test

import (
	"os"
	"strings"
	"testing"
)

// TestWorkedExample: what docs/executors.md shows of this executor, as the example of how one is written, is what compiles here.
func TestWorkedExample(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/executors.md")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, name := range []string{"compile.go", "run.go", "redis.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(b)
	}
	flat := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	_, example, found := strings.Cut(string(doc), "func escape(")
	example, _, whole := strings.Cut(example, "\n       }\n")
	if !found || !whole || !strings.Contains(flat(source.String()), flat("func escape("+example+"\n}")) {
		t.Errorf("the example is not the code: %q", flat(example))
	}
	if call := "return r.Outcome(errors.As(err, &no)), f"; !strings.Contains(string(doc), call) || !strings.Contains(source.String(), call) {
		t.Errorf("the example of an outcome is not the code: %s", call)
	}
}
