package sqlite

import (
	"database/sql/driver"
	"fmt"
)

// The page cache of the connection that writes the tables, in KB. Where rows go into indexes by ids and patients nearly each of them reads a page
// of its own: of a small store the cache holds enough of them, with a large one it grows.
const (
	pageCacheLeast = 8_000
	pageCacheMost  = 40_000
	// pageCachePart is the part of the database that it may hold beyond the least.
	pageCachePart = 48
	// pageCacheLook is how many generations of changes apart the size of the database is looked at.
	pageCacheLook = 64
)

// pageCacheFor gives the size for a database, in KB of both.
func pageCacheFor(size int64) int64 {
	return min(max(size/pageCachePart, pageCacheLeast), pageCacheMost)
}

// fitPageCache makes the page cache larger when the database has grown; it is for whoever has the connection, outside a transaction.
func (w *writer) fitPageCache() error {
	if w.fitted++; w.fitted%pageCacheLook != 1 {
		return nil
	}
	var want int64
	if err := w.query(`SELECT page_count * page_size / 1000 FROM pragma_page_count, pragma_page_size`, func(row []driver.Value) error {
		want = pageCacheFor(row[0].(int64))
		return nil
	}); err != nil || want < w.pageCache+w.pageCache/8 {
		return err
	}
	w.pageCache = want
	return w.query(fmt.Sprintf(`PRAGMA cache_size = -%d`, want), nil)
}
