package sqlite

import (
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/samvirke/samvirke/queue"
)

// change names one kind of change of a row. Changes stand in the journal by number: a number never gets another
// meaning or other columns.
type change byte

const (
	addMessage      change = 1 // the columns of messageColumns
	addMessageFile  change = 2
	setMessage      change = 3 // status, fault, fault_text, seq
	setMessageAll   change = 4 // status, fault, fault_text, format, kind, version, external_id, patient, generated_at, seq
	addResult       change = 5
	addRecord       change = 6
	addPlan         change = 7 // of earlier versions, with its body
	setDue          change = 8
	dropDue         change = 9
	fireDue         change = 10
	addDelivery     change = 11
	addDeliveryFile change = 12
	setDelivery     change = 13 // state, hold, attempts, due_at, sent_at, done_at, expect_by, fault, fault_text, seq
	addAttempt      change = 14
	addReceipt      change = 15
	setCounter      change = 16
	setSetting      change = 17
	addEvents       change = 18
	addAudit        change = 19
	addTally        change = 20
	addPlanAt       change = 21 // seq, patient, version, at, message_id, file, place
	changeCount     change = 22
)

// columns is how many values a change has.
func (c change) columns() int {
	return [changeCount]int{0, 18, 2, 4, 10, 3, 8, 7, 5, 2, 3, 27, 2, 10, 8, 7, 2, 2, 5, 11, 4, 7}[c]
}

// Marks before the values of a change.
const (
	markNull = iota
	markInt
	markText
	markBlob
)

// encode appends a change to a frame.
func (c change) encode(b []byte, vals []driver.Value) []byte {
	b = append(b, byte(c))
	for _, v := range vals {
		switch x := v.(type) {
		case int64:
			b = binary.AppendVarint(append(b, markInt), x)
		case string:
			b = append(binary.AppendUvarint(append(b, markText), uint64(len(x))), x...)
		case []byte:
			if x == nil {
				b = append(b, markNull)
				continue
			}
			b = append(binary.AppendUvarint(append(b, markBlob), uint64(len(x))), x...)
		default:
			b = append(b, markNull)
		}
	}
	return b
}

var errChanges = errors.New("changes in the journal cannot be read")

// decode gives the changes of a frame one by one.
func decode(b []byte, f func(c change, vals []driver.Value) error) error {
	for len(b) > 0 {
		c := change(b[0])
		if c == 0 || c >= changeCount {
			return fmt.Errorf("%w: change %d: %w", errChanges, c, queue.ErrNewer)
		}
		b = b[1:]
		vals := make([]driver.Value, c.columns())
		for i := range vals {
			var err error
			if vals[i], b, err = decodeValue(b); err != nil {
				return err
			}
		}
		if err := f(c, vals); err != nil {
			return err
		}
	}
	return nil
}

func decodeValue(b []byte) (v driver.Value, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, fmt.Errorf("%w: cut short", errChanges)
	}
	mark := b[0]
	b = b[1:]
	switch mark {
	case markNull:
		return nil, b, nil
	case markInt:
		x, n := binary.Varint(b)
		if n <= 0 {
			return nil, nil, fmt.Errorf("%w: number", errChanges)
		}
		return x, b[n:], nil
	case markText, markBlob:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, nil, fmt.Errorf("%w: length", errChanges)
		}
		x := b[n : n+int(size)]
		if mark == markText {
			return string(x), b[n+int(size):], nil
		}
		return x, b[n+int(size):], nil
	}
	return nil, nil, fmt.Errorf("%w: mark %d", errChanges, mark)
}
