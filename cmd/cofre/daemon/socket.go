package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"cofre/fsm/model"
	"cofre/vault/barrier"
)

const maxSocketBody = 64 << 10

// freeSocket refuses to take the socket away from a daemon that answers there: its operator would lose it.
func freeSocket(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return nil // nobody there: a file that is left is replaced
	}
	_ = c.Close()
	return fmt.Errorf("another cofre server answers at %s: a second one on this machine needs a socket of its own (key socket)", path)
}

// serveSocket answers the operator's commands on this machine: root, or the user that the daemon runs as.
func (d *Daemon) serveSocket(ctx context.Context) error {
	if err := os.Remove(d.config.Socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replace the socket: %w", err)
	}
	mask := unix.Umask(0o177)
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", d.config.Socket)
	unix.Umask(mask)
	if err != nil {
		return fmt.Errorf("listen for the operator: %w", err)
	}
	srv := &http.Server{
		Handler: d.socketRoutes(), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, peerOf(c))
		},
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the operator: %w", err)
	}
	return ctx.Err()
}

type peerKey struct{}

// peerOf finds who is at the other end of the socket; "" if that is not root or the daemon's own user.
func peerOf(c net.Conn) string {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ""
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return ""
	}
	var cred *unix.Ucred
	if err := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil || cred == nil {
		return ""
	}
	if cred.Uid != 0 && int(cred.Uid) != os.Geteuid() {
		return ""
	}
	uid := strconv.Itoa(int(cred.Uid))
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/loginuid", cred.Pid)); err == nil { // who logged in, before su or sudo
		if login := strings.TrimSpace(string(b)); login != "4294967295" && login != "" {
			uid = login
		}
	}
	if who, err := user.LookupId(uid); err == nil {
		return who.Username
	}
	return "uid " + uid
}

var errOperator = model.Errorf(model.Denied, "only root or the user of the daemon may use this socket")

// operatorOf names who is at the other end of the socket, if he may use it.
func operatorOf(r *http.Request) (model.Actor, bool) {
	name, _ := r.Context().Value(peerKey{}).(string)
	return model.Actor{Kind: model.ActorOperator, Name: name}, name != ""
}

// operate makes a handler of a function from arguments to an answer. Arguments are strict JSON.
func operate[A any](fn func(ctx context.Context, who model.Actor, args A) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, ok := operatorOf(r)
		if !ok {
			answer(w, nil, errOperator)
			return
		}
		var args A
		if r.Method == http.MethodPost {
			dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSocketBody))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&args); err != nil {
				answer(w, nil, model.Errorf(model.Invalid, "the request is not understood: %s", err))
				return
			}
		}
		out, err := fn(r.Context(), who, args)
		answer(w, out, err)
	}
}

func answer(w http.ResponseWriter, out any, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if errors.Is(err, barrier.ErrSealed) {
		err = fmt.Errorf("%w: open it first (cofre unseal), or run this on an open one", err)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"error": err.Error(), "kind": model.KindOf(err).String()}
	}
	_ = json.NewEncoder(w).Encode(out) // the client went away
}
