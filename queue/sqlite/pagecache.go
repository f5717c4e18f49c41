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
	// pageCachePart is the part of the database that it may hold beyond the least, and pageCachePlenty that where memory is to spare.
	pageCachePart   = 48
	pageCachePlenty = 8
	// pageCacheShare is the part of the memory given to the process that it may take beside that.
	pageCacheShare = 2
	// pageCacheLook is how many generations of changes apart the size of the database is looked at.
	pageCacheLook = 64
)

// pageCacheFor gives the size for a database, in KB of both, where the process was given so many bytes of memory (Options.Memory).
func pageCacheFor(size, memory int64) int64 {
	if most := memory / 1000 / pageCacheShare; most > pageCacheMost {
		return min(max(size/pageCachePlenty, pageCacheLeast), most)
	}
	return min(max(size/pageCachePart, pageCacheLeast), pageCacheMost)
}

// fitPageCache makes the page cache larger when the database has grown; it is for whoever has the connection, outside a transaction.
func (w *writer) fitPageCache() error {
	if w.fitted++; w.fitted%pageCacheLook != 1 {
		return nil
	}
	var want int64
	if err := w.query(`SELECT page_count * page_size / 1000 FROM pragma_page_count, pragma_page_size`, func(row []driver.Value) error {
		want = pageCacheFor(row[0].(int64), w.s.opts.Memory)
		return nil
	}); err != nil || want < w.pageCache+w.pageCache/8 {
		return err
	}
	w.pageCache = want
	return w.query(fmt.Sprintf(`PRAGMA cache_size = -%d`, want), nil)
}
