package daemon

import (
	"net/http"
	"runtime/pprof"
	"strconv"
	"time"

	"cofre/fsm/model"
)

const maxProfile = 60 * time.Second

// profile answers with a profile of this process in the format of the Go tools: the CPU for some seconds, or one of
// the runtime's (heap, goroutine, allocs, mutex, block). Profiles hold call stacks and sizes, never values.
func (d *Daemon) profile(w http.ResponseWriter, r *http.Request) {
	if name, _ := r.Context().Value(peerKey{}).(string); name == "" {
		answer(w, nil, model.Errorf(model.Denied, "only root or the user of the daemon may use this socket"))
		return
	}
	kind := r.PathValue("kind")
	if kind != "cpu" {
		p := pprof.Lookup(kind)
		if p == nil {
			answer(w, nil, model.Errorf(model.Invalid, "there is no profile %q: take cpu, heap, allocs, goroutine, mutex or block", kind))
			return
		}
		_ = p.WriteTo(w, 0) // the client went away
		return
	}
	seconds, err := strconv.ParseFloat(r.URL.Query().Get("seconds"), 64)
	span := time.Duration(seconds * float64(time.Second))
	if err != nil || span <= 0 || span > maxProfile {
		answer(w, nil, model.Errorf(model.Invalid, "seconds must be above 0 and at most %d", int(maxProfile.Seconds())))
		return
	}
	if err := pprof.StartCPUProfile(w); err != nil {
		answer(w, nil, model.Errorf(model.Conflict, "another profile is being taken: wait for its end"))
		return
	}
	defer pprof.StopCPUProfile()
	select {
	case <-time.After(span):
	case <-r.Context().Done():
	}
}
