package sqlite

import (
	"database/sql"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestEventsAsTold commits units whose events name messages and deliveries in every mixture, and holds every
// question against the events as they were published.
func TestEventsAsTold(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := open(t, Options{Dir: t.TempDir()})
	told, cancel := s.Subscribe(10_000)
	defer cancel()
	messages, deliveries, total := []string{""}, []string{""}, 0
	details := []string{"", "plain", `quote " and \ and <é>`, strings.Repeat("long ", 2000), "line\nbreak\x00"}
	units := 60
	if testing.Short() {
		units = 20
	}
	for i := range units {
		id := fmt.Sprint("m", i)
		u := acceptUnit(id, nil)
		messages = append(messages, id)
		for k := range random.IntN(3) {
			d := samvirke.Delivery{ID: fmt.Sprint("d", i, "-", k), Party: "gp", State: samvirke.DeliveryQueued}
			if random.IntN(3) > 0 {
				d.MessageID = messages[random.IntN(len(messages))]
			}
			u.Deliveries = append(u.Deliveries, d)
			deliveries = append(deliveries, d.ID)
		}
		for k := range random.IntN(12) {
			m, d := messages[random.IntN(len(messages))], deliveries[random.IntN(len(deliveries))]
			if random.IntN(2) == 0 {
				m = id
			}
			u.Events = append(u.Events, samvirke.Event{At: u.Now.Add(time.Duration(k)), MessageID: m, DeliveryID: d, Party: "p",
				Patient: fmt.Sprint(random.IntN(2)), Name: samvirke.EventSent, Detail: details[random.IntN(len(details))]})
			u.Receipts = append(u.Receipts, samvirke.Receipt{ID: fmt.Sprint("r", i, "-", k), MessageID: m, DeliveryID: d, Party: "p"})
		}
		total += len(u.Events)
		if _, err := s.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	var all []samvirke.Event
	for len(all) < total { // telling may be a moment behind the commit
		select {
		case e := <-told:
			all = append(all, e)
		case <-time.After(comes):
			t.Fatalf("%d of %d events told", len(all), total)
		}
	}
	for _, m := range messages {
		for _, d := range deliveries {
			f := queue.EventFilter{MessageID: m, DeliveryID: d, After: random.Int64N(int64(len(all))), Limit: 1 + random.IntN(queue.MaxPage)}
			var want []samvirke.Event
			for _, e := range all {
				if (m == "" || e.MessageID == m) && (d == "" || e.DeliveryID == d) && e.Seq > f.After && len(want) < f.Limit {
					want = append(want, e)
				}
			}
			got, err := s.Events(t.Context(), f)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v: %v\n got %+v\nwant %+v", f, err, got, want)
			}
			r, err := s.Receipts(t.Context(), queue.ReceiptFilter{MessageID: m, DeliveryID: d, Limit: queue.MaxPage})
			n := 0
			for _, e := range all {
				if e.Name == samvirke.EventSent && (m == "" || e.MessageID == m) && (d == "" || e.DeliveryID == d) {
					n++
				}
			}
			if err != nil || len(r) != n {
				t.Fatalf("%d receipts of %q and %q, want %d, %v", len(r), m, d, n, err)
			}
		}
	}
	query, args := eventQuery(queue.EventFilter{MessageID: "m1"})
	checkListing(t, s, "events of a message", true, query, args)
	query, args = eventQuery(queue.EventFilter{DeliveryID: "d1-0"})
	checkListing(t, s, "events of a delivery", true, query, args)
	query, args = receiptQuery(queue.ReceiptFilter{MessageID: "m1"})
	checkListing(t, s, "receipts of a message", true, query, args)
	query, args = receiptQuery(queue.ReceiptFilter{DeliveryID: "d1-0"})
	checkListing(t, s, "receipts of a delivery", true, query, args)
}

// TestMigrateEvents brings a store of schema 2 up to date: what it tells stays the same.
func TestMigrateEvents(t *testing.T) {
	dir := t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, folder, goose.WithDisableGlobalRegistry(true), goose.WithTableName("schema_version"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`INSERT INTO message VALUES (1, 'm1', 'h', '', '', '', '', '', 0, 1, 'processed', '', '', '', 0, '', ''),
			(2, 'm2', 'h', '', '', '', '', '', 0, 1, 'processed', '', '', '', 0, '', '')`,
		`INSERT INTO tally VALUES ('accepted', '', '', 2), ('message', '', 'processed', 2), ('delivery', 'gp', 'sent', 2)`,
		`INSERT INTO delivery SELECT value, 'd' || value, iif(value = 1, 1, NULL), 'gp', 'forward', '', '', '', '', '', '', '', '', 'sent',
			0, 0, 1, 0, 0, 0, 0, '', '', '', 0, '' FROM json_each('[1, 2]')`,
		`INSERT INTO event VALUES (1, 10, 1, NULL, 'h', 'p', 'received', '5 "bytes"'), (2, 20, 1, 1, 'gp', 'p', 'sent', ''),
			(3, 30, 2, 1, 'gp', 'p', 'receipt-in', ''), (4, 40, NULL, 2, 'gp', '', 'sent', ''), (5, 50, NULL, NULL, '', '', 'overdue', '')`,
		`INSERT INTO receipt VALUES (1, 1, 1, 'gp', '', '{"id":"a"}'), (2, 2, 1, 'gp', '', '{"id":"b"}'), (3, NULL, 2, 'gp', 'late', '{"id":"c"}')`,
	} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{Dir: dir})
	for _, c := range []struct {
		message, delivery, events, receipts string
	}{
		{"", "", "1 10 m1  received h|2 20 m1 d1 sent gp|3 30 m2 d1 receipt-in gp|4 40  d2 sent gp|5 50   overdue |", "abc"},
		{"m1", "", "1 10 m1  received h|2 20 m1 d1 sent gp|", "a"},
		{"", "d1", "2 20 m1 d1 sent gp|3 30 m2 d1 receipt-in gp|", "ab"},
		{"m2", "d1", "3 30 m2 d1 receipt-in gp|", "b"},
		{"", "d2", "4 40  d2 sent gp|", "c"},
	} {
		events, err := s.Events(t.Context(), queue.EventFilter{MessageID: c.message, DeliveryID: c.delivery})
		receipts, err2 := s.Receipts(t.Context(), queue.ReceiptFilter{MessageID: c.message, DeliveryID: c.delivery})
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		got, ids := "", ""
		for _, e := range events {
			got += fmt.Sprintln(e.Seq, e.At.UnixNano(), e.MessageID, e.DeliveryID, e.Name, e.Party)
		}
		for _, r := range receipts {
			ids += r.ID
		}
		if got = strings.ReplaceAll(got, "\n", "|"); got != c.events || ids != c.receipts {
			t.Errorf("%q and %q: events %s, want %s; receipts %s, want %s", c.message, c.delivery, got, c.events, ids, c.receipts)
		}
	}
	if e, _ := s.Events(t.Context(), queue.EventFilter{Limit: 1}); len(e) != 1 || e[0].Detail != `5 "bytes"` || e[0].Patient != "p" {
		t.Errorf("first event %+v", e)
	}
	if _, err := s.Commit(t.Context(), acceptUnit("m3", nil)); err != nil {
		t.Fatal(err)
	}
	if e, _ := s.Events(t.Context(), queue.EventFilter{MessageID: "m3"}); len(e) != 1 || e[0].Seq != 6 {
		t.Errorf("the next event is %+v, want number 6", e)
	}
}
