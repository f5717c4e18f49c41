package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/samvirke/samvirke/internal/gateway"
)

// remoteFlags reach a running gateway, which has its store to itself.
type remoteFlags struct {
	URL      string `help:"Web address of a running gateway; its store cannot be opened beside it." placeholder:"URL"`
	User     string `help:"User name for --url." env:"SAMVIRKE_USER" default:"admin"`
	Password string `help:"Password for --url; from the environment, so that it stays out of the process list." env:"SAMVIRKE_PASSWORD" hidden:""`
}

// remote does the actions of a person over the gateway's JSON API.
type remote struct {
	base, user, password string
	client               *http.Client
}

var _ gateway.Actions = (*remote)(nil)

// remoteTimeout bounds one action. An erasure writes files of the store anew before it is answered.
const remoteTimeout = 2 * time.Minute

func (f *remoteFlags) client(a *app) (*remote, error) {
	if f.Password == "" {
		return nil, fail(exitUsage, "set SAMVIRKE_PASSWORD to the password of %s", f.User)
	}
	return &remote{
		base: strings.TrimRight(f.URL, "/"), user: f.User, password: f.Password,
		client: &http.Client{Timeout: remoteTimeout},
	}, nil
}

// Resend implements gateway.Actions; who is the signed-in user.
func (r *remote) Resend(ctx context.Context, _, id, reason string) error {
	return r.do(ctx, "resend", id, reason)
}

// Reprocess implements gateway.Actions.
func (r *remote) Reprocess(ctx context.Context, _, id, reason string) error {
	return r.do(ctx, "reprocess", id, reason)
}

// GiveUp implements gateway.Actions.
func (r *remote) GiveUp(ctx context.Context, _, id, reason string) error {
	return r.do(ctx, "give-up", id, reason)
}

func (r *remote) do(ctx context.Context, action, id, reason string) error {
	body, err := json.Marshal(map[string]string{"id": id, "reason": reason})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base+"/api/v1/actions/"+action, bytes.NewReader(body))
	if err != nil {
		return fail(exitUsage, "--url: %w", err)
	}
	req.SetBasicAuth(r.user, r.password)
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // reading only
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode < 300 {
		return nil
	}
	var p struct {
		Code   string `json:"code"`
		Title  string `json:"title"`
		Detail string `json:"detail"`
	}
	if json.Unmarshal(answer, &p) != nil || p.Title == "" {
		return fmt.Errorf("gateway answered %s", resp.Status)
	}
	return fmt.Errorf("%s: %s %s", p.Code, p.Title, p.Detail)
}
