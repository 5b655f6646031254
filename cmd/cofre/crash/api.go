package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cofre/cmd/cofre/client"
	"cofre/cmd/cofre/operator"
	"cofre/fsm/model"
)

// api asks any node, and another one when that does not answer.
type api struct{ nodes []*client.Client }

// besides asks the nodes but one.
func (a *api) besides(i int) *api {
	return &api{nodes: append(append([]*client.Client(nil), a.nodes[:i]...), a.nodes[i+1:]...)}
}

// patience is how long a request is tried: longer than an election and a lease together.
const patience = 60 * time.Second

func (a *api) do(ctx context.Context, method, path string, args, out any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := a.nodes[rand.IntN(len(a.nodes))].Do(ctx, method, path, args, out)
		var e *client.Error
		switch {
		case err == nil:
			return nil
		case errors.As(err, &e) && e.Status < 500 && e.Status != http.StatusTooManyRequests:
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
}

// op is what the matrix reads of an operation.
type op struct {
	Number     uint64 `json:"number"`
	State      string `json:"state"`
	Final      bool   `json:"final"`
	Message    string `json:"message"`
	Node       string `json:"node"`
	Credential struct {
		Identifier string `json:"identifier"`
		Username   string `json:"username"`
	} `json:"credential"`
	History []struct {
		At        time.Time `json:"at"`
		To, Event string
		Node      string
	} `json:"history"`
}

// list gives the operations in some states (all: ""), newest first, down to a number.
func (a *api) list(ctx context.Context, states string, above uint64) ([]op, error) {
	var all []op
	for next := ""; ; {
		var page struct {
			Items []op   `json:"items"`
			Next  string `json:"next"`
		}
		if err := a.do(ctx, http.MethodGet, "/api/v1/operations?consistency=strong&limit=100&state="+states+"&after="+next, nil, &page); err != nil {
			return nil, err
		}
		for _, o := range page.Items {
			if o.Number <= above {
				return all, nil
			}
			all = append(all, o)
		}
		if next = page.Next; next == "" {
			return all, nil
		}
	}
}

// found makes the cluster: real leases of 6 s, no practice stamp.
func (m *matrix) found(ctx context.Context) error {
	first := operator.NewClient(m.nodes[0].socket)
	var a struct {
		CA           string `json:"ca"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	if err := first.Post(ctx, "/init", map[string]any{"shares": 5, "threshold": 3, "recovery_shares": 5, "recovery_threshold": 3, "fast_leases": true}, &a); err != nil {
		return fmt.Errorf("found the cluster: %w", err)
	}
	for _, n := range m.nodes[1:] {
		c := operator.NewClient(n.socket)
		var key struct{ Fingerprint string }
		var t struct{ Token string }
		err := c.Post(ctx, "/node-key", struct{}{}, &key)
		if err == nil {
			err = first.Post(ctx, "/token", map[string]any{"name": n.id, "node_key": key.Fingerprint, "ttl_seconds": 60}, &t)
		}
		if err == nil {
			err = c.Post(ctx, "/join", map[string]string{"text": t.Token}, nil)
		}
		if err != nil {
			return fmt.Errorf("join %s: %w", n.id, err)
		}
	}
	ca := filepath.Join(m.dir, "ca.pem")
	if err := os.WriteFile(ca, []byte(a.CA), 0o600); err != nil {
		return err
	}
	m.api = &api{}
	var urls []string
	for _, n := range m.nodes {
		url := fmt.Sprintf("https://%s:8443", m.net.addr(n.i))
		urls = append(urls, url)
		c, err := client.New(client.Config{URLs: []string{url}, ClientID: a.ClientID, ClientSecret: a.ClientSecret, CAFile: ca, Timeout: 4 * time.Second})
		if err != nil {
			return err
		}
		m.api.nodes = append(m.api.nodes, c)
	}
	m.connect = []string{"COFRE_URL=" + strings.Join(urls, ","), "COFRE_CLIENT_ID=" + a.ClientID, "COFRE_CLIENT_SECRET=" + a.ClientSecret, "COFRE_CA_FILE=" + ca}
	if err := m.healthy(ctx); err != nil {
		return err
	}
	return m.api.do(ctx, http.MethodPost, "/api/v1/whoami/secret-read", nil, nil)
}

// healthy waits until every node votes, is open and hears the leader.
func (m *matrix) healthy(ctx context.Context) error {
	return until(ctx, 90*time.Second, "all nodes are healthy", func() error {
		for _, n := range m.nodes {
			s, err := n.status(ctx)
			switch {
			case err != nil:
				return err
			case s.Tolerance != 1:
				return fmt.Errorf("%s says: %s", n.id, s.Headline)
			case s.Sealed:
				return fmt.Errorf("%s is sealed", n.id)
			}
		}
		return nil
	})
}

// register makes the credentials, with pauses between tries that suit a run of minutes.
func (m *matrix) register(ctx context.Context) error {
	post := func(path string, args any) error { return m.api.do(ctx, http.MethodPost, path, args, nil) }
	attempts := 10
	if m.plant != "" {
		attempts = 3 // a mistake must come to its end
	}
	err := post("/api/v1/policies", map[string]any{"name": "matrix", "attempts": attempts, "retry_interval": "1s", "bad_logins": 10, "bad_login_window": "10s"})
	if err != nil {
		return err
	}
	var keys []map[string]string
	for _, l := range m.targets.ssh.HostKeyLines() {
		keys = append(keys, map[string]string{"key": l})
	}
	for i := range sshDevices {
		name := fmt.Sprintf("linux-%d", i)
		device := map[string]any{"hostname": name, "ip": m.net.host, "connectivities": []map[string]any{{"protocol": "SSH", "port": m.targets.sshPort}}}
		if err := errors.Join(post("/api/v1/devices", device), post("/api/v1/devices/"+name+"/trust", map[string]any{"keys": keys})); err != nil {
			return err
		}
	}
	pg := map[string]any{"hostname": "localhost", "ip": m.net.host, "ca": m.targets.pg.CA(), "connectivities": []map[string]any{{"protocol": "POSTGRES", "port": m.targets.pgPort}}}
	if err := post("/api/v1/devices", pg); err != nil {
		return err
	}
	for _, a := range m.targets.accounts {
		c := map[string]any{"identifier": a.identifier, "hostname": a.device, "username": a.user, "secret": a.first, "policy": "matrix", "execution": map[string]any{"template": a.template}}
		if err := post("/api/v1/credentials", c); err != nil {
			return err
		}
	}
	return nil
}

// states that are not final.
const open = "ready,leased,running,uncertain,settling"

// settle waits until no operation is open, and gives the numbers of those that do not end.
func (m *matrix) settle(ctx context.Context) []uint64 {
	var left []op
	err := until(ctx, 10*time.Minute, "operations end", func() (err error) {
		if left, err = m.api.list(ctx, open, 0); err == nil && len(left) > 0 {
			err = fmt.Errorf("%d are open", len(left))
		}
		return err
	})
	if err == nil {
		return nil
	}
	m.say("%v", err)
	var numbers []uint64
	for _, o := range left {
		numbers = append(numbers, o.Number)
	}
	return numbers
}

// fine tells how operations end in a run where every target lives: anything else is looked into.
func (o *op) fine() bool { return o.State == model.OpSucceeded.String() }
