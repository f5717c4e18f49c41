package sqlite

import "database/sql/driver"

// batchRows is how many rows one multi-row insert carries.
const batchRows = 16

// batch gathers rows of one table over several groups, because the fixed cost of a statement
// is larger than that of a row.
type batch struct {
	cols      int
	one, many *stmt
	vals      []driver.Value
}

func (c *conn) prepareBatch(sql, end string, cols int) (*batch, error) {
	one, err := c.prepare(sql + placeholders(1, cols) + end)
	if err != nil {
		return nil, err
	}
	many, err := c.prepare(sql + placeholders(batchRows, cols) + end)
	if err != nil {
		return nil, err
	}
	return &batch{cols: cols, one: one, many: many}, nil
}

// add gathers one row.
func (b *batch) add(vals ...driver.Value) { b.vals = append(b.vals, vals...) }

// write writes what was gathered and keeps it, so that it can be tried again.
func (b *batch) write() error {
	for vals := b.vals; len(vals) > 0; {
		s, n := b.one, b.cols
		if len(vals) >= batchRows*b.cols {
			s, n = b.many, batchRows*b.cols
		}
		if _, err := s.run(vals[:n]...); err != nil {
			return err
		}
		vals = vals[n:]
	}
	return nil
}

// drop forgets what was gathered.
func (b *batch) drop() {
	if cap(b.vals) > maxHeldValues {
		b.vals = nil
		return
	}
	clear(b.vals[:cap(b.vals)]) // let go of the bodies
	b.vals = b.vals[:0]
}

// maxHeldValues bounds the room that a batch keeps.
const maxHeldValues = 100_000

func (b *batch) close() {
	_ = b.one.close()
	_ = b.many.close()
}
