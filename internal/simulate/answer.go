package simulate

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// receipt writes the application receipt for a message; nil when the party gives none. Receipts,
// notifications and what cannot be read get none.
func (p *Party) receipt(r *Received, d Dials) (*mapping.Rendered, error) {
	env := &r.Envelope
	if p.o.Receipts == samvirke.ReceiptNone || p.o.Receipts == "" || env.Receipt != nil || env.Format == "" ||
		env.Format == formatNotification || len(env.Receivers) == 0 {
		return nil, nil
	}
	i := slices.IndexFunc(p.o.Formats, func(f mapping.Format) bool { return f.Name() == env.Format })
	if i < 0 {
		return nil, nil
	}
	c := samvirke.ReceiptContent{Status: samvirke.ReceiptOK, OriginalID: env.ID, OriginalKind: env.Kind, OriginalIssued: env.GeneratedRaw}
	if d.Refuse != "" {
		c.Status = samvirke.ReceiptRejected
		c.Errors = []samvirke.ReceiptError{{Code: d.Refuse, Detail: "refused by a simulated party"}}
	}
	out, err := p.o.Formats[i].RenderReceipt(env, p.me(env), c, mapping.Target{NewID: newUUID(), Now: p.o.Now()})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// firstReceipt gives the receipt that belongs to a message: written once, given again with the same bytes
// when the message comes again because the answer was lost. A verdict is final.
func (p *Party) firstReceipt(r *Received, d Dials) (*mapping.Rendered, error) {
	p.mu.Lock()
	out := r.answer
	p.mu.Unlock()
	if out != nil {
		return out, nil
	}
	out, err := p.receipt(r, d)
	if err != nil || out == nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.answer == nil {
		r.answer, r.Answered = out, samvirke.ReceiptOK
		if d.Refuse != "" {
			r.Answered = samvirke.ReceiptRejected
		}
	}
	return r.answer, nil
}

// me is the index of the receiver that this party is; the first one when none has its HER-id.
func (p *Party) me(env *samvirke.Envelope) int {
	for i, a := range env.Receivers {
		if slices.Contains(p.o.HER, a.HER()) {
			return i
		}
	}
	for i, a := range env.Receivers {
		if slices.Contains(p.o.HER, a.Enterprise()) {
			return i
		}
	}
	return 0
}

// Bounds of posting a receipt later.
const (
	lateTries = 20
	latePause = 250 * time.Millisecond
)

// post sends a receipt to the gateway after a while, in the background.
func (p *Party) post(answer *mapping.Rendered, after time.Duration) {
	p.start(func() {
		if !p.pause(after) {
			return
		}
		for try := 1; ; try++ {
			got, err := p.Send(p.ctx, answer.Body, answer.ContentType)
			if p.ctx.Err() != nil || err == nil && got.Status < 500 {
				return
			}
			if try == lateTries {
				p.mu.Lock()
				p.problem("a receipt could not be posted")
				p.mu.Unlock()
				return
			}
			if !p.pause(latePause) {
				return
			}
		}
	})
}

// Posted is the gateway's answer to one POST.
type Posted struct {
	// Status is the HTTP status, ID the gateway's id of the message ("" when it gave none).
	Status int
	ID     string
	// Body is the answer as text, at most 64 KB.
	Body string
	Took time.Duration
}

// maxAnswer is how much of the gateway's answer is read. Unit: bytes.
const maxAnswer = 64 << 10

// Send posts one message to the gateway's /messages as this party. An error means that the outcome is
// unknown; any HTTP status is no error.
func (p *Party) Send(ctx context.Context, body []byte, contentType string) (Posted, error) {
	p.mu.Lock()
	gateway := p.gateway
	p.mu.Unlock()
	if gateway == "" {
		return Posted{}, fmt.Errorf("party %s knows no gateway", p.o.ID)
	}
	return post(ctx, p.client, gateway, p.o.Token, body, contentType)
}

func post(ctx context.Context, c *http.Client, gateway, token string, body []byte, contentType string) (Posted, error) {
	start := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, gateway+"/messages", bytes.NewReader(body))
	if err != nil {
		return Posted{}, errors.New("gateway address is no URL")
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := c.Do(req)
	if err != nil {
		return Posted{}, fmt.Errorf("post message: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // reading only
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	out := Posted{Status: resp.StatusCode, Body: string(text), Took: time.Since(start)}
	if err != nil {
		return out, fmt.Errorf("read answer: %w", err)
	}
	var a struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(text, &a) == nil {
		out.ID = a.ID
	}
	return out, nil
}

// newUUID is a random UUID (version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	id := s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
	if !fhir.IsUUID(id) {
		panic("simulate: bad UUID") // a programmer's mistake
	}
	return id
}
