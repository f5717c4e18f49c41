package sqlite

import (
	"database/sql/driver"
	"fmt"
	"testing"
)

func TestPageCacheFor(t *testing.T) {
	const given = 320_000_000
	for c, want := range map[[2]int64]int64{
		{0, 0}: 8_000, {300_000, 0}: 8_000, {960_000, 0}: 20_000, {9_000_000, 0}: 40_000, {9_000_000, 80_000_000}: 40_000,
		{0, given}: 8_000, {960_000, given}: 120_000, {9_000_000, given}: 160_000, {9_000_000, 2 * given}: 320_000,
	} {
		if got := pageCacheFor(c[0], c[1]); got != want {
			t.Errorf("%d KB for a database of %d KB and %d bytes of memory, want %d", got, c[0], c[1], want)
		}
	}
}

// TestPageCacheGrows: with the database, and never back.
func TestPageCacheGrows(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	cached := func() (n int64) {
		t.Helper()
		if err := s.looseJob(t.Context(), func(w *writer) error {
			w.fitted, w.pageCache = 0, w.pageCache/100 // as if it had been of a database that much smaller
			if err := w.query(fmt.Sprintf(`PRAGMA cache_size = -%d`, w.pageCache), nil); err != nil {
				return err
			}
			if err := w.fitPageCache(); err != nil {
				return err
			}
			return w.query(`SELECT cache_size FROM pragma_cache_size`, func(row []driver.Value) error {
				n = row[0].(int64)
				return nil
			})
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := cached(); got != -pageCacheLeast {
		t.Errorf("cache size %d, want %d", got, -pageCacheLeast)
	}
	if err := s.looseJob(t.Context(), func(w *writer) error {
		for range 2 * pageCacheLook {
			if err := w.fitPageCache(); err != nil {
				return err
			}
		}
		if w.pageCache != pageCacheLeast {
			t.Errorf("%d KB, want %d", w.pageCache, pageCacheLeast)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
