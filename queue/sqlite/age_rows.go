package sqlite

// pressedRows are rows of a table, those after a number up to another, whose content gets smaller.
type pressedRows struct {
	table, column string
	after, upTo   int64
	rows          []pressedRow
}

// pressedRow is a row with what it held, or the place in the journal where that is from, and what it will hold. What does not get
// smaller, as what is encrypted, comes out of the journal as it is: pressed is 0 then.
type pressedRow struct {
	seq             int64
	was, from, body []byte
	pressed         int64
}

// write puts the rows in again as a whole. SQLite does not gather rows that get smaller where they stand: each would keep a page
// for itself. Deleted, their pages are free, and put in again they stand close together. doomed says that bodies came out of the
// journal, which are to be overwritten there.
func (p *pressedRows) write(w *writer) (doomed bool, err error) {
	aside := "aside_" + p.table
	for _, text := range []string{`CREATE TEMP TABLE IF NOT EXISTS ` + aside + ` AS SELECT * FROM ` + p.table + ` WHERE 0`, `DELETE FROM ` + aside} {
		if err := w.query(text, nil); err != nil {
			return false, err
		}
	}
	if err := w.query(`INSERT INTO `+aside+` SELECT * FROM `+p.table+` WHERE seq > ? AND seq <= ?`, nil, p.after, p.upTo); err != nil {
		return false, err
	}
	for _, r := range p.rows {
		gone, err := p.set(w, aside, r)
		if err != nil {
			return false, err
		}
		doomed = doomed || gone
	}
	if err := w.query(`DELETE FROM `+p.table+` WHERE seq > ? AND seq <= ?`, nil, p.after, p.upTo); err != nil {
		return false, err
	}
	if err := w.query(`INSERT INTO `+p.table+` SELECT * FROM `+aside+` ORDER BY seq`, nil); err != nil {
		return false, err
	}
	return doomed, w.query(`DELETE FROM `+aside, nil)
}

// set writes what one row will hold, unless another has changed it meanwhile.
func (p *pressedRows) set(w *writer, aside string, r pressedRow) (doomed bool, err error) {
	text, was := `UPDATE `+aside+` SET `+p.column+` = ?, pressed = ? WHERE seq = ? AND `+p.column+` = ? AND pressed = 0`, r.was
	if r.from != nil {
		text, was = `UPDATE `+aside+` SET `+p.column+` = ?, pressed = ?, place = NULL WHERE seq = ? AND place = ?`, r.from
	}
	st, err := w.db.prepare(text)
	if err != nil {
		return false, err
	}
	defer st.close() //nolint:errcheck // it has run
	n, err := st.run(r.body, r.pressed, r.seq, was)
	if err != nil || n == 0 || r.from == nil {
		return false, err
	}
	return true, w.doom(r.from)
}
