package rest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/connectors/connectortest"
	"github.com/samvirke/samvirke/connectors/rest"
)

func TestSourceSuite(t *testing.T) {
	parties, err := rest.NewParties([]rest.Credential{{Party: "hospital", TokenSHA256: rest.HashToken("t0ken")}})
	if err != nil {
		t.Fatal(err)
	}
	connectortest.TestSource(t, "hospital", func(t *testing.T, _ string, to connectors.Receiver) connectortest.Source {
		client := &http.Client{Transport: &http.Transport{}}
		srv := httptest.NewUnstartedServer(nil)
		srv.Config = rest.NewServer(rest.NewHandler(rest.ServerOptions{Receiver: to, Parties: parties}))
		started := false
		var mu sync.Mutex
		told := map[string]bool{}
		return connectortest.Source{
			Start: func(context.Context) error { srv.Start(); started = true; return nil },
			Stop: func() {
				if started {
					stop(srv)
				}
				client.CloseIdleConnections()
			},
			Put: func(ctx context.Context, body []byte) error {
				for {
					status, answer, err := put(ctx, client, srv.URL+rest.PathMessages, body)
					switch {
					case ctx.Err() != nil:
						return ctx.Err()
					case err == nil && status == 202:
						return nil
					case err == nil && status >= 400 && status < 500:
						mu.Lock()
						told[answer] = true
						mu.Unlock()
						return nil
					case err == nil && status != 503:
						return fmt.Errorf("status %d", status)
					}
					time.Sleep(5 * time.Millisecond) // the far side's pause before it tries again
				}
			},
			Refused: func(code string) bool {
				mu.Lock()
				defer mu.Unlock()
				for answer := range told {
					if bytes.Contains([]byte(answer), []byte(`"code":"`+code+`"`)) {
						return true
					}
				}
				return false
			},
		}
	})
}

// stop ends srv under the hands of clients that come again: one that does so between the end of its
// connection and the end of the listener would be waited for as long as its message is held.
func stop(srv *httptest.Server) {
	closed := make(chan struct{})
	go func() { defer close(closed); srv.Close() }()
	for {
		srv.CloseClientConnections()
		select {
		case <-closed:
			return
		case <-time.After(10 * time.Millisecond): // a connection that was just taken tells nobody
		}
	}
}

func put(ctx context.Context, c *http.Client, url string, body []byte) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer t0ken")
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// far is an HTTP party that refuses one delivery as scripted.
type far struct {
	*httptest.Server
	mu    sync.Mutex
	taken [][]byte
	fail  map[string]int // by Message-Id
}

func (f *far) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	id := r.Header.Get("Message-Id")
	if status := f.fail[id]; status != 0 {
		delete(f.fail, id)
		w.WriteHeader(status)
		return
	}
	if err == nil {
		f.taken = append(f.taken, body)
		w.WriteHeader(http.StatusAccepted)
	}
}

func (f *far) Sender(t *testing.T) connectors.Sender {
	s, err := rest.NewSender(rest.ClientOptions{Party: "far", URL: f.URL})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *far) Taken(*testing.T) [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([][]byte(nil), f.taken...)
}

func (f *far) Fail(_ *testing.T, d samvirke.Delivery, class samvirke.Class) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[d.ExternalID] = map[samvirke.Class]int{samvirke.Transient: 503, samvirke.Permanent: 422, samvirke.Unauthorized: 401}[class]
	return f.fail[d.ExternalID] != 0
}

func TestSenderSuite(t *testing.T) {
	connectortest.TestSender(t, func(t *testing.T) connectortest.Far {
		f := &far{fail: map[string]int{}}
		f.Server = httptest.NewServer(f)
		return f
	})
}
