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
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

// cluster is some real gateways on one PostgreSQL, with senders who go to the next gateway when theirs does not answer, and one receiver.
type cluster struct {
	t         *testing.T
	db        *postgrestest.Server
	in        *sink
	addr, cfg []string
	run       []*process
	owner     []string // by what name the database knows each, in this life
	all       []*sender
	stop      func()       // ends the senders and gives what they have to say
	gate      sync.RWMutex // while it is locked the receiver answers nobody
	tend      func()       // looks after the gateways while something is waited for
}

// clusterAlive is how long a gateway of a cluster counts as alive, clusterLease how long its leases last: a send has 5 s, and half a
// minute more (internal/gateway). clusterBusy is how much later what it had may be taken over, on a machine that others use too.
const (
	clusterAlive = 3 * time.Second
	clusterLease = 35 * time.Second
	clusterBusy  = 20 * time.Second
)

// newCluster starts gateways and senders, each with persons of its own.
func newCluster(t *testing.T, gateways, senders, personsEach int, rnd *rand.Rand, settings ...string) *cluster {
	t.Helper()
	if postgrestest.Bin() == "" {
		t.Skip(postgrestest.Missing)
	}
	db, err := postgrestest.New(settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	c := &cluster{t: t, db: db, tend: func() {}, in: &sink{first: map[string][32]byte{}, order: map[string][]int{}}}
	city := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.gate.RLock()
		defer c.gate.RUnlock()
		c.in.ServeHTTP(w, r)
	}))
	t.Cleanup(city.Close)
	hospital := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	t.Cleanup(hospital.Close)
	store := fmt.Sprintf("store: {postgres: {url: %q, alive: %s}}\n", db.URL(), clusterAlive)
	c.run, c.owner = make([]*process, gateways), make([]string, gateways)
	for i := range gateways {
		c.addr = append(c.addr, freeAddr(t))
		c.cfg = append(c.cfg, writeConfig(t, c.addr[i], t.TempDir(), hospital.URL, city.URL, store))
		shorten(t, c.cfg[i])
		c.start(i)
	}
	for i := range senders {
		s := &sender{next: map[int]int{}}
		for j := range personsEach {
			s.persons = append(s.persons, i*personsEach+j)
		}
		c.all = append(c.all, s)
	}
	c.send(rnd)
	return c
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

// start starts a gateway and learns its name. One at a time.
func (c *cluster) start(i int) {
	c.t.Helper()
	before := c.owners()
	c.run[i], _ = startProcess(c.t, c.addr[i], c.cfg[i])
	after := slices.DeleteFunc(c.owners(), func(o string) bool { return slices.Contains(before, o) })
	if len(after) != 1 {
		c.t.Fatalf("a gateway has started, and %d are new in the database", len(after))
	}
	c.owner[i] = after[0]
}

// owners are the gateways that the database knows of, those that are dead too.
func (c *cluster) owners() []string {
	c.t.Helper()
	conn := c.connect()
	defer conn.Close(context.Background()) //nolint:errcheck // reading only
	var made bool
	if err := conn.QueryRow(c.t.Context(), `SELECT to_regclass('samvirke.gateway') IS NOT NULL`).Scan(&made); err != nil {
		c.t.Fatal(err)
	}
	if !made {
		return nil
	}
	rows, err := conn.Query(c.t.Context(), `SELECT owner FROM samvirke.mark`) // kept for days, when that of its life is not
	if err != nil {
		c.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		c.t.Fatal(err)
	}
	return list
}

func (c *cluster) connect() *pgx.Conn {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.db.URL())
	if err != nil {
		c.t.Fatal(err)
	}
	return conn
}

// send lets all senders work until stop.
func (c *cluster) send(rnd *rand.Rand) {
	ctx, cancel := context.WithCancel(c.t.Context())
	errs := make(chan error, len(c.all))
	for i, s := range c.all {
		own := rand.New(rand.NewPCG(rnd.Uint64(), 2))
		go func() {
			var err error
			for n := i; ctx.Err() == nil && err == nil; n++ {
				err = s.run(ctx, c.addr[n%len(c.addr)], own)
				time.Sleep(time.Millisecond) // nobody answers there: that is not asked as fast as it goes
			}
			errs <- err
		}()
	}
	c.t.Cleanup(cancel)
	c.stop = func() {
		c.t.Helper()
		cancel()
		for range c.all {
			if err := <-errs; err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

// goOn waits until something more is acknowledged.
func (c *cluster) goOn(what string) {
	c.t.Helper()
	for _, s := range c.all {
		s.told.Store(false)
	}
	for end := time.Now().Add(patience); !slices.ContainsFunc(c.all, func(s *sender) bool { return s.told.Load() }); time.Sleep(time.Millisecond) {
		c.tend()
		if time.Now().After(end) {
			c.t.Fatalf("%s: nothing is accepted in %s\n%s", what, patience, c.run[0].log)
		}
	}
}

// inHand counts the lanes that a gateway has leased.
const inHand = `SELECT count(*) FROM samvirke.lane WHERE owner = $1 AND leased <> 0`

// killWithWork kills a gateway that is sending, and gives how many lanes it had in hand.
func (c *cluster) killWithWork(i int) (lanes int) {
	c.t.Helper()
	conn := c.connect()
	defer conn.Close(context.Background()) //nolint:errcheck // reading only
	c.gate.Lock()
	defer c.gate.Unlock()
	for end := time.Now().Add(patience); lanes == 0; time.Sleep(5 * time.Millisecond) {
		if err := conn.QueryRow(c.t.Context(), inHand, c.owner[i]).Scan(&lanes); err != nil || time.Now().After(end) {
			c.t.Fatalf("a gateway has nothing in hand: %v\n%s", err, c.run[i].log)
		}
	}
	c.run[i].kill()
	return lanes
}

// takenOver waits until nothing is in the hands of a gateway that is dead, and gives how long that took for messages and for lanes.
func (c *cluster) takenOver(owner string, since time.Time) (messages, lanes time.Duration) {
	c.t.Helper()
	conn := c.connect()
	defer conn.Close(context.Background()) //nolint:errcheck // reading only
	until := func(query string) time.Duration {
		c.t.Helper()
		for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			var n int
			if err := conn.QueryRow(c.t.Context(), query, owner).Scan(&n); err != nil || time.Now().After(end) {
				c.t.Fatalf("%d are in the hands of the dead, %v", n, err)
			}
			if n == 0 {
				return time.Since(since).Round(time.Millisecond)
			}
		}
	}
	messages = until(`SELECT count(*) FROM samvirke.open_message WHERE owner = $1 AND status = 'received'`)
	return messages, until(inHand)
}

// maxBehind is how many deliveries may wait before the rounds of a long run pause. Lanes that a gateway had in hand stand still until their
// leases end, and the end of the test must not have to wait for all of it.
const maxBehind = 1000

// catchUp waits while much is waiting.
func (c *cluster) catchUp() {
	c.t.Helper()
	conn := c.connect()
	defer conn.Close(context.Background()) //nolint:errcheck // reading only
	limit := maxBehind
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		var n int
		c.tend()
		if err := conn.QueryRow(c.t.Context(), `SELECT count(*) FROM samvirke.open_delivery`).Scan(&n); err != nil || time.Now().After(end) {
			c.t.Fatalf("%d deliveries still wait, %v", n, err)
		}
		if n < limit {
			return
		}
		limit = maxBehind / 10
	}
}

// finish ends the senders, holds what came out against what was acknowledged, and stops all gateways.
func (c *cluster) finish() {
	c.t.Helper()
	c.stop()
	checkNothingLost(c.t, c.in, c.all, c.run[0])
	for i, p := range c.run {
		if code := p.stop(c.t); code != exitOK {
			c.t.Errorf("gateway %d: exit code %d after a clean stop\n%s", i, code, p.log)
		}
	}
}

func crashSeedOf(t *testing.T) *rand.Rand {
	seed := *crashSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again: go test ./cmd/samvirke -run '^%s$' -crash.rounds=%d -crash.seed=%d", t.Name(), *crashRounds, seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// TestTwoGatewaysOneDatabase runs three real gateways on one PostgreSQL and kills one in mid-load: its senders go on with
// the others, which take over what it had in hand. Nothing accepted is lost, nothing comes with other bytes, and the
// order within a patient holds. Then it comes back, and all stop cleanly.
func TestTwoGatewaysOneDatabase(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 6, 4, crashSeedOf(t))
	many := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
			c.in.mu.Lock()
			have := len(c.in.first)
			c.in.mu.Unlock()
			if have >= n {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d messages delivered, want %d\n%s", have, n, c.run[1].log)
			}
		}
	}
	many(60)
	had := c.killWithWork(0)
	killed := time.Now()
	c.in.mu.Lock()
	sofar := len(c.in.first)
	c.in.mu.Unlock()
	messages, lanes := c.takenOver(c.owner[0], killed)
	t.Logf("taken over: messages after %s (alive %s), %d lanes after %s (leases of %s)", messages, clusterAlive, had, lanes, clusterLease)
	if messages > clusterAlive+clusterBusy || lanes > clusterLease+clusterBusy {
		t.Errorf("taken over too late: messages after %s, lanes after %s", messages, lanes)
	}
	many(sofar + 60)
	c.start(0)
	c.finish()

	// The commands find the same store.
	for _, args := range [][]string{{"doctor", "--config", c.cfg[0]}, {"queue", "list", "--config", c.cfg[0]}} {
		code, out, errs := command(t, nil, args...)
		if strings.Contains(errs, "secret") || code == exitUsage || code == exitBadConfig || out == "" {
			t.Errorf("%v: exit code %d\n%s%s", args, code, out, errs)
		}
	}
}

// TestCrashLoopGateways kills one of three gateways on one PostgreSQL in mid-load again and again, as TestCrashLoop does with one alone.
func TestCrashLoopGateways(t *testing.T) {
	t.Parallel()
	rnd := crashSeedOf(t)
	c := newCluster(t, 3, 8, 25, rnd)
	began := time.Now()
	for round := range *crashRounds {
		c.catchUp()
		c.goOn(fmt.Sprint("round ", round))
		time.Sleep(time.Duration(rnd.IntN(300)) * time.Millisecond) // the moment of the kill is what is random
		i := rnd.IntN(len(c.run))
		c.run[i].kill()
		c.start(i)
	}
	t.Logf("%d rounds, %s each", *crashRounds, (time.Since(began) / time.Duration(max(*crashRounds, 1))).Round(time.Millisecond))
	c.finish()
}

// revive starts the gateways that have ended by themselves again, as a service is, and says how many.
func (c *cluster) revive() (ended int) {
	for i, p := range c.run {
		select {
		case <-p.done:
			ended++
			c.t.Logf("gateway %d has ended\n%s", i, p.log)
			c.run[i], _ = startProcess(c.t, c.addr[i], c.cfg[i])
		default:
		}
	}
	return ended
}

// TestCrashLoopDatabase kills PostgreSQL under two gateways in mid-load again and again, in each of the ways that there are. The gateways go
// on by themselves; one that cannot find out what became of a commit ends, and is started again as a service is.
func TestCrashLoopDatabase(t *testing.T) {
	t.Parallel()
	rnd := crashSeedOf(t)
	c := newCluster(t, 2, 8, 25, rnd, "fsync = on", "full_page_writes = on")
	began, ways, ended := time.Now(), postgrestest.Ways(), 0
	c.tend = func() { ended += c.revive() }
	for round := range *crashRounds {
		c.catchUp()
		c.goOn(fmt.Sprint("round ", round))
		time.Sleep(time.Duration(rnd.IntN(300)) * time.Millisecond)
		way := ways[rnd.IntN(len(ways))]
		if err := c.db.Kill(way); err != nil {
			t.Fatalf("round %d, %s: %v", round, way, err)
		}
	}
	c.tend()
	t.Logf("%d rounds, %s each; %d gateways ended by themselves", *crashRounds, (time.Since(began) / time.Duration(max(*crashRounds, 1))).Round(time.Millisecond), ended)
	c.finish()
}
