package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// How a text is searched for. FTS5 answers the beginning of a word ("sche"*) by putting the lists of all words that begin so
// together before it gives the first row, so the answer costs as much as there are such messages. Whole words it reads side by
// side from the newest on and stops when the page is full. So each beginning is first looked up among the words that there are,
// one seek for each, and the question asks for those.
const (
	// mostTerms is how many words one beginning may stand for. With more of them it costs more to look at all lists for each
	// row than to put them together, and such a beginning is asked as it is. Measured: about even when no page fills.
	mostTerms = 128
	// mostTermsInAll bounds the words of one question.
	mostTermsInAll = 512
	// newestTroubles is how many of the newest troubles are read for words that are asked as beginnings, before the index is.
	newestTroubles = 2000
	// fewWithStatus is how many messages of a status have their troubles read, at about 1 us each, before the index is asked.
	fewWithStatus = 5000
	// newestTexts is how many of the newest messages with the words are looked at for a status before anything else is tried.
	newestTexts = 1000
	// fewOpen is how many messages of a status are put into a set, in memory and about 0.5 us each, when the newest with
	// the words did not fill the page: looking up the status of each with the words takes three to five times as long.
	fewOpen = 100_000
)

// readConnector opens connections that only read, with the words of the text index as a table of its own: a temporary one, so
// that nothing of it is in the store.
type readConnector struct{ driver.Connector }

// Connect is driver.Connector's.
func (c readConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, text := range []string{`CREATE VIRTUAL TABLE temp.trouble_word USING fts5vocab('main', 'trouble_text', 'instance')`, `PRAGMA query_only(1)`} {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, text, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("prepare connection for reading: %w", err), conn.Close())
		}
	}
	return conn, nil
}

// termsOf gives the words from ?1 up to ?2, each by a seek behind the one before, which passes over the pages of its list without
// taking them apart. \x01 is in no word and before what is.
const termsOf = `WITH RECURSIVE w (term) AS (
	SELECT (SELECT term FROM temp.trouble_word WHERE term >= ?1 ORDER BY term LIMIT 1)
	UNION ALL SELECT (SELECT term FROM temp.trouble_word WHERE term >= w.term || char(1) ORDER BY term LIMIT 1) FROM w WHERE w.term < ?2)
	SELECT term FROM w WHERE term < ?2 LIMIT ?3`

// question is what FTS5 is asked; without words the zero value.
type question struct {
	match string
	// words are what all of them must begin, when that can be told from what stands in a trouble.
	words []string
	// wide says that a beginning is asked as it is: each time the question is asked then costs as much as there are messages with it.
	wide bool
	// compared says that match finds what may be meant, and that words are to be compared with each. match may be empty then.
	compared bool
}

// asks turns words into the question for messages that have words beginning with all of them. none says that there are no such words.
func (r *reader) asks(ctx context.Context, f queue.MessageFilter, words []string) (q question, none bool, err error) {
	var all []string
	left := mostTermsInAll
	if !slices.ContainsFunc(words, func(w string) bool { return !folded(w) }) {
		q.words = words
	}
	for _, w := range words {
		if parts := strings.FieldsFunc(w, splits); len(parts) != 1 || len(parts[0]) != len(w) {
			q.compared = true
			all = append(all, partsOf(w, parts)...)
			continue
		}
		most := min(left, mostTerms)
		var terms []string
		if folded(w) {
			if terms, err = list(ctx, r.db, scanTerm, termsOf, w, w+string(utf8.MaxRune), most+1); err != nil {
				return q, false, err
			}
			if len(terms) == 0 {
				return q, true, nil
			}
		}
		if len(terms) == 0 || len(terms) > most {
			q.wide = true
			all = append(all, `"`+w+`"*`)
			continue
		}
		left -= len(terms)
		all = append(all, `("`+strings.Join(terms, `" OR "`)+`")`)
	}
	// Party and kind are among the words of each message, so they make the question narrower.
	for _, w := range queue.Words(f.Party, f.Kind) {
		if strings.ContainsFunc(w, splits) {
			continue
		}
		if len(w) >= cutWord {
			q.wide, w = true, w+`"*`
		} else {
			w += `"`
		}
		all = append(all, `"`+w)
	}
	q.match = strings.Join(all, " AND ")
	if q.compared {
		q.words = words
	}
	return q, false, nil
}

// splits tells the letters that FTS5 takes for marks between words, as Unicode did before versions 8 and 12: vowels and tones of
// New Tai Lue, and two Vedic signs. It has no phrases here, so a word that it takes apart cannot be asked for.
func splits(r rune) bool {
	return r >= 0x19B0 && r <= 0x19C0 || r == 0x19C8 || r == 0x19C9 || r == 0x1CF2 || r == 0x1CF3
}

// partsOf asks for the parts into which FTS5 takes a word: whole ones, and what the last begins with where the word goes on.
func partsOf(word string, parts []string) (all []string) {
	for i, p := range parts {
		p = `"` + p + `"`
		if i == len(parts)-1 && strings.HasSuffix(word, parts[i]) {
			p += "*"
		}
		all = append(all, p)
	}
	return all
}

// cutWord is the length at which queue.Words may have cut a word, which stands whole in a text that an earlier version indexed.
const cutWord = 57

func scanTerm(rows *sql.Rows) (term string, err error) { return term, rows.Scan(&term) }

// folded says that a word stands in the index as it is written. For letters beyond those of Latin scripts that is not certain:
// FTS5 folds some of them into others, as the two small sigmas.
func folded(word string) bool {
	for _, r := range word {
		latin := r >= 'ß' && r <= 'ž'
		if r >= utf8.RuneSelf && !latin {
			return false
		}
	}
	return true
}

// withText lists messages by words and whatever else is asked.
func (r *reader) withText(ctx context.Context, f queue.MessageFilter, words []string) ([]samvirke.Message, error) {
	q, none, err := r.asks(ctx, f, words)
	switch {
	case err != nil || none:
		return nil, err
	case f.ID+f.ExternalID+f.Patient != "" && q.words != nil:
		query, args := fewTroublesQuery(f)
		return r.among(ctx, f, q, query, args)
	case f.ID+f.ExternalID+f.Patient != "":
		query, args := messageQuery(f, q)
		return r.messages(ctx, query, args)
	case q.compared:
		query, args := comparedQuery(f, q)
		return r.among(ctx, f, q, query, args)
	}
	if q.wide && q.words != nil {
		query, args := newestTroublesQuery(f)
		newest, err := r.among(ctx, f, q, query, args)
		if err != nil || len(newest) == page(f.Limit) {
			return newest, err
		}
	}
	if len(f.Status) > 0 {
		return r.withTextAndStatus(ctx, f, q)
	}
	query, args := textQuery(f, q, textRoad{})
	return r.messages(ctx, query, args)
}

// among looks for words in troubles themselves.
func (r *reader) among(ctx context.Context, f queue.MessageFilter, q question, query string, args []any) ([]samvirke.Message, error) {
	found := map[int64]bool{}
	_, err := list(ctx, r.db, func(rows *sql.Rows) (none struct{}, err error) {
		var seq int64
		var words string
		err = rows.Scan(&seq, &words)
		if err == nil && beginsAll(words, q.words) {
			found[seq] = true
		}
		return none, err
	}, query, args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	query, args = numberQuery(f, found)
	return r.messages(ctx, query, args)
}

// comparedQuery reads the troubles in which FTS5 finds the parts of words; all of them when there are none.
func comparedQuery(f queue.MessageFilter, q question) (string, []any) {
	var w where
	from := `trouble`
	if q.match != "" {
		from = `trouble_text`
		w.add(`trouble_text MATCH ?`, q.match)
	}
	whereBetween(&w, f, 0)
	return `SELECT t.rowid, t.words FROM ` + from + ` t WHERE ` + w.String() + ` ORDER BY t.rowid DESC`, w.args
}

// newestTroublesQuery reads the newest troubles: where many words begin as asked, most often many messages have one of them.
func newestTroublesQuery(f queue.MessageFilter) (string, []any) {
	var w where
	whereBetween(&w, f, 0)
	return `SELECT t.seq, t.words FROM trouble t WHERE ` + w.String() + ` ORDER BY t.rowid DESC LIMIT ?`, append(w.args, newestTroubles)
}

// fewTroublesQuery reads the troubles of the messages that an id or a patient leads to.
func fewTroublesQuery(f queue.MessageFilter) (string, []any) {
	var of, w where
	index := whereFew(&of, f)
	whereBetween(&w, f, 0)
	return `SELECT t.seq, t.words FROM (SELECT seq AS n FROM message` + index + ` WHERE ` + of.String() + `) CROSS JOIN trouble t ON t.rowid = n WHERE ` + w.String(),
		append(of.args, w.args...)
}

// statusTroublesQuery reads the troubles of all messages of some statuses, which are not processed.
func statusTroublesQuery(f queue.MessageFilter) (string, []any) {
	var w where
	w.add(`s.status <> 'processed' AND s.status IN (`+marks(len(f.Status))+`)`, texts(f.Status)...)
	whereBetween(&w, f, 0)
	return `SELECT t.seq, t.words FROM message s INDEXED BY message_status CROSS JOIN trouble t ON t.rowid = s.seq WHERE ` + w.String(), w.args
}

// beginsAll tells whether each of the words asked for begins one of a text. An earlier version wrote texts as they were.
func beginsAll(text string, asked []string) bool {
	have := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, a := range asked {
		if !slices.ContainsFunc(have, func(w string) bool { return strings.HasPrefix(w, a) }) {
			return false
		}
	}
	return true
}

// numberQuery lists those of some messages that a filter lets through.
func numberQuery(f queue.MessageFilter, seqs map[int64]bool) (string, []any) {
	var w where
	w.add(`m.seq IN (SELECT value FROM json_each(?))`, numbers(seqs))
	if len(f.Status) > 0 {
		w.add(`+m.status IN (`+marks(len(f.Status))+`)`, texts(f.Status)...)
	}
	whereColumns(&w, "+m.", f)
	return `SELECT ` + messageColumns + ` FROM message m NOT INDEXED WHERE ` + w.String() + ` ORDER BY m.seq DESC LIMIT ?`, append(w.args, page(f.Limit))
}

// withTextAndStatus looks at all with the status when they are few. Else it looks at the newest with the words: words that stand
// with the status fill the page there. Those that rarely do would have the status of all with the words looked up; then those with
// the status are put into a set.
func (r *reader) withTextAndStatus(ctx context.Context, f queue.MessageFilter, q question) ([]samvirke.Message, error) {
	states, without := toldBy(f.Status)
	n, err := one(ctx, r.db, func(rows *sql.Rows) (n int64, err error) { return n, rows.Scan(&n) },
		`SELECT coalesce(sum(n), 0) FROM tally WHERE kind = 'message' AND party = '' AND state IN (`+marks(len(states))+`)`, texts(states)...)
	switch {
	case err != nil:
		return nil, err
	case n <= fewWithStatus && !without && q.words != nil:
		query, args := statusTroublesQuery(f)
		return r.among(ctx, f, q, query, args)
	case q.wide:
	default:
		query, args := nthText(f, q)
		floor, err := one(ctx, r.db, func(rows *sql.Rows) (seq int64, err error) { return seq, rows.Scan(&seq) }, query, args...)
		all := errors.Is(err, queue.ErrNotFound)
		if err != nil && !all {
			return nil, err
		}
		query, args = textQuery(f, q, textRoad{from: floor})
		newest, err := r.messages(ctx, query, args)
		if err != nil || all || len(newest) == page(f.Limit) {
			return newest, err
		}
	}
	query, args := textQuery(f, q, textRoad{set: n <= fewOpen})
	return r.messages(ctx, query, args)
}

// toldBy gives the statuses by which a list is told: those in it, or, when that is told by those it leaves out, these. Messages
// that are processed have no index of their status.
func toldBy(asked []samvirke.MessageStatus) (states []samvirke.MessageStatus, without bool) {
	if !slices.Contains(asked, samvirke.MessageProcessed) {
		return asked, false
	}
	for _, s := range []samvirke.MessageStatus{samvirke.MessageReceived, samvirke.MessageRefused, samvirke.MessageAttention,
		samvirke.MessageQuarantined, samvirke.MessageClosed} {
		if !slices.Contains(asked, s) {
			states = append(states, s)
		}
	}
	return states, true
}

// textRoad is how textQuery goes.
type textRoad struct {
	// from is the lowest number to look at.
	from int64
	// set has the status looked up in a set of all messages that have it.
	set bool
}

// textQuery goes through the messages whose troubles have the words, newest first, which is the order of the index.
func textQuery(f queue.MessageFilter, q question, road textRoad) (string, []any) {
	var w where
	w.add(`trouble_text MATCH ?`, q.match)
	whereBetween(&w, f, road.from)
	index := ` NOT INDEXED`
	if len(f.Status) > 0 {
		states, without := toldBy(f.Status)
		switch {
		case road.set && without:
			w.add(`+t.rowid NOT IN (`+statusSet(states)+`)`, texts(states)...)
		case road.set:
			w.add(`+t.rowid IN (`+statusSet(states)+`)`, texts(states)...)
		case !without:
			index = ` INDEXED BY message_status`
			if f.Party != "" {
				index = ` INDEXED BY message_status_party`
			}
			w.add(`m.status <> 'processed'`)
		}
		w.add(`m.status IN (`+marks(len(f.Status))+`)`, texts(f.Status)...)
	}
	whereColumns(&w, "m.", f)
	return `SELECT ` + messageColumns + ` FROM trouble_text t CROSS JOIN message m` + index + ` ON m.seq = t.rowid WHERE ` + w.String() + ` ORDER BY t.rowid DESC LIMIT ?`,
		append(w.args, page(f.Limit))
}

func statusSet(states []samvirke.MessageStatus) string {
	return `SELECT seq FROM message INDEXED BY message_status WHERE status <> 'processed' AND status IN (` + marks(len(states)) + `)`
}

// nthText gives the number down to which newestTexts messages have the words; no row when fewer have.
func nthText(f queue.MessageFilter, q question) (string, []any) {
	var w where
	w.add(`trouble_text MATCH ?`, q.match)
	whereBetween(&w, f, 0)
	return `SELECT t.rowid FROM trouble_text t WHERE ` + w.String() + ` ORDER BY t.rowid DESC LIMIT 1 OFFSET ?`, append(w.args, newestTexts-1)
}

// whereBetween keeps to the numbers that from, Before, Since and Until leave. The index takes one bound at each end and starts and
// stops there, so they are put together.
func whereBetween(w *where, f queue.MessageFilter, from int64) {
	switch {
	case !f.Since.IsZero():
		w.add(`t.rowid >= max(?, coalesce((`+firstSince+`), ?))`, from, nanos(f.Since)/hourNanos, int64(math.MaxInt64))
	case from > 0:
		w.add(`t.rowid >= ?`, from)
	}
	before := int64(math.MaxInt64)
	if f.Before > 0 {
		before = f.Before
	}
	switch {
	case !f.Until.IsZero():
		w.add(`t.rowid < min(?, coalesce((`+lastUntil+`), 0) + 1)`, before, nanos(f.Until)/hourNanos)
	case f.Before > 0:
		w.add(`t.rowid < ?`, before)
	}
}
