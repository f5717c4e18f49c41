package sqlite

import (
	"database/sql/driver"
	"maps"
	"slices"
	"strings"

	"github.com/samvirke/samvirke/queue"
)

// troubles are the texts of faults that waiting changes write, by message and by delivery. They become words of the index when
// the changes go into the tables, in the same transaction: what is accepted, processed and delivered without a fault costs
// nothing.
type troubles struct {
	messages, deliveries map[int64][]string
	// renamed are messages whose kind or format became known: those with trouble are found by it from now on.
	renamed map[int64]bool
}

func (t *troubles) reset() {
	t.messages, t.deliveries, t.renamed = emptied(t.messages), emptied(t.deliveries), emptied(t.renamed)
}

// put takes up the faults of one change.
func (t *troubles) put(c change, vals []driver.Value) {
	note := func(of map[int64][]string, seq driver.Value, fault, text driver.Value) {
		if fault != "" || text != "" {
			n := seq.(int64)
			of[n] = append(of[n], fault.(string), text.(string))
		}
	}
	switch c {
	case addMessage:
		note(t.messages, vals[0], vals[11], vals[12])
	case setMessage, setMessageAll:
		note(t.messages, vals[len(vals)-1], vals[1], vals[2])
		if c == setMessageAll {
			t.renamed[vals[len(vals)-1].(int64)] = true
		}
	case addDelivery:
		note(t.deliveries, vals[0], vals[21], vals[22])
	case setDelivery:
		note(t.deliveries, vals[9], vals[7], vals[8])
	}
}

// write brings the index up to date with the rows that were just written. It may have to do so again.
func (t *troubles) write(st *statements) error {
	all := maps.Clone(t.messages)
	for _, seq := range slices.Sorted(maps.Keys(t.deliveries)) {
		row, err := st.troubleDelivery.row(seq)
		if err != nil {
			return err
		}
		if row == nil {
			continue // of no message: it is found by its state
		}
		of := row[0].(int64)
		all[of] = slices.Concat(all[of], t.deliveries[seq], []string{row[1].(string), row[2].(string)})
	}
	for seq := range t.renamed {
		if _, noted := all[seq]; !noted {
			all[seq] = nil
		}
	}
	for _, seq := range slices.Sorted(maps.Keys(all)) {
		if err := noteTrouble(st, seq, all[seq]); err != nil {
			return err
		}
	}
	return nil
}

// noteTrouble adds words to those of a message. Without any, those of a message that has trouble are made anew.
func noteTrouble(st *statements, seq int64, texts []string) error {
	row, err := st.troubleMessage.row(seq)
	if err != nil || row == nil {
		return err
	}
	was, known := row[3].(string)
	if !known && len(texts) == 0 {
		return nil
	}
	// Its columns first: a long text must not push them out. Then what is new.
	all := append([]string{row[0].(string), row[1].(string), row[2].(string)}, texts...)
	words := strings.Join(queue.Words(append(all, was)...), " ")
	if known && words == was {
		return nil
	}
	if known {
		if _, err := st.troubleForget.run(seq, was); err != nil {
			return err
		}
	}
	if _, err := st.troubleSet.run(seq, words); err != nil {
		return err
	}
	_, err = st.troubleIndex.run(seq, words)
	return err
}

// forgetTrouble takes the words of an erased message away.
func (w *writer) forgetTrouble(seq int64) error {
	return w.query(`SELECT words FROM trouble WHERE seq = ?`, func(row []driver.Value) error {
		if _, err := w.st.troubleForget.run(seq, row[0]); err != nil {
			return err
		}
		return w.query(`DELETE FROM trouble WHERE seq = ?`, nil, seq)
	}, seq)
}

// hours notes which numbers the messages of an hour have.
type hours map[int64][2]int64

const hourNanos = 3_600_000_000_000

func (h hours) put(received, seq int64) {
	of := received / hourNanos
	have, known := h[of]
	if !known {
		have = [2]int64{seq, seq}
	}
	h[of] = [2]int64{min(have[0], seq), max(have[1], seq)}
}

func (h hours) write(st *statements) error {
	for _, of := range slices.Sorted(maps.Keys(h)) {
		if _, err := st.hourSet.run(of, h[of][0], h[of][1]); err != nil {
			return err
		}
	}
	return nil
}
