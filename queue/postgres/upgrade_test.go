package postgres

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

// migrationsUpTo are the migrations up to a version; the last one cut after some of its statements and then failing, when cut is not
// negative.
func migrationsUpTo(t *testing.T, version, cut int) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		var v int
		if _, err := fmt.Sscanf(f, "migrations/%05d", &v); err != nil {
			t.Fatal(err)
		}
		if v > version {
			continue
		}
		b, err := fs.ReadFile(migrations, f)
		if err != nil {
			t.Fatal(err)
		}
		if text := string(b); v == version && cut >= 0 {
			head, list := statementsOf(t, text)
			b = []byte(head + strings.Join(list[:cut], "") + "SELECT 1 / 0; -- as a gateway that is killed here\n-- +goose Down\nSELECT 1;\n")
		}
		out[strings.TrimPrefix(f, "migrations/")] = &fstest.MapFile{Data: b}
	}
	return out
}

// statementsOf takes the upward part of a migration apart: what stands before it, and its statements.
func statementsOf(t *testing.T, text string) (head string, list []string) {
	t.Helper()
	const up = "-- +goose Up\n"
	at := strings.Index(text, up) + len(up)
	end := strings.Index(text, "-- +goose Down")
	if at < len(up) || end < at {
		t.Fatal("the migration has no way up or down")
	}
	statement, block := "", false
	for _, line := range strings.SplitAfter(text[at:end], "\n") {
		statement += line
		block = block && !strings.HasPrefix(line, "-- +goose StatementEnd") || strings.HasPrefix(line, "-- +goose StatementBegin")
		code, _, _ := strings.Cut(line, "--")
		if !block && (strings.HasSuffix(strings.TrimSpace(code), ";") || strings.HasPrefix(line, "-- +goose StatementEnd")) {
			list = append(list, statement)
			statement = ""
		}
	}
	return text[:at], list
}

// firstRows fill a store of the first schema: messages of each status, deliveries of each state, and all that hangs on them. Message 4 is
// received, 3 needs attention, 2 was refused; $1 stands for a time. Of the deliveries of one patient the first is stopped and lets the others go on.
var firstRows = []string{
	`INSERT INTO message SELECT i, 'm' || i, 'hospital', 'kith', 'LOG_INNLAGT', '1.6', 'x' || i, 'urn:test|p' || i % 3, $1, $1 + i, (ARRAY['processed', 'refused', 'attention', 'received'])[(i - 1) % 4 + 1],
		false, CASE WHEN i % 4 = 2 THEN 'schema-invalid' ELSE '' END, CASE WHEN i % 4 = 2 THEN 'line 7 is odd' ELSE '' END, lpad(i::text, 64, '0'), 9, 'application/xml', '',
		'{}', '[]', convert_to('<m>' || i || '</m>', 'UTF8') FROM generate_series(1, 40) i`,
	`INSERT INTO open_message SELECT seq, status, '' FROM message WHERE status <> 'processed'`,
	`INSERT INTO delivery SELECT i, 'd' || i, i, 'gp', 'forward', 'lane', 7, 'urn:test|p', 'o' || i, 'LOG_INNLAGT', 'kith', '1.6', 'application/xml', 'all',
		(ARRAY['acknowledged', 'stopped', 'queued', 'waiting', 'given-up'])[(i - 1) % 5 + 1], false, 1, $1, 0, $1, CASE WHEN i % 5 IN (1, 0) THEN $1 ELSE 0 END, 0,
		CASE WHEN i % 5 = 2 THEN 'timeout' ELSE '' END, CASE WHEN i % 5 = 2 THEN 'silence of the receiver' ELSE '' END, '', 9, '', i % 2 = 0,
		CASE WHEN i % 2 = 1 THEN convert_to('<d>' || i || '</d>', 'UTF8') END FROM generate_series(1, 40) i`,
	`INSERT INTO open_delivery SELECT seq, party, key, state, CASE WHEN state IN ('queued', 'waiting') THEN 0 END, 0 FROM delivery WHERE state NOT IN ('acknowledged')`,
	`INSERT INTO lane SELECT 'gp', 7, min(seq), 0, 0, 0, 0, '' FROM open_delivery WHERE due IS NOT NULL`,
	`INSERT INTO receipt SELECT i, i, i, NULL, 'gp', '', '{"id":"r' || i || '","direction":"in","external_id":"rx' || i || '","status":"1","party":"gp"}' FROM generate_series(1, 40) i`,
	`INSERT INTO event_run SELECT i, i, NULL, '', json_build_array(json_build_array($1, NULL, 'hospital', 'received', ''))::text FROM generate_series(1, 40) i`,
	`INSERT INTO record SELECT i, 'k' || i, 'h', 'urn:test|p' || i % 3, 'm' || i, $1, convert_to('{"record":' || i || '}', 'UTF8') FROM generate_series(1, 40) i`,
	`INSERT INTO plan_version SELECT i, 'urn:test|p' || i, 1, $1, 'm' || i, convert_to('{"plan":' || i || '}', 'UTF8') FROM generate_series(1, 40) i`,
	`INSERT INTO due VALUES ('urn:test|p1', 'review', $1, 'rule', '{}', 0), ('urn:test|p2', 'review', $1, 'rule', '{}', 1)`,
	`INSERT INTO attempt SELECT i, 1, $1, 5, 'HTTP 200', '', '', '' FROM generate_series(1, 40) i`,
	`INSERT INTO setting SELECT 'colour', 'green'`,
	`INSERT INTO counter SELECT 'numbers', 12`,
	`INSERT INTO tally SELECT 'accepted', '', '', 40 UNION ALL SELECT 'message', '', status, count(*) FROM message GROUP BY status UNION ALL SELECT 'delivery', party, state, count(*) FROM delivery GROUP BY party, state`,
	`UPDATE head SET message = 40, delivery = 40, event = 40, receipt = 40, record = 40, plan = 40`,
}

// firstStore makes a full store of the first schema.
func firstStore(t *testing.T) Options {
	t.Helper()
	return firstStoreOn(t, server(t))
}

func firstStoreOn(t *testing.T, db *postgrestest.Server) Options {
	t.Helper()
	o := Options{URL: db.URL(), Schema: schema(t, t.TempDir()), Logger: quiet()}
	if err := o.defaults(); err != nil {
		t.Fatal(err)
	}
	if err := migrateFrom(soon(t), o, migrationsUpTo(t, 1, -1)); err != nil {
		t.Fatal(err)
	}
	conn := direct(t, o.URL, o.Schema)
	at := fmt.Sprint(time.Now().Add(-48 * time.Hour).UnixNano())
	for _, text := range firstRows {
		if _, err := conn.Exec(soon(t), strings.ReplaceAll(text, "$1", at)); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	return o
}

// checkUpgraded holds a store that was firstStore against what was in it, and works on.
func checkUpgraded(t *testing.T, s *Store) {
	t.Helper()
	ctx := soon(t)
	if n := rowsOf(t, s, `SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = current_schema()::regnamespace AND NOT i.indisvalid`); n != 0 {
		t.Errorf("%d indexes are of no use", n)
	}
	for what, f := range map[string]queue.MessageFilter{"by word": {Text: "odd"}, "by fault of a delivery": {Text: "silence"}} {
		if m, err := s.Messages(ctx, f); err != nil || len(m) == 0 {
			t.Errorf("%s: %d messages, %v", what, len(m), err)
		}
	}
	for what, want := range map[*queue.MessageFilter]int{{Limit: 100}: 40, {Since: time.Now().Add(-72 * time.Hour), Limit: 100}: 40, {ID: "rx9"}: 1,
		{Party: "hospital", Kind: "LOG_INNLAGT", Limit: 100}: 40, {Status: []samvirke.MessageStatus{samvirke.MessageAttention}}: 10} {
		if m, err := s.Messages(ctx, *what); err != nil || len(m) != want {
			t.Errorf("%+v: %d messages, want %d, %v", *what, len(m), want, err)
		}
	}
	if st, err := s.Stats(ctx); err != nil || st.Accepted != 40 || st.Messages[samvirke.MessageRefused] != 10 {
		t.Errorf("%+v, %v", st, err)
	}
	if d, err := s.Dues(ctx, queue.DueFilter{Open: true}); err != nil || len(d) != 1 {
		t.Errorf("%d dues are open, %v", len(d), err)
	}
	if v, err := s.Setting(ctx, "colour"); err != nil || v != "green" {
		t.Errorf("setting %q, %v", v, err)
	}
	ageAll(t, s)
	for i := 1; i <= 40; i++ {
		m, err := s.Message(ctx, fmt.Sprint("m", i))
		if err != nil || string(m.Raw) != fmt.Sprintf("<m>%d</m>", i) {
			t.Errorf("message %d: %q, %v", i, m.Raw, err)
		}
		want := fmt.Sprintf("<d>%d</d>", i)
		if i%2 == 0 {
			want = string(m.Raw)
		}
		if d, err := s.Delivery(ctx, fmt.Sprint("d", i)); err != nil || string(d.Body) != want {
			t.Errorf("delivery %d: %q, %v", i, d.Body, err)
		}
		if p, err := s.Plan(ctx, fmt.Sprint("urn:test|p", i), 0); err != nil || string(p.Body) != fmt.Sprintf(`{"plan":%d}`, i) {
			t.Errorf("plan %d: %q, %v", i, p.Body, err)
		}
	}
	// What was received is processed in order, one of a patient at a time; what waits is sent in order, and nothing else.
	for i := 4; i <= 40; i += 4 {
		got, err := s.Received(ctx, 1)
		if err != nil || len(got) != 1 || got[0].Seq != int64(i) {
			t.Fatalf("received %+v instead of %d, %v", got, i, err)
		}
		commit(t, s, &queue.Unit{Now: time.Now(), Message: &queue.MessageStep{ID: got[0].ID, From: []samvirke.MessageStatus{samvirke.MessageReceived}, To: samvirke.MessageProcessed}})
	}
	for i := 1; i <= 40; i++ {
		if i%5 != 3 && i%5 != 4 {
			continue
		}
		got, err := s.Lease(ctx, "gp", 10, time.Hour)
		if err != nil || len(got) != 1 || got[0].Seq != int64(i) || got[0].Err != nil {
			t.Fatalf("leased %+v instead of %d, %v", got, i, err)
		}
		commit(t, s, &queue.Unit{Now: time.Now(), Steps: []queue.DeliveryStep{{ID: got[0].ID, Token: got[0].Token, To: samvirke.DeliveryAcknowledged}}})
	}
	if n := rowsOf(t, s, `SELECT count(*) FROM lane`); n != 0 {
		t.Errorf("%d lanes have something still", n)
	}
}

// TestUpgrade opens full stores of each earlier schema: everything is found, what waits comes out in order, what has ended stays so.
// Those of later schemas are made by the migrations between, from a full store of the first.
func TestUpgrade(t *testing.T) {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	newest, _, err := known(folder)
	if err != nil {
		t.Fatal(err)
	}
	for version := 1; version < int(newest); version++ {
		t.Run(fmt.Sprint("from ", version), func(t *testing.T) {
			o := firstStore(t)
			if err := migrateFrom(soon(t), o, migrationsUpTo(t, version, -1)); err != nil {
				t.Fatal(err)
			}
			s := open(t, o)
			// Stores that had messages wait before they press: that time is over.
			if _, err := s.Age(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
			if _, err := s.reader.pool.Exec(t.Context(), `UPDATE aging SET ready = 1`); err != nil {
				t.Fatal(err)
			}
			checkUpgraded(t, s)
		})
	}
}

// TestUpgradeInterrupted kills the migrations that are not one transaction behind some of their statements, and while they make an
// index: the next start brings them to their end.
func TestUpgradeInterrupted(t *testing.T) {
	for version, cuts := range map[int][]int{2: {3, 9, 16, 18, 20, 1 << 20}, 3: {1, 3, 1 << 20}} {
		for _, cut := range cuts {
			t.Run(fmt.Sprintf("%d after %d", version, cut), func(t *testing.T) {
				o := firstStore(t)
				_, list := statementsOf(t, migrationText(t, version))
				if cut = min(cut, len(list)); cut == 0 {
					t.Fatal("no statements")
				}
				if err := migrateFrom(soon(t), o, migrationsUpTo(t, version, cut)); err == nil || !strings.Contains(err.Error(), "division by zero") {
					t.Fatalf("the migration was not interrupted: %v", err)
				}
				// As a gateway leaves an index that dies while it is made.
				names := map[int][]string{2: {"message_party_kind", "receipt_external"}, 3: {"open_message_key"}}[version]
				conn := direct(t, o.URL, o.Schema)
				if _, err := conn.Exec(soon(t), `UPDATE pg_index SET indisvalid = false WHERE indexrelid IN (SELECT oid FROM pg_class
					WHERE relnamespace = current_schema()::regnamespace AND relname = ANY($1))`, names); err != nil {
					t.Fatal(err)
				}
				s := open(t, o)
				if _, err := conn.Exec(soon(t), `UPDATE aging SET ready = 1`); err != nil {
					t.Fatal(err)
				}
				checkUpgraded(t, s)
			})
		}
	}
}

func migrationText(t *testing.T, version int) string {
	t.Helper()
	files, err := fs.Glob(migrations, fmt.Sprintf("migrations/%05d_*.sql", version))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	b, err := fs.ReadFile(migrations, files[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
