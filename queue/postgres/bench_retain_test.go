//go:build unix

package postgres

import (
	"context"
	"flag"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

var (
	retainMessages = flag.Int64("retain.messages", 20_000, "how many messages BenchmarkRetention drops the bodies of")
	retainBytes    = flag.Int64("retain.bytes", 1600, "bytes of each of those bodies, pressed")
	retainRate     = flag.Int("retain.rate", 100, "units in a second that run beside BenchmarkRetention")
)

// retainFilled makes the bodies of messages that Fill made: pressed, as they are after a day, that of a delivery larger by a third.
var retainFilled = []string{
	`INSERT INTO aged SELECT i, 1, 0, decode(repeat(md5(i::text), $3::int / 16), 'hex') FROM generate_series($1::bigint, $2::bigint) i ON CONFLICT DO NOTHING`,
	`INSERT INTO aged SELECT seq, 3, 0, decode(repeat(md5(seq::text), $3::int / 12), 'hex') FROM delivery WHERE seq BETWEEN $1 AND $2 ON CONFLICT DO NOTHING`,
}

// BenchmarkRetention drops the bodies of many messages in the steps of the gateway, beside units that come in at a steady pace, and tells
// what that costs those: their times before and meanwhile. Then the same room is filled and emptied again: it must not grow.
// One operation is all of it: -benchtime 1x.
func BenchmarkRetention(b *testing.B) {
	server(b)
	n := *retainMessages
	db, err := postgrestest.New("fsync = on", "full_page_writes = on", "wal_compression = lz4", "shared_buffers = 256MB", "max_wal_size = 4GB")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	o := Options{URL: db.URL(), Schema: schema(b, b.TempDir()), Logger: quiet(), AgeAfter: 1000 * time.Hour}
	if err := Fill(context.Background(), o, n, nil); err != nil {
		b.Fatal(err)
	}
	conn := direct(b, o.URL, o.Schema)
	exec := func(text string, args ...any) time.Duration {
		began := time.Now()
		if _, err := conn.Exec(context.Background(), text, args...); err != nil {
			b.Fatalf("%v\n%s", err, text)
		}
		return time.Since(began)
	}
	room := func() (mb float64) {
		if err := conn.QueryRow(context.Background(), `SELECT pg_total_relation_size('aged') / 1048576.0`).Scan(&mb); err != nil {
			b.Fatal(err)
		}
		return mb
	}
	exec(`UPDATE aging SET message = $1, delivery = $1, ready = 1`, n)
	exec(`SET synchronous_commit = off`)
	s := open(b, o)
	for b.Loop() {
		for cycle := range 2 {
			for from := int64(1); from <= n; from += fillPiece {
				for _, text := range retainFilled {
					exec(text, from, min(from+fillPiece-1, n), *retainBytes)
				}
			}
			exec(`CHECKPOINT`)
			b.Logf("cycle %d: bodies of %d messages take %.0f MB", cycle, n, room())
			quietly := paced(b, s, int64(10*cycle+1)<<40, func() { time.Sleep(10 * time.Second) })
			began, cpu := time.Now(), db.CPU()
			dropped := 0
			meanwhile := paced(b, s, int64(10*cycle+2)<<40, func() { dropped = dropAll(b, s) })
			took := time.Since(began)
			b.Logf("cycle %d: %d dropped in %s, %.0f us of the server's processor each, units included", cycle, dropped, took.Round(time.Millisecond),
				float64((db.CPU()-cpu).Microseconds())/float64(max(dropped, 1)))
			b.Logf("cycle %d: a unit takes %s without it and %s meanwhile", cycle, quietly, meanwhile)
			b.Logf("cycle %d: vacuum takes %s, the tables of the bodies then have %.0f MB", cycle, exec(`VACUUM aged`).Round(time.Millisecond), room())
			again := time.Now()
			if left := dropAll(b, s); left != 0 {
				b.Errorf("%d were left", left)
			}
			b.Logf("cycle %d: a run that finds nothing takes %s", cycle, time.Since(again).Round(time.Millisecond))
		}
	}
}

// dropAll is what the gateway does.
func dropAll(b *testing.B, s *Store) (dropped int) {
	b.Helper()
	before := time.Unix(1_800_000_000, 0)
	for after := int64(0); ; {
		n, next, err := s.DropPayloads(context.Background(), before, after, 200)
		if err != nil {
			b.Fatal(err)
		}
		if dropped += n; next == 0 {
			return dropped
		}
		after = next
	}
}

// times are how long units took.
type times []time.Duration

func (t times) String() string {
	if len(t) == 0 {
		return "nothing"
	}
	slices.Sort(t)
	at := func(q float64) string { return t[int(q*float64(len(t)-1))].Round(10 * time.Microsecond).String() }
	return "p50 " + at(0.5) + " p99 " + at(0.99) + " max " + at(1)
}

// paced commits units at a steady pace until f has ended.
func paced(b *testing.B, s *Store, from int64, f func()) (list times) {
	b.Helper()
	body := make([]byte, 8192)
	var mu sync.Mutex
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(*retainRate))
		defer tick.Stop()
		for n := from; ; n++ {
			select {
			case <-tick.C:
			case <-done:
				return
			}
			wg.Go(func() {
				began := time.Now()
				u := receiveUnit(n, body)
				u.Now = time.Now()
				if _, err := s.Commit(context.Background(), u); err != nil {
					b.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				list = append(list, time.Since(began))
			})
		}
	})
	f()
	close(done)
	wg.Wait()
	return list
}
