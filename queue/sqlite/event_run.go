package sqlite

import (
	"encoding/json"
	"strconv"

	"github.com/samvirke/samvirke"
)

// eventRun gathers events of one unit that follow each other and tell of one message and patient: they become one
// row, because a row and its index entries cost more than what stands in it.
type eventRun struct {
	message, stray any
	patient        string
	content        []byte // JSON array of [at, delivery, party, name, detail], without its end
}

// maxRun bounds what is read for one event, in bytes.
const maxRun = 8 << 10

// addEvent gives an event its number and gathers it; endRun writes the last ones.
func (t *tx) addEvent(e samvirke.Event, r refs) {
	stray, run := r.stray(), &t.story
	if len(run.content) > maxRun || (run.message != r.message || run.stray != stray || run.patient != e.Patient) {
		t.endRun()
	}
	t.w.seqs.event++
	e.Seq = t.w.seqs.event
	e.At = orTime(e.At, t.u.Now).UTC()
	run.message, run.stray, run.patient = r.message, stray, e.Patient
	run.add(&e, r.delivery)
	t.events = append(t.events, e)
	t.keys = append(t.keys, e.MessageID, e.DeliveryID)
}

// endRun gathers the row of the events since the last one.
func (t *tx) endRun() {
	run := &t.story
	if len(run.content) == 0 {
		return
	}
	t.change(addEvents, t.w.seqs.event, run.message, run.stray, run.patient, string(run.content)+"]")
	run.content = run.content[:0]
}

func (r *eventRun) add(e *samvirke.Event, delivery any) {
	b := r.content
	if len(b) == 0 {
		b = append(b, '[')
	} else {
		b = append(b, ',')
	}
	b = append(b, '[')
	b = strconv.AppendInt(b, nanos(e.At), 10)
	b = append(b, ',')
	if seq, some := delivery.(int64); some {
		b = strconv.AppendInt(b, seq, 10)
	} else {
		b = append(b, "null"...)
	}
	for _, text := range []string{e.Party, string(e.Name), e.Detail} {
		b = appendJSON(append(b, ','), text)
	}
	b = append(b, ']')
	r.content = b
}

// appendJSON writes a JSON string.
func appendJSON(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text) // a string never fails
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}
