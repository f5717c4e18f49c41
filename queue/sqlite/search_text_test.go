package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	modernc "modernc.org/sqlite"
	"pgregory.net/rapid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/drawn"
	"github.com/samvirke/samvirke/queue"
)

// troubled is a message and the words of its troubles, none when all went well.
type troubled struct {
	samvirke.Message
	words []string
}

// troubleVocabulary are words that begin alike, of Latin letters and others, and one that is cut. A word of numbers is added to
// each text: so many that their beginnings cannot all be asked for.
var troubleVocabulary = []string{"line", "lines", "linear", "schema", "skjema", "time", "timeout", "no", "not", "note", "ærlig", "ærend", "ål", "århus", "žena", "λόγον",
	"λόγοι", "жизнь", "a", strings.Repeat("long", 20), "straße"}

// troubleStore makes a store of n messages: every fifth went well, all others have the word "fault". Those that a person must look at are the
// oldest, so that the newest with a word have another status.
func troubleStore(t *testing.T, n int) (*Reader, []troubled) {
	t.Helper()
	draw := rand.New(rand.NewPCG(1, 2))
	of := func(list ...string) string { return list[draw.IntN(len(list))] }
	at := time.Unix(1_700_000_000, 0).UTC()
	all := make([]troubled, n)
	for i := range all {
		m := &all[i]
		m.Message = samvirke.Message{Seq: int64(i + 1), ID: fmt.Sprint("m", i), Party: of("hospital", "hospital-a", "gp ål", strings.Repeat("town", 20)), Kind: of("A", "B_a", ""),
			Format: "kith", ExternalID: of("", fmt.Sprint("x", i%50)), Patient: fmt.Sprint("p", i%97), GeneratedAt: at, ReceivedAt: at.Add(time.Duration(i) * time.Minute),
			Status: samvirke.MessageStatus(of("processed", "refused", "quarantined", "closed")), Checksum: "c"}
		if i < n/20 {
			m.Status = samvirke.MessageAttention
		}
		if i%5 == 0 {
			continue
		}
		m.Fault = "fault"
		for range 1 + draw.IntN(4) {
			m.FaultText += of(troubleVocabulary...) + " "
		}
		m.FaultText += fmt.Sprintf("n%04d", draw.IntN(1000))
		if i < 50 {
			m.FaultText += " Ancient"
		}
		m.words = queue.Words(m.Party, m.Kind, m.Format, m.Fault, m.FaultText)
	}
	return filled(t, func(tx *sql.Tx) error {
		for _, m := range all {
			if _, err := tx.Exec(`INSERT INTO message (`+messageColumns+`) VALUES `+placeholders(1, 17), m.Seq, m.ID, m.Party, m.Format, m.Kind, m.Version, m.ExternalID, m.Patient,
				nanos(m.GeneratedAt), nanos(m.ReceivedAt), string(m.Status), m.Fault, m.FaultText, m.Checksum, m.Size, m.ContentType, m.TraceParent); err != nil {
				return err
			}
			if m.words == nil {
				continue
			}
			words := strings.Join(m.words, " ")
			if m.Seq%7 == 0 { // as an earlier version wrote it
				words = m.Party + " " + m.Kind + " " + m.Format + " " + m.Fault + " " + m.FaultText
			}
			if _, err := tx.Exec(`INSERT INTO trouble (seq, words) VALUES (?, ?)`, m.Seq, words); err != nil {
				return err
			}
		}
		return nil
	}), all
}

// filled gives a reader of a store in which rows were written past the gateway, with what is counted over them.
func filled(t *testing.T, write func(*sql.Tx) error) *Reader {
	t.Helper()
	dir := t.TempDir()
	if err := open(t, Options{Dir: dir}).Close(); err != nil {
		t.Fatal(err)
	}
	connector, err := modernc.NewConnector(dsn(filepath.Join(dir, fileName), "", "synchronous(OFF)"))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := write(tx); err != nil {
		t.Fatal(err)
	}
	for _, text := range fillTotals {
		if _, err := tx.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// scanned answers a filter by looking at every message.
func scanned(all []troubled, f queue.MessageFilter) (out []samvirke.Message) {
	asked := queue.Words(f.Text)
	begins := func(words []string) bool {
		for _, a := range asked {
			if !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, a) }) {
				return false
			}
		}
		return true
	}
	for _, m := range slices.Backward(all) {
		if len(out) < page(f.Limit) && begins(m.words) && (f.Party == "" || m.Party == f.Party) && (f.Kind == "" || m.Kind == f.Kind) &&
			(f.Patient == "" || m.Patient == f.Patient) && (f.ExternalID == "" || m.ExternalID == f.ExternalID) && (f.ID == "" || m.ID == f.ID || m.ExternalID == f.ID) &&
			(len(f.Status) == 0 || slices.Contains(f.Status, m.Status)) && (f.Before == 0 || m.Seq < f.Before) &&
			(f.Since.IsZero() || !m.ReceivedAt.Before(f.Since)) && (f.Until.IsZero() || m.ReceivedAt.Before(f.Until)) {
			out = append(out, m.Message)
		}
	}
	return out
}

// drawTextFilter asks for the beginnings of words that are there, and sometimes of one that is not, with anything else.
func drawTextFilter(t *rapid.T, all []troubled) (f queue.MessageFilter) {
	some := func(what string) bool { return rapid.IntRange(0, 4).Draw(t, what) == 0 }
	like := all[rapid.IntRange(0, len(all)-1).Draw(t, "like")]
	for range rapid.IntRange(1, 3).Draw(t, "words") {
		word := []rune(rapid.SampledFrom(append([]string{"fault", "kith", "never", fmt.Sprintf("n%04d", rapid.IntRange(0, 1000).Draw(t, "number"))},
			append(troubleVocabulary, like.words...)...)).Draw(t, "word"))
		w := string(word[:rapid.IntRange(1, len(word)).Draw(t, "of it")])
		if some("loud") {
			w = strings.ToUpper(w)
		}
		f.Text += w + rapid.SampledFrom([]string{" ", "-", `"*`, ", "}).Draw(t, "between")
	}
	if some("party") {
		f.Party = like.Party
	}
	if some("kind") {
		f.Kind = like.Kind
	}
	switch rapid.IntRange(0, 14).Draw(t, "few") {
	case 0:
		f.Patient = like.Patient
	case 1:
		f.ExternalID = like.ExternalID
	case 2:
		f.ID = rapid.SampledFrom([]string{like.ID, like.ExternalID}).Draw(t, "id")
	}
	if some("status") || some("status again") {
		f.Status = rapid.SliceOfNDistinct(rapid.SampledFrom([]samvirke.MessageStatus{"received", "processed", "refused", "attention", "quarantined", "closed"}), 1, 4,
			rapid.ID[samvirke.MessageStatus]).Draw(t, "statuses")
	}
	hours := func(what string) time.Time {
		return all[0].ReceivedAt.Add(time.Duration(rapid.IntRange(-100, len(all)+100).Draw(t, what)) * time.Minute)
	}
	if some("since") {
		f.Since = hours("from")
	}
	if some("until") {
		f.Until = hours("to")
	}
	if some("before") {
		f.Before = int64(rapid.IntRange(1, len(all)+10).Draw(t, "number before"))
	}
	f.Limit = rapid.SampledFrom([]int{0, 1, 7, queue.MaxPage}).Draw(t, "limit")
	return f
}

// TestTextSearchIsAScan: whatever way a search by words goes, it gives what looking at every message gives.
func TestTextSearchIsAScan(t *testing.T) {
	r, all := troubleStore(t, newestTroubles+newestTexts)
	check := func(t interface{ Fatalf(string, ...any) }, f queue.MessageFilter) {
		want := scanned(all, f)
		compare := func(how string, got []samvirke.Message, err error) {
			if err != nil {
				t.Fatalf("%s: %+v: %v", how, f, err)
			}
			for i := range got { // the same moments
				got[i].GeneratedAt, got[i].ReceivedAt = got[i].GeneratedAt.UTC(), got[i].ReceivedAt.UTC()
			}
			if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: %+v: %d messages, want %d: %v, want %v", how, f, len(got), len(want), numbersOf(got), numbersOf(want))
			}
		}
		got, err := r.Messages(context.Background(), f)
		compare("search", got, err)
		q, none, err := r.asks(context.Background(), f, queue.Words(f.Text))
		if err != nil || none || f.ID+f.ExternalID+f.Patient != "" {
			compare("no such words", got, err)
			return
		}
		for _, road := range []textRoad{{}, {set: true}} {
			query, args := textQuery(f, q, road)
			got, err := r.messages(context.Background(), query, args)
			compare(fmt.Sprintf("%+v", road), got, err)
		}
	}
	// Each of the ways, whatever is drawn below.
	for _, f := range []queue.MessageFilter{
		{Text: "fault"}, {Text: "n"}, {Text: "n fault λ", Party: "hospital"}, {Text: "fault", Status: []samvirke.MessageStatus{"attention"}}, {Text: "fault", Status: []samvirke.MessageStatus{"attention", "closed"}},
		{Text: "n", Status: []samvirke.MessageStatus{"attention"}}, {Text: "fault", Status: []samvirke.MessageStatus{"processed"}}, {Text: "li", Patient: "p7"}, {Text: "n", Patient: "p7"},
		{Text: "fault", Status: []samvirke.MessageStatus{"attention", "processed"}, Before: 2900, Limit: queue.MaxPage}, {Text: "fault", Until: time.Unix(1, 0)},
		{Text: "fault", Until: time.Unix(1, 0).AddDate(200, 0, 0)}, {Text: "n ancient"}, {Text: "n anc", Status: []samvirke.MessageStatus{"attention", "processed"}},
		{Text: "fault", Since: time.Unix(1, 0).AddDate(200, 0, 0)}, {Text: "town", Party: strings.Repeat("town", 20)},
	} {
		check(t, f)
	}
	defer drawn.Cases(40)()
	rapid.Check(t, func(t *rapid.T) { check(t, drawTextFilter(t, all)) })
}

func numbersOf(list []samvirke.Message) (out []int64) {
	for _, m := range list {
		out = append(out, m.Seq)
	}
	return out
}

// TestTextSearchStops counts the pages that are read for the newest of 30,000 messages with the same words. A question for words reads the ends
// of their lists; one for what words begin with reads the lists.
func TestTextSearchStops(t *testing.T) {
	const n, apart = 30_000, 300_000_000 // numbers so far apart make the lists long: five bytes each
	const fewPages = 25
	r := filled(t, func(tx *sql.Tx) error {
		_, err := tx.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO trouble SELECT i * ?, CASE WHEN i % 2 THEN 'refused' ELSE 'timeout' END || ' no answer kith ' || CASE WHEN i % 10000 THEN 'common' ELSE 'comet rare' END FROM n`, n, apart)
		return err
	})
	// pages asks on one connection, warmed up, and counts the pages it looks at.
	pages := func(query string, args ...any) (got, rows int) {
		t.Helper()
		c, err := r.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		count := func() (n int) {
			err := c.Raw(func(dc any) error {
				for _, op := range []modernc.DBStatusOp{modernc.DBStatusCacheHit, modernc.DBStatusCacheMiss} {
					one, _, err := dc.(modernc.DBStatus).Status(op, true)
					if err != nil {
						return err
					}
					n += one
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for range 2 {
			count()
			list, err := list(t.Context(), c, func(rows *sql.Rows) (seq int64, err error) { return seq, rows.Scan(&seq) }, query, args...)
			if err != nil {
				t.Fatal(err)
			}
			got, rows = count(), len(list)
		}
		return got, rows
	}
	newest := `SELECT t.rowid FROM trouble_text t WHERE trouble_text MATCH ? ORDER BY t.rowid DESC LIMIT 50`
	whole, _ := pages(newest, `"kith"*`)
	if whole <= fewPages {
		t.Fatalf("the list of a word lies on %d pages: too few to tell", whole)
	}
	for _, x := range []struct {
		text string
		rows int
	}{{"kith", 50}, {"n ans", 50}, {"comm refused", 50}, {"com kith", 50}, {"rare kith", 3}, {"come refused", 0}, {"come rare timeout", 3}} {
		q, none, err := r.asks(t.Context(), queue.MessageFilter{}, queue.Words(x.text))
		if err != nil || none || q.wide || strings.Contains(q.match, "*") {
			t.Fatalf("%s: %+v, none %v, %v", x.text, q, none, err)
		}
		if got, rows := pages(newest, q.match); got > fewPages || rows != x.rows {
			t.Errorf("%s: %s reads %d pages for %d rows, want %d rows and at most %d pages", x.text, q.match, got, rows, x.rows, fewPages)
		} else {
			t.Logf("%s: %d pages", x.text, got)
		}
	}
	// Where a page ends makes no difference to what the next one costs.
	q, _, err := r.asks(t.Context(), queue.MessageFilter{}, []string{"kith"})
	if err != nil {
		t.Fatal(err)
	}
	if got, rows := pages(`SELECT t.rowid FROM trouble_text t WHERE trouble_text MATCH ? AND t.rowid < ? ORDER BY t.rowid DESC LIMIT 50`, q.match, n/2*apart); got > fewPages || rows != 50 {
		t.Errorf("a page in the middle reads %d pages for %d rows", got, rows)
	}
	t.Logf("the whole list of a word: %d pages", whole)
}
