package postgres

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

// TestFailover loses the primary under load and promotes its synchronous standby: nothing that was acknowledged is lost, and the
// gateways find the new primary by themselves.
func TestFailover(t *testing.T) {
	server(t)
	primary, err := postgrestest.New("fsync = on", "full_page_writes = on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(primary.Close)
	standby, err := primary.Standby("follower")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(standby.Close)
	if err := primary.Configure("synchronous_standby_names = 'follower'"); err != nil {
		t.Fatal(err)
	}
	if err := primary.Reload(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, primary, "public", `SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'`)

	name := schema(t, t.TempDir())
	url := fmt.Sprintf("postgres://samvirke@127.0.0.1:%d,127.0.0.1:%d/postgres?%s&target_session_attrs=read-write", primary.Port, standby.Port,
		postgrestest.URLOptions)
	l := underLoad(t, url, name)
	l.reach(t, l.accepted, 40)
	// Those of its processes that are left may bring what they are at to its end, but nobody confirms it.
	if err := primary.Die(postgrestest.KillFirst); err != nil {
		t.Fatal(err)
	}
	if err := standby.Promote(); err != nil {
		t.Fatal(err)
	}
	l.reach(t, l.accepted, 40)
	l.end()
	l.check(t, standby.URL(), name)
	t.Logf("%d accepted, %d sent", len(l.accepted), len(l.sent))
}

// untilHeld waits until a commit waits for the standby. A session sees the new setting at once, but it is the checkpointer that makes
// commits wait, when it comes to it.
func untilHeld(t *testing.T, s *postgrestest.Server) {
	t.Helper()
	c, err := pgx.ParseConfig(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	c.RuntimeParams["application_name"] = "canary"
	conn, err := pgx.ConnectConfig(soon(t), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer conn.Close(context.Background()) //nolint:errcheck // it ends with the server
		for i := 0; ; i++ {
			if _, err := conn.Exec(ctx, fmt.Sprintf(`CREATE TABLE canary%d ()`, i)); err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	waitFor(t, s, "public", `SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'canary'`)
}

// TestWaitForStandbyEnded: when an admin ends the wait for the standby, the server says that the commit is done. It is not
// answered: the store fails, and what the standby has decides.
func TestWaitForStandbyEnded(t *testing.T) {
	server(t)
	s, err := postgrestest.New()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	st := open(t, Options{URL: s.URL(), Logger: quiet()})
	commit(t, st, unit("1", "p"))
	if err := s.Configure("synchronous_standby_names = 'nobody'"); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	untilHeld(t, s)
	done := make(chan error, 1)
	go func() {
		_, err := st.Commit(context.Background(), unit("2", "p"))
		done <- err
	}()
	waitFor(t, s, "public", `SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'samvirke'`)
	s.Exec(t, `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'samvirke'`)
	select {
	case err := <-done:
		if err == nil {
			t.Fatal("a commit that no standby has was acknowledged")
		}
	case <-time.After(patience):
		t.Fatal("no answer")
	}
	if st.Err() == nil {
		t.Fatal("the store goes on")
	}
}
