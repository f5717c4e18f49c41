package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

// TestTwoGatewaysOneDatabase runs two real gateways on one PostgreSQL and kills one in mid-load: its senders go on with
// the other, which takes over what it had in hand. Nothing accepted is lost, nothing comes with other bytes, and the
// order within a patient holds. Then it comes back, and the other one stops cleanly.
func TestTwoGatewaysOneDatabase(t *testing.T) {
	if postgrestest.Bin() == "" {
		t.Skip(postgrestest.Missing)
	}
	db, err := postgrestest.New()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	in := &sink{first: map[string][32]byte{}, order: map[string][]int{}}
	city := httptest.NewServer(in)
	defer city.Close()
	hospital := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer hospital.Close()

	store := fmt.Sprintf("store: {postgres: {url: %q, alive: 3s}}\n", db.URL())
	var addr, cfg [2]string
	var run [2]*process
	for i := range run {
		addr[i] = freeAddr(t)
		cfg[i] = writeConfig(t, addr[i], t.TempDir(), hospital.URL, city.URL, store)
		shorten(t, cfg[i])
		run[i], _ = startProcess(t, addr[i], cfg[i])
	}
	all := make([]*sender, 6)
	for i := range all {
		all[i] = &sender{next: map[int]int{}}
		for j := range 4 {
			all[i].persons = append(all[i].persons, i*4+j)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	errs := make(chan error, len(all))
	for i, s := range all {
		own := rand.New(rand.NewPCG(rnd.Uint64(), 2))
		go func() {
			err := s.run(ctx, addr[i%2], own)
			if err == nil && ctx.Err() == nil { // killed: the rest, and what is pending, goes to the other one
				err = s.run(ctx, addr[1], own)
			}
			errs <- err
		}()
	}
	many := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			in.mu.Lock()
			have := len(in.first)
			in.mu.Unlock()
			if have >= n {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d messages delivered, want %d\n%s", have, n, run[1].log)
			}
		}
	}
	many(60)
	run[0].kill()
	in.mu.Lock()
	sofar := len(in.first)
	in.mu.Unlock()
	many(sofar + 60)
	run[0], _ = startProcess(t, addr[0], cfg[0])
	stop()
	for range all {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	checkNothingLost(t, in, all, run[1])
	for i := range run {
		if code := run[i].stop(t); code != exitOK {
			t.Errorf("gateway %d: exit code %d after a clean stop\n%s", i, code, run[i].log)
		}
	}

	// The commands find the same store.
	for _, args := range [][]string{{"doctor", "--config", cfg[0]}, {"queue", "list", "--config", cfg[0]}} {
		code, out, errs := command(t, nil, args...)
		if strings.Contains(errs, "secret") || code == exitUsage || code == exitBadConfig || out == "" {
			t.Errorf("%v: exit code %d\n%s%s", args, code, out, errs)
		}
	}
}

// shorten gives sends a short limit: it is part of the time of a lease, which a killed gateway leaves behind.
func shorten(t *testing.T, config string) {
	t.Helper()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, bytes.ReplaceAll(text, []byte("timeout: 2m}"), []byte("timeout: 5s}")), 0o600); err != nil {
		t.Fatal(err)
	}
}
