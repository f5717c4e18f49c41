package sqlite

import (
	"database/sql"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// firstRows fill a store of the first schema: messages of each status, deliveries of each state, and all that hangs on them.
// :at stands for a time.
var firstRows = []string{
	`CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT i FROM n`,
	`INSERT INTO message SELECT i, printf('m%03d', i), 'hospital', 'kith', 'LOG_INNLAGT', '1.6', 'x' || i, 'urn:test|p' || i % 3, :at, :at + i,
		CASE i % 4 WHEN 1 THEN 'processed' WHEN 2 THEN 'refused' WHEN 3 THEN 'attention' ELSE 'received' END,
		CASE WHEN i % 4 = 2 THEN 'schema-invalid' ELSE '' END, CASE WHEN i % 4 = 2 THEN 'line 7 is odd' ELSE '' END, printf('%064d', i), 9, 'application/xml', '' FROM n`,
	`INSERT INTO message_body SELECT i, '', CAST('<m>' || i || '</m>' AS BLOB) FROM n`,
	`INSERT INTO message_result SELECT i, CAST('{}' AS BLOB), CAST('[]' AS BLOB) FROM n`,
	`INSERT INTO delivery SELECT i, printf('d%03d', i), i, 'gp', 'forward', 'lane', 'urn:test|p', 'o' || i, 'LOG_INNLAGT', 'kith', '1.6', 'application/xml', 'all',
		CASE i % 5 WHEN 1 THEN 'acknowledged' WHEN 2 THEN 'stopped' WHEN 3 THEN 'queued' WHEN 4 THEN 'waiting' ELSE 'given-up' END, 0, 1, :at, 0, :at,
		CASE WHEN i % 5 < 2 THEN :at ELSE 0 END, 0, CASE WHEN i % 5 = 2 THEN 'timeout' ELSE '' END, CASE WHEN i % 5 = 2 THEN 'silence of the receiver' ELSE '' END, '', 9, '' FROM n`,
	`INSERT INTO delivery_body SELECT i, '', CAST('<d>' || i || '</d>' AS BLOB) FROM n`,
	`INSERT INTO receipt SELECT i, i, i, 'gp', '', '{"id":"r' || i || '","direction":"in","external_id":"rx' || i || '","status":"1","party":"gp"}' FROM n`,
	`INSERT INTO event SELECT i, :at, i, NULL, 'hospital', '', 'received', '' FROM n`,
	`INSERT INTO record SELECT i, 'k' || i, 'h', 'urn:test|p' || i % 3, printf('m%03d', i), :at, '', CAST('{"record":' || i || '}' AS BLOB) FROM n`,
	`INSERT INTO plan_version SELECT i, 'urn:test|p' || i, 1, :at, printf('m%03d', i), '', CAST('{"plan":' || i || '}' AS BLOB) FROM n`,
	`INSERT INTO attempt SELECT i, 1, :at, 5, 'HTTP 200', '', '', '' FROM n`,
	`INSERT INTO setting VALUES ('colour', 'green')`,
	`INSERT INTO counter VALUES ('numbers', 12)`,
	`INSERT INTO tally SELECT 'accepted', '', '', 40 UNION ALL SELECT 'message', '', status, count(*) FROM message GROUP BY status
		UNION ALL SELECT 'delivery', party, state, count(*) FROM delivery GROUP BY party, state`,
}

// firstStore makes a full store of the first schema in dir and brings it to a version. It gives the newest version there is.
func firstStore(t *testing.T, dir string, version int64) (newest int64) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(filepath.Join(dir, fileName), "", "journal_mode(WAL)"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, folder, goose.WithDisableGlobalRegistry(true), goose.WithTableName("schema_version"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-48 * time.Hour).UnixNano()
	for _, text := range firstRows {
		if _, err := db.Exec(text, sql.Named("at", at)); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	_, newest, err = p.GetVersions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return newest
}

// TestUpgrade opens full stores of each earlier schema: everything is found, what waits comes out in order, what has ended stays so.
// Those of later schemas are made by the migrations between, from a full store of the first.
func TestUpgrade(t *testing.T) {
	newest := int64(2)
	for version := int64(1); version < newest; version++ {
		dir := t.TempDir()
		newest = firstStore(t, dir, version)
		t.Run(fmt.Sprint("from ", version), func(t *testing.T) { checkUpgraded(t, open(t, Options{Dir: dir})) })
	}
	if newest < 9 {
		t.Errorf("the newest schema is %d", newest)
	}
}

// checkUpgraded holds a store that was firstStore against what was in it, and works on.
func checkUpgraded(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	if st, err := s.Stats(ctx); err != nil || st.Accepted != 40 || st.Messages[samvirke.MessageRefused] != 10 {
		t.Errorf("%+v, %v", st, err)
	}
	for _, c := range []struct {
		f    queue.MessageFilter
		want int
	}{{queue.MessageFilter{Limit: 100}, 40}, {queue.MessageFilter{Since: time.Now().Add(-72 * time.Hour), Limit: 100}, 40}, {queue.MessageFilter{ID: "rx9"}, 1},
		{queue.MessageFilter{Text: "odd", Limit: 100}, 10}, {queue.MessageFilter{Text: "silence", Limit: 100}, 8},
		{queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageAttention}}, 10}} {
		if m, err := s.Messages(ctx, c.f); err != nil || len(m) != c.want {
			t.Errorf("%+v: %d messages, want %d, %v", c.f, len(m), c.want, err)
		}
	}
	if v, err := s.Setting(ctx, "colour"); err != nil || v != "green" {
		t.Errorf("setting %q, %v", v, err)
	}
	for i := 1; i <= 40; i++ {
		if m, err := s.Message(ctx, fmt.Sprintf("m%03d", i)); err != nil || string(m.Raw) != fmt.Sprintf("<m>%d</m>", i) {
			t.Errorf("message %d: %q, %v", i, m.Raw, err)
		}
		if d, err := s.Delivery(ctx, fmt.Sprintf("d%03d", i)); err != nil || string(d.Body) != fmt.Sprintf("<d>%d</d>", i) {
			t.Errorf("delivery %d: %q, %v", i, d.Body, err)
		}
		if p, err := s.Plan(ctx, fmt.Sprint("urn:test|p", i), 0); err != nil || string(p.Body) != fmt.Sprintf(`{"plan":%d}`, i) {
			t.Errorf("plan %d: %q, %v", i, p.Body, err)
		}
		if r, err := s.Receipts(ctx, queue.ReceiptFilter{DeliveryID: fmt.Sprintf("d%03d", i)}); err != nil || len(r) != 1 {
			t.Errorf("%d receipts of delivery %d, %v", len(r), i, err)
		}
	}
	commit := func(u *queue.Unit) {
		t.Helper()
		u.Now = time.Now()
		if _, err := s.Commit(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	for i := 4; i <= 40; i += 4 {
		got, err := s.Received(ctx, 1)
		if err != nil || len(got) != 1 || got[0].Seq != int64(i) {
			t.Fatalf("received %+v instead of %d, %v", got, i, err)
		}
		commit(&queue.Unit{Message: &queue.MessageStep{ID: got[0].ID, To: samvirke.MessageProcessed}})
	}
	for i := 1; i <= 40; i++ {
		if i%5 != 3 && i%5 != 4 {
			continue
		}
		got, err := s.Lease(ctx, "gp", 10, time.Hour)
		if err != nil || len(got) != 1 || got[0].Seq != int64(i) || got[0].Err != nil {
			t.Fatalf("leased %+v instead of %d, %v", got, i, err)
		}
		commit(&queue.Unit{Steps: []queue.DeliveryStep{{ID: got[0].ID, Token: got[0].Token, To: samvirke.DeliveryAcknowledged}}})
	}
	st, err := s.Stats(ctx)
	if d := st.Deliveries["gp"]; err != nil || d[samvirke.DeliveryAcknowledged] != 24 || d[samvirke.DeliveryStopped] != 8 || d[samvirke.DeliveryGivenUp] != 8 {
		t.Errorf("deliveries %v, %v", st.Deliveries, err)
	}
}
