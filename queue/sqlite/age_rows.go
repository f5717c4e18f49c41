package sqlite

// pressedRows are rows of a table, those after a number up to another, whose content gets smaller.
type pressedRows struct {
	table, column string
	after, upTo   int64
	rows          []pressedRow
}

type pressedRow struct {
	seq          int64
	was, pressed []byte
}

// write puts the rows in again as a whole. SQLite does not gather rows that get smaller where they stand: each would keep a page
// for itself. Deleted, their pages are free, and put in again they stand close together.
func (p *pressedRows) write(w *writer) error {
	aside := "aside_" + p.table
	for _, text := range []string{`CREATE TEMP TABLE IF NOT EXISTS ` + aside + ` AS SELECT * FROM ` + p.table + ` WHERE 0`, `DELETE FROM ` + aside} {
		if err := w.query(text, nil); err != nil {
			return err
		}
	}
	if err := w.query(`INSERT INTO `+aside+` SELECT * FROM `+p.table+` WHERE seq > ? AND seq <= ?`, nil, p.after, p.upTo); err != nil {
		return err
	}
	set, err := w.db.prepare(`UPDATE ` + aside + ` SET ` + p.column + ` = ?, pressed = 1 WHERE seq = ? AND ` + p.column + ` = ? AND pressed = 0`)
	if err != nil {
		return err
	}
	defer set.close() //nolint:errcheck // it has run
	for _, r := range p.rows {
		if _, err := set.run(r.pressed, r.seq, r.was); err != nil {
			return err
		}
	}
	if err := w.query(`DELETE FROM `+p.table+` WHERE seq > ? AND seq <= ?`, nil, p.after, p.upTo); err != nil {
		return err
	}
	if err := w.query(`INSERT INTO `+p.table+` SELECT * FROM `+aside+` ORDER BY seq`, nil); err != nil {
		return err
	}
	return w.query(`DELETE FROM `+aside, nil)
}
