package simulate_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"testing"
)

// relay is a gateway reduced to its wire: it takes messages and hands the very bytes on to whom they
// name, at once and in order. Hooks make it misbehave, so that the simulator can be seen to notice.
type relay struct {
	*httptest.Server
	client *http.Client

	mu       sync.Mutex
	taken    [][]byte
	targets  map[string]string                 // HER-id of the communication party -> URL
	between  func(n int, body []byte) [][]byte // what is handed on instead of body
	status   func(n int) int                   // 0: 202
	receipts [][]byte                          // answers of receivers
	answered func(receipt []byte)              // told each answer
	freshID  bool                              // a repeated message gets a new id
}

var herID = regexp.MustCompile(`<Id>(\d{7})</Id>`)

func newRelay(t testing.TB) *relay {
	t.Helper()
	r := &relay{targets: map[string]string{}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(func() {
		r.Server.Close()
		r.client.CloseIdleConnections()
	})
	return r
}

func (r *relay) serve(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil || req.URL.Path != "/messages" || req.Header.Get("Authorization") == "" {
		w.WriteHeader(400)
		return
	}
	sum := sha256.Sum256(body)
	r.mu.Lock()
	repeated := false
	for _, b := range r.taken {
		repeated = repeated || bytes.Equal(b, body)
	}
	n := len(r.taken)
	if r.freshID && repeated {
		sum[0]++
	}
	status := 0
	if r.status != nil {
		status = r.status(n)
	}
	if status == 0 && !repeated {
		r.taken = append(r.taken, body)
	}
	r.mu.Unlock()
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	w.WriteHeader(202)
	_ = json.NewEncoder(w).Encode(map[string]string{"id": hex.EncodeToString(sum[:8])})
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	if !repeated {
		r.forward(n, body)
	}
}

func (r *relay) forward(n int, body []byte) {
	out := [][]byte{body}
	if r.between != nil {
		out = r.between(n, body)
	}
	for _, b := range out {
		for her, url := range r.targets {
			if !addressed(b, her) {
				continue
			}
			resp, err := r.client.Post(url, "application/xml", bytes.NewReader(b))
			if err != nil {
				continue
			}
			answer, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			r.mu.Lock()
			r.receipts = append(r.receipts, answer)
			r.mu.Unlock()
			if r.answered != nil {
				r.answered(answer)
			}
		}
	}
}

// addressed looks for a HER-id among the receivers, for XML and for FHIR.
func addressed(body []byte, her string) bool {
	if body[0] == '{' {
		return bytes.Contains(body, []byte(`"urn:oid:2.16.578.1.12.4.1.2.`+her+`"`)) && !bytes.Contains(body, []byte(`"name": "sender`))
	}
	_, after, _ := bytes.Cut(body, []byte("</Sender>"))
	if len(after) == 0 {
		_, after, _ = bytes.Cut(body, []byte("<Requester>"))
	}
	for _, m := range herID.FindAllSubmatch(after, -1) {
		if string(m[1]) == her {
			return true
		}
	}
	return false
}
