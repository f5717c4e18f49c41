package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
)

// TestPartyHold: an admin pauses a party from the command line, it outlives a kill, and what waited goes out when the party
// is resumed; a draining party is told to come later.
func TestPartyHold(t *testing.T) {
	var taken atomic.Int64
	far := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/city" {
			taken.Add(1)
		}
	}))
	defer far.Close()
	addr, data := freeAddr(t), t.TempDir()
	file := writeConfig(t, addr, data, far.URL+"/hospital", far.URL+"/city", "")
	p, _ := startProcess(t, addr, file)
	t.Setenv("SAMVIRKE_PASSWORD", printedPassword(t, p))
	party := func(args ...string) string {
		t.Helper()
		code, out, words := command(t, nil, slices.Concat([]string{"party"}, args, []string{"--url", "http://" + addr})...)
		if code != exitOK {
			t.Fatalf("%v: exit code %d: %s%s", args, code, out, words)
		}
		return out
	}
	send := func(person, want int) string {
		t.Helper()
		status, body, err := post(t.Context(), addr, hospitalToken, "application/xml", admission(uuid.NewString(), person, "no 1"))
		if err != nil || status != want {
			t.Fatalf("%d %s %v, want %d", status, body, err, want)
		}
		return body
	}
	party("pause", "city", "--reason", "new server there")
	send(1, http.StatusAccepted)
	p.kill()
	p, _ = startProcess(t, addr, file)
	send(2, http.StatusAccepted)
	waitDeliveries(t, data, "queued", 2)
	if n := taken.Load(); n != 0 {
		t.Errorf("%d sent to a paused party", n)
	}
	if out := party("list"); !strings.Contains(out, "paused by admin") {
		t.Errorf("list:\n%s", out)
	}
	var list struct {
		Parties []struct {
			ID   string
			Hold struct{ Mode, Reason string }
		}
	}
	if err := json.Unmarshal([]byte(party("list", "--json")), &list); err != nil || len(list.Parties) != 2 || list.Parties[1].Hold.Reason != "new server there" {
		t.Errorf("%+v, %v", list, err)
	}
	party("resume", "city", "--reason", "it is up")
	waitDeliveries(t, data, "queued", 0)
	party("drain", "hospital", "--reason", "replaced next week")
	if body := send(3, http.StatusServiceUnavailable); !strings.Contains(body, "party-draining") {
		t.Errorf("a draining party is told: %s", body)
	}
	if code, _, words := command(t, nil, "party", "pause", "nobody", "--reason", "x y z", "--url", "http://"+addr); code == exitOK || !strings.Contains(words, "not-found") {
		t.Errorf("an unknown party: exit code %d, %s", code, words)
	}
	if code := p.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}
