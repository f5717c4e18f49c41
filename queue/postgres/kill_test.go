package postgres

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

var (
	killRounds = flag.Int("kill.rounds", 3, "how often TestServerKilled kills the server")
	killSeed   = flag.Uint64("kill.seed", 0, "seed of TestServerKilled; 0 takes a fresh one")
)

// TestServerKilled kills PostgreSQL again and again under the load of two gateways, with syncs as in earnest: all of its processes, the
// first, or one session. Nothing acknowledged is lost, and the gateways go on by themselves.
func TestServerKilled(t *testing.T) {
	server(t)
	seed := *killSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again: go test ./queue/postgres -run '^TestServerKilled$' -kill.rounds=%d -kill.seed=%d", *killRounds, seed)
	random := rand.New(rand.NewPCG(seed, 3))
	s, err := postgrestest.New("fsync = on", "full_page_writes = on", "restart_after_crash = on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	name := schema(t, t.TempDir())
	l := underLoad(t, s.URL(), name)
	began := time.Now()
	ways := postgrestest.Ways()
	for round := range *killRounds {
		l.reach(t, l.accepted, 5+random.IntN(60))
		way := ways[round%len(ways)]
		if err := s.Kill(way); err != nil {
			t.Fatalf("round %d, %s: %v", round, way, err)
		}
		for g, st := range l.stores {
			if err := st.Err(); err != nil {
				t.Fatalf("round %d, %s: gateway %d failed: %v", round, way, g, err)
			}
		}
	}
	took := time.Since(began)
	l.reach(t, l.accepted, 20)
	l.reach(t, l.sent, 1)
	l.end()
	l.check(t, s.URL(), name)
	t.Logf("%d rounds, %s each: %d accepted, %d sent", *killRounds, (took / time.Duration(max(*killRounds, 1))).Round(time.Millisecond), len(l.accepted), len(l.sent))
}
