package rest

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestConnectionIsUsedAgain: an answer of announced length is read without looking behind it, and the
// connection must be whole after that all the same.
func TestConnectionIsUsedAgain(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	answers := []string{"<AppRec/>", "", strings.Repeat("<AppRec/>", 10_000), "thank you"}
	n := 0
	srv := far(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen[r.RemoteAddr]++
		answer := answers[n%len(answers)]
		n++
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = io.WriteString(w, answer)
	})
	s := sender(t, ClientOptions{URL: srv.URL})
	big := delivery
	big.Body = []byte("<a>" + strings.Repeat("x", 3*writeBuffer) + "</a>")
	for i := range 3 * len(answers) {
		d := delivery
		if i%2 == 1 {
			d = big
		}
		if _, err := s.Send(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 1 {
		t.Errorf("%d connections for requests one after the other: %v", len(seen), seen)
	}
}
