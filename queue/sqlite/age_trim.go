package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
)

// trimAged takes away what a step wrote whose transaction never came: copies of bodies that nobody names, and that an erasure would
// not find. The caller has the segments alone.
func (s *Store) trimAged(ctx context.Context) (aging, error) {
	a, err := s.agingAt(ctx)
	if err != nil || s.trimmed {
		return a, err
	}
	list, err := os.ReadDir(s.journalDir())
	if err != nil {
		return a, err
	}
	for _, e := range list {
		seg, ok := segmentOf(e.Name())
		if !ok || !strings.HasSuffix(e.Name(), agedSuffix) || seg < a.segment {
			continue
		}
		if err := s.trimOne(seg, a); err != nil {
			return a, err
		}
	}
	s.trimmed = true
	return a, nil
}

func (s *Store) trimOne(seg uint32, a aging) (err error) {
	path := segmentPath(s.journalDir(), seg)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	keep := int64(0)
	if seg == a.segment {
		keep = a.at
	}
	if info.Size() > keep {
		f, err := s.opts.files.Open(path, false)
		if err != nil {
			return err
		}
		if _, err = f.WriteAt(make([]byte, info.Size()-keep), keep); err == nil {
			err = f.Sync()
		}
		if err == nil {
			err = f.Truncate(keep)
		}
		if err == nil {
			err = f.Sync()
		}
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			return fmt.Errorf("trim the aged segment: %w", err)
		}
	}
	if keep == 0 && seg != a.segment {
		return os.Remove(path)
	}
	return nil
}

// agedSuffix ends the names of aged segments: those that look for frames leave them alone.
const agedSuffix = ".aged"

// removeAged removes aged segments in which no row names a body any more. The caller has the segments alone.
func (s *Store) removeAged(ctx context.Context) error {
	a, err := s.agingAt(ctx)
	if err != nil {
		return err
	}
	dead, err := list(ctx, s.db, func(rows *sql.Rows) (seg uint32, err error) {
		err = rows.Scan(&seg)
		return seg, err
	}, `SELECT id FROM segment WHERE id >= ? AND id < ? AND dead >= bodies AND NOT EXISTS (SELECT 1 FROM doomed WHERE mild = 0)`, agedFirst, a.segment)
	if err != nil {
		return err
	}
	return s.removeSegments(ctx, dead)
}
