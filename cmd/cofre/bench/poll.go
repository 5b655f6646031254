package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"cofre/cmd/cofre/client"
)

// polled is the path at which pods ask for all secrets of their application.
const polled = "/iso/sctm/secret"

// preparePolls makes an application with ten secrets, and learns the tag of the answer.
func (s *server) preparePolls(ctx context.Context) error {
	post := func(path string, args, out any) error { return s.admin.Do(ctx, http.MethodPost, path, args, out) }
	if err := post("/api/v1/applications", map[string]any{"name": "pods"}, nil); err != nil {
		return err
	}
	var made struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	auth := map[string]any{"name": "prod", "system": "erp", "environment": "prod", "modules": []string{"Application", "Secrets Management"}, "rights": []string{"secret.read"}}
	if err := post("/api/v1/applications/pods/authorizations", auth, &made); err != nil {
		return err
	}
	for i := range 10 {
		body := map[string]any{"identity": fmt.Sprintf("pod-%d", i), "owner": map[string]string{"application": "pods", "authorization": "prod"},
			"values": []map[string]string{{"name": fmt.Sprintf("KEY_%d", i), "value": "a value of some length, as keys have"}}}
		if err := post("/api/v1/secrets", body, nil); err != nil {
			return err
		}
	}
	pod, err := client.New(client.Config{URLs: []string{s.ready.Nodes[0].API}, ClientID: made.ClientID, ClientSecret: made.ClientSecret, CAFile: s.ready.CAFile})
	if err != nil {
		return err
	}
	if s.tokens["pod"], err = pod.Token(ctx); err != nil {
		return err
	}
	a, err := s.poll(ctx, s.ready.Nodes[0].API, "")
	if s.tag = a.tag; err == nil && s.tag == "" {
		err = errors.New("the secrets of an application came without an ETag")
	}
	return err
}

func (s *server) poll(ctx context.Context, base, tag string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+polled, bytes.NewReader(nil))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+s.tokens["pod"])
	if tag != "" {
		req.Header.Set("If-None-Match", tag)
	}
	return s.wire.ask(ctx, req)
}

// secrets reads ten secrets of an application, in one answer and with one event.
func (s *server) secrets(ctx context.Context, _ int) error {
	_, err := s.poll(ctx, s.leader, "")
	return err
}

// unchanged asks any node for them with the tag of the last answer.
func (s *server) unchanged(ctx context.Context, c int) error {
	a, err := s.poll(ctx, s.ready.Nodes[(c+int(s.spread.Add(1)))%len(s.ready.Nodes)].API, s.tag)
	if err == nil && a.code != http.StatusNotModified {
		err = fmt.Errorf("secrets that nobody changed: %s", a.status)
	}
	return err
}
