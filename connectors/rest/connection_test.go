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
	s := sender(t, ClientOptions{URL: srv.URL, Timeout: patience})
	big := delivery
	big.Body = []byte("<a>" + strings.Repeat("x", 3*writeBuffer) + "</a>")
	conns := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(seen)
	}
	send := func(d samvirke.Delivery) {
		for range 3 * len(answers) {
			if _, err := s.Send(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(delivery)
	if n := conns(); n != 1 {
		t.Errorf("%d connections for requests one after the other: %v", n, seen)
	}
	// Large deliveries go by the transport of net/http, over connections of its own. That gives one up when the machine leaves its
	// writer alone for 50 ms at the wrong moment, which is rare; an answer that we do not read well costs one each time.
	for try := 1; ; try++ {
		before := conns()
		send(big)
		if n := conns() - before; n == 0 {
			return
		} else if try == 20 {
			t.Fatalf("%d new connections for large requests one after the other, and some in each try before", n)
		}
	}
}
