package rest

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestParties(t *testing.T) {
	t.Parallel()
	p, err := NewParties([]Credential{
		{Party: "hospital", TokenSHA256: HashToken("old-token")},
		{Party: "hospital", TokenSHA256: strings.ToUpper(HashToken("new-token"))},
		{Party: "gp", TokenSHA256: HashToken("gp-token")},
	})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name       string
		headers    []string
		party, why string
	}{
		{"first token", []string{"Bearer old-token"}, "hospital", ""},
		{"second token of the same party", []string{"Bearer new-token"}, "hospital", ""},
		{"other party", []string{"Bearer gp-token"}, "gp", ""},
		{"scheme in any case", []string{"bearer gp-token"}, "gp", ""},
		{"no header", nil, "", "no-credential"},
		{"wrong token", []string{"Bearer gp-tokem"}, "", "unknown-token"},
		{"empty token", []string{"Bearer "}, "", "unknown-token"},
		{"the hash is no token", []string{"Bearer " + HashToken("gp-token")}, "", "unknown-token"},
		{"other scheme", []string{"Basic Z3A6Z3AtdG9rZW4="}, "", "unknown-scheme"},
		{"two headers", []string{"Bearer gp-token", "Bearer gp-token"}, "", "unknown-scheme"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/messages", nil)
			for _, h := range c.headers {
				r.Header.Add("Authorization", h)
			}
			party, why := p.identify(r)
			if party != c.party || why != c.why {
				t.Errorf("got %q, %q; want %q, %q", party, why, c.party, c.why)
			}
		})
	}
}

func TestNewPartiesRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		in   []Credential
		want string
	}{
		{"no party", []Credential{{TokenSHA256: HashToken("x")}}, "no party"},
		{"no secret", []Credential{{Party: "a"}}, "neither token nor certificate"},
		{"not hex", []Credential{{Party: "a", TokenSHA256: "plain-text-token"}}, "64 hex digits"},
		{"too short", []Credential{{Party: "a", CertSHA256: "AB:CD"}}, "64 hex digits"},
		{"shared secret", []Credential{{Party: "a", TokenSHA256: HashToken("x")}, {Party: "b", TokenSHA256: HashToken("x")}}, "is also that of a"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewParties(c.in)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "plain-text-token") {
				t.Errorf("error quotes the secret: %v", err)
			}
		})
	}
}

func TestFloodOfRefusals(t *testing.T) {
	t.Parallel()
	var g refusalGate
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	told := 0
	for range 1000 {
		if _, ok := g.pass(at); ok {
			told++
		}
	}
	if told != MaxRefusals {
		t.Errorf("told of %d in one second, want %d", told, MaxRefusals)
	}
	if missed, ok := g.pass(at.Add(time.Second)); !ok || missed != 1000-MaxRefusals {
		t.Errorf("a second later: %v, %d missed, want %d", ok, missed, 1000-MaxRefusals)
	}
	if missed, ok := g.pass(at.Add(time.Second)); !ok || missed != 0 {
		t.Errorf("then: %v, %d missed", ok, missed)
	}
}
