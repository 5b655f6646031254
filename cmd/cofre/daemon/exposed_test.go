package daemon

import (
	"bytes"
	"io"
	"os"
	"testing"

	"cofre/fsm/fsmtest"
	"cofre/fsm/model"
	"cofre/fsm/state"
)

// TestExposed: whatever a lost node could open is listed until it is replaced, not passwords of credentials alone. The golden
// state holds something of every kind.
func TestExposed(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("../../../fsm/testdata/golden/level1.stream")
	if err != nil {
		t.Fatal(err)
	}
	f := fsmtest.Open(t)
	if err := f.Restore(io.NopCloser(bytes.NewReader(golden))); err != nil {
		t.Fatal(err)
	}
	v := f.View()
	defer v.Close()
	listed := map[string]int{}
	late := exposedIn(v, 1<<60)
	for _, o := range late.Others {
		if listed[o.What]++; o.Name == "" || o.Replace == "" {
			t.Errorf("%+v says too little", o)
		}
	}
	listed["credential"] = len(late.Exposed)
	// What stands for each table with ciphertext; "": it holds nothing for longer than an operation, or a week.
	kinds := map[string]string{
		"credential": "credential", "dynamic_user": "dynamic user", "dsm_version": "secret of an application", "oauth1_key": "OAuth 1.0 keys",
		"information": "protected information", "encryption_key": "encryption key", "aws_key": "AWS pair", "chain_run": "", "capture": "",
	}
	for _, table := range state.SealedTables {
		kind, ok := kinds[table.Name()]
		if !ok {
			t.Errorf("table %s holds secrets, and nobody knows how a lost node's knowledge of them is told", table.Name())
		}
		if kind != "" && listed[kind] == 0 && table.CountOlder(v, 1<<30, 1) > 0 {
			t.Errorf("nothing of table %s is listed: %v", table.Name(), listed)
		}
	}
	for _, o := range exposedIn(v, 1).Others {
		if o.What != "second factor" {
			t.Errorf("listed although it is younger than the loss: %+v", o)
		}
	}
	if e := exposedIn(v, model.Time(0)); len(e.Exposed)+len(e.Others) != 0 {
		t.Errorf("no node was lost: %+v", e)
	}
	t.Log(listed)
}
