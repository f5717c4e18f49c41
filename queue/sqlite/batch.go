package sqlite

import "database/sql/driver"

// batchRows is how many rows one multi-row insert carries.
const batchRows = 16

// batch writes rows of one table many at a time, because the fixed cost of a statement is larger than that of a row.
type batch struct {
	cols      int
	one, many *stmt
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

// write writes rows that stand one after the other.
func (b *batch) write(vals []driver.Value) error {
	for len(vals) > 0 {
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

func (b *batch) close() {
	_ = b.one.close()
	_ = b.many.close()
}

// gathered are rows of one table over several groups, one after the other.
type gathered []driver.Value

// maxHeldValues bounds the room that gathered rows keep.
const maxHeldValues = 100_000

// emptied lets go of the rows and keeps the room.
func (g gathered) emptied() gathered {
	if cap(g) > maxHeldValues {
		return nil
	}
	clear(g[:cap(g)]) // let go of the bodies
	return g[:0]
}
