package rest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors/rest"
)

// TestSendTo: another path on the configured machine, and no other machine whatever it looks like.
func TestSendTo(t *testing.T) {
	got := make(chan string, 10)
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got <- r.URL.Path }))
	defer far.Close()
	s, err := rest.NewSender(rest.ClientOptions{Party: "gp", URL: far.URL + "/messages"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.SendTo(t.Context(), samvirke.Delivery{Body: []byte("{}")}, far.URL+"/plans?x=1"); err != nil {
		t.Fatal(err)
	}
	if path := <-got; path != "/plans" {
		t.Errorf("sent to %s", path)
	}
	for _, to := range []string{
		"http://example.org/", "https" + far.URL[4:], "http://127.0.0.1:1/", far.URL + "0/", "http://a:b@" + far.URL[7:], "/plans", "", "http://[::1", "ftp" + far.URL[4:],
	} {
		_, err := s.SendTo(t.Context(), samvirke.Delivery{Body: []byte("{}")}, to)
		if f, ok := errors.AsType[*samvirke.Fault](err); !ok || f.Code != "address-not-allowed" {
			t.Errorf("%q: %v", to, err)
		}
	}
	if len(got) != 0 {
		t.Errorf("%d more were sent", len(got))
	}
}
