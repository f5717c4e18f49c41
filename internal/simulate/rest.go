package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// playWrite plays a step that is no message: a party writes over FHIR REST, or a person decides.
func playWrite(ctx context.Context, o PlayOptions, s *Step, r StepResult) StepResult {
	start := time.Now()
	r.Tries = 1
	var err error
	if s.Decide != nil {
		r.MessageID, err = o.Decide(ctx, s.Decide)
	} else {
		r.Status, err = o.Parties[s.From].Update(ctx, o.Course.Patient, s.Rest)
	}
	if r.Took = time.Since(start); err != nil {
		r.Err = err.Error()
	}
	return r
}

// Update changes a resource of the patient over FHIR REST: it finds the plan, reads the resource, changes it, and
// writes it back with the version that it read as If-Match. It gives the HTTP status of the write; what is not
// taken is an error.
func (p *Party) Update(ctx context.Context, patient string, w *RestWrite) (int, error) {
	plan, err := p.planOf(ctx, patient)
	if err != nil {
		return 0, err
	}
	_, list, err := p.rest(ctx, http.MethodGet, w.Type+"?patient="+url.QueryEscape(plan)+"&_count=100", "", nil)
	if err != nil {
		return 0, err
	}
	for _, e := range list.Get("entry").Items() {
		n := e.Get("resource")
		if n.At("code.text").Text() != w.Text {
			continue
		}
		var change map[string]json.RawMessage
		if err := json.Unmarshal(w.Change, &change); err != nil {
			return 0, fmt.Errorf("read the change of a %s: %w", w.Type, err)
		}
		n = n.Clone()
		for key, raw := range change {
			v, err := fhir.ParseNode(raw)
			if err != nil {
				return 0, fmt.Errorf("read the change of a %s: %w", w.Type, err)
			}
			n.Set(key, v)
		}
		match := `W/"` + n.At("meta.versionId").Text() + `"`
		status, _, err := p.rest(ctx, http.MethodPut, w.Type+"/"+n.Get("id").Text(), match, n.Bytes())
		return status, err
	}
	return 0, fmt.Errorf("party %s reads no %s of that name", p.o.ID, w.Type)
}

// planOf finds the opaque id of a patient's plan; the identifier stands in the body, never in an address.
func (p *Party) planOf(ctx context.Context, patient string) (string, error) {
	_, found, err := p.rest(ctx, http.MethodPost, "Patient/_search", "", []byte(url.Values{"identifier": {patient}}.Encode()))
	if err != nil {
		return "", err
	}
	id := found.At("entry.0.resource.id").Text()
	if id == "" {
		return "", fmt.Errorf("party %s finds no plan of the patient", p.o.ID)
	}
	return id, nil
}

// rest asks the gateway's FHIR interface; any answer but success is an error.
func (p *Party) rest(ctx context.Context, method, path, match string, body []byte) (int, *fhir.Node, error) {
	p.mu.Lock()
	gateway := p.gateway
	p.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, method, gateway+"/fhir/"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, errors.New("gateway address is no URL")
	}
	req.Header.Set("Authorization", "Bearer "+p.o.Token)
	switch {
	case strings.HasSuffix(path, "/_search"):
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	case body != nil:
		req.Header.Set("Content-Type", "application/fhir+json")
	}
	if match != "" {
		req.Header.Set("If-Match", match)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("ask the gateway: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // reading only
	text, err := io.ReadAll(io.LimitReader(resp.Body, MaxBody))
	if err != nil {
		return resp.StatusCode, nil, fmt.Errorf("read answer: %w", err)
	}
	// 202 is the answer to a change of what came in a message: it is kept, and stands as new content of the same thing.
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusAccepted {
		return resp.StatusCode, nil, fmt.Errorf("the gateway answered %d to a %s of a %s", resp.StatusCode, method, strings.SplitN(path, "/", 2)[0])
	}
	if len(text) == 0 {
		return resp.StatusCode, nil, nil
	}
	n, err := fhir.ParseNode(text)
	if err != nil {
		return resp.StatusCode, nil, fmt.Errorf("read answer: %w", err)
	}
	return resp.StatusCode, n, nil
}
