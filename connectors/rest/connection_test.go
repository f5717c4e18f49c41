package rest

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/samvirke/samvirke"
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
	// Usual and large deliveries have connections of their own, because they go different ways.
	for i, d := range []samvirke.Delivery{delivery, big} {
		for range 3 * len(answers) {
			if _, err := s.Send(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		mu.Lock()
		if len(seen) != i+1 {
			t.Errorf("%d connections for requests one after the other: %v", len(seen), seen)
		}
		mu.Unlock()
	}
}
