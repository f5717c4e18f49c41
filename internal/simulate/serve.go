package simulate

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"time"
)

// serve takes one request: anything posted to the party is a message for it.
func (p *Party) serve(w http.ResponseWriter, req *http.Request) {
	d := p.Dials()
	if d.Down {
		panic(http.ErrAbortHandler) // cuts the connection without an answer
	}
	if p.o.Accept != "" && req.Header.Get("Authorization") != "Bearer "+p.o.Accept {
		http.Error(w, "unknown token", http.StatusUnauthorized)
		return
	}
	if req.Method != http.MethodPost {
		http.Error(w, "only POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, MaxBody))
	if err != nil {
		status := http.StatusBadRequest
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, "body not taken", status)
		return
	}
	if !p.pause(d.Slow) {
		panic(http.ErrAbortHandler)
	}
	if d.Status != 0 {
		http.Error(w, http.StatusText(d.Status), d.Status)
		return
	}
	p.take(w, req, body, d)
}

func (p *Party) take(w http.ResponseWriter, req *http.Request, body []byte, d Dials) {
	r := p.read(body)
	r.ContentType = req.Header.Get("Content-Type")
	p.mu.Lock()
	kept, fresh, full := p.keep(r)
	p.mu.Unlock()
	if full {
		http.Error(w, "no room", http.StatusInsufficientStorage)
		return
	}
	answer, err := p.firstReceipt(kept, d)
	if err != nil {
		p.mu.Lock()
		p.problem("message %d: no receipt could be written: %v", kept.N, err)
		p.mu.Unlock()
		http.Error(w, "no receipt", http.StatusInternalServerError)
		return
	}
	if d.LoseAnswer {
		panic(http.ErrAbortHandler)
	}
	if answer == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	later := p.o.Later || d.AnswerLate > 0
	if later && fresh { // a repeated message is not answered a second time (README 7.3 rule 6)
		p.post(answer, d.AnswerLate)
	}
	if d.AnswerTwice && fresh {
		if again, err := p.receipt(kept, d); err == nil && again != nil {
			p.post(again, d.AnswerLate+time.Millisecond)
		}
	}
	if later {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.Header().Set("Content-Type", answer.ContentType)
	_, _ = w.Write(answer.Body) // the gateway will ask again
}

// pause waits; false when the party is closed meanwhile.
func (p *Party) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.ctx.Done():
		return false
	}
}

// discard is a log for the HTTP server, which would write about the connections we cut on purpose.
func discard() *log.Logger { return log.New(io.Discard, "", 0) }

// newClient is an HTTP client of our own, so that its connections end with it.
func newClient(perHost int) *http.Client {
	return &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			MaxIdleConns: perHost, MaxIdleConnsPerHost: perHost, MaxConnsPerHost: 0,
			IdleConnTimeout: 30 * time.Second, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return fmt.Errorf("redirect refused") },
	}
}
