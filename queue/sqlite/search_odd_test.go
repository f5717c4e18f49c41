package sqlite

import (
	"database/sql"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestSplitLetters: of all letters and digits in which queue.Words sees no end of a word, FTS5 sees one in those that splits tells, and in no other.
func TestSplitLetters(t *testing.T) {
	var letters []rune
	r := filled(t, func(tx *sql.Tx) error {
		for c := rune(0x80); c <= unicode.MaxRune; c++ {
			if w := queue.Words("p" + string(c) + "q"); len(w) != 1 || !unicode.IsLetter(c) && !unicode.IsDigit(c) {
				continue
			}
			letters = append(letters, c)
		}
		for seq, at := int64(1), 0; at < len(letters); seq, at = seq+1, at+1000 {
			var words []string
			for _, c := range letters[at:min(at+1000, len(letters))] {
				if !splits(c) {
					words = append(words, queue.Words("p"+string(c)+"q")...)
				}
			}
			if err := troubleRow(tx, seq, strings.Join(words, " ")); err != nil {
				return err
			}
		}
		return troubleRow(tx, 1<<30, "x\u19b0y x\u19c0y x\u19c8y x\u19c9y x\u1cf2y")
	})
	if len(letters) < 100_000 {
		t.Fatalf("only %d letters", len(letters))
	}
	terms, err := list(t.Context(), r.db, scanTerm, `SELECT DISTINCT term FROM temp.trouble_word WHERE term IN ('p', 'q', 'x', 'y') ORDER BY term`)
	if got := strings.Join(terms, " "); err != nil || got != "x y" {
		t.Errorf("words taken apart: %q, %v, want x and y alone", got, err)
	}
}

// troubleRow writes the troubles of a message past the gateway; filled makes the index of them.
func troubleRow(tx *sql.Tx, seq int64, words string) error {
	_, err := tx.Exec(`INSERT INTO trouble (seq, words) VALUES (?, ?)`, seq, words)
	return err
}

// TestOddLettersAreFound: a search with letters that FTS5 folds, does not know, or takes for marks between words answers as looking at every
// message does, whatever else is asked.
func TestOddLettersAreFound(t *testing.T) {
	odd := []string{
		"a\u19b0b", "a\u19b0bc", "a\u19b0", "\u19b0b", "\u19b0", "\u19c0\u19c8\u19c9", "a\u19b0b\u19b1c", "a b", "b a\u19b1b", "\u0130x", "\u017fa", "\U0001E900\U0001E922", "\u2c2f", "\u2c5f", "x\u00b2", "\u2075",
		"\u01c5a", "\ua7c0\ua7c1", "\U00016e40", "\u1e9e", "λόγος", "a\u0301b", "\U00020000\U00031350",
	}
	var all []troubled
	r := filled(t, func(tx *sql.Tx) error {
		for i, w := range append(odd, "plain fault") {
			at := time.Unix(1_700_000_000, 0).UTC()
			m := troubled{Message: samvirke.Message{Seq: int64(i + 1), ID: w + "!", Party: []string{"hospital", "\u19b0 gp\u19b0"}[i%2], Kind: []string{"A", "k\u19b0k"}[i%3/2], Format: "kith", Patient: "p",
				GeneratedAt: at, ReceivedAt: at.Add(time.Duration(i) * time.Minute), Status: []samvirke.MessageStatus{"attention", "closed", "processed"}[i%3], Fault: "fault", FaultText: w, Checksum: "c"}}
			m.words = queue.Words(m.Party, m.Kind, m.Format, m.Fault, m.FaultText)
			all = append(all, m)
			if _, err := tx.Exec(`INSERT INTO message (`+messageColumns+`) VALUES `+placeholders(1, 17), m.Seq, m.ID, m.Party, m.Format, m.Kind, m.Version, m.ExternalID, m.Patient,
				nanos(m.GeneratedAt), nanos(m.ReceivedAt), string(m.Status), m.Fault, m.FaultText, m.Checksum, m.Size, m.ContentType, m.TraceParent); err != nil {
				return err
			}
			if err := troubleRow(tx, m.Seq, strings.Join(m.words, " ")); err != nil {
				return err
			}
		}
		return nil
	})
	for _, text := range append(odd, "fault", "fault a\u19b0", "a\u19b0b kith", "b\u19b0a", "zz a\u19b0b") {
		for _, f := range []queue.MessageFilter{
			{}, {Party: all[1].Party}, {Kind: all[2].Kind}, {Party: all[1].Party, Kind: all[5].Kind}, {Patient: "p"}, {ID: all[0].ID},
			{Status: []samvirke.MessageStatus{"attention", "closed"}}, {Status: []samvirke.MessageStatus{"processed"}}, {Before: 9}, {Since: all[3].ReceivedAt, Until: all[12].ReceivedAt},
		} {
			f.Text = text
			got, err := r.Messages(t.Context(), f)
			if err != nil {
				t.Errorf("%+q, %+v: %v", text, f, err)
				continue
			}
			if numbers, want := numbersOf(got), numbersOf(scanned(all, f)); !sameNumbers(numbers, want, strings.ContainsFunc(text, splits)) {
				t.Errorf("%+q, %+v: %v, want %v", text, f, numbers, want)
			}
		}
	}
}

// sameNumbers wants the same messages, or, where FTS5 folds letters that the standard keeps apart, at least all of them.
func sameNumbers(got, want []int64, exactly bool) bool {
	have := map[int64]bool{}
	for _, n := range got {
		have[n] = true
	}
	for _, n := range want {
		if !have[n] {
			return false
		}
	}
	return len(got) == len(want) || !exactly
}
