package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// wipePlaces overwrites bodies in the journal that no row names any more: those noted in the table doomed.
func (s *Store) wipePlaces(ctx context.Context) error {
	s.wiping.Lock()
	defer s.wiping.Unlock()
	for {
		var last int64
		bySegment := map[uint32][]place{}
		_, err := list(ctx, s.db, func(rows *sql.Rows) (none struct{}, err error) {
			var b []byte
			err = rows.Scan(&last, &b)
			if p, ok := placeOf(b); ok {
				bySegment[p.seg] = append(bySegment[p.seg], p)
			}
			return none, err
		}, `SELECT seq, place FROM doomed ORDER BY seq LIMIT 1000`)
		if err != nil || last == 0 {
			return err
		}
		for seg, list := range bySegment {
			if err := s.wipeIn(seg, list); err != nil {
				return fmt.Errorf("segment %d: %w", seg, err)
			}
		}
		if err := s.job(ctx, func(w *writer) error { return w.query(`DELETE FROM doomed WHERE seq <= ?`, nil, last) }); err != nil {
			return err
		}
	}
}

func (s *Store) wipeIn(seg uint32, list []place) (err error) {
	f, err := s.opts.files.Open(segmentPath(s.journalDir(), seg), false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // all that was in it is gone
	}
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	for _, p := range list {
		// The checksum before the bytes goes too: it would show that somebody has the same.
		if _, err := f.WriteAt(make([]byte, int(p.n)+4), int64(p.at)-4); err != nil {
			return err
		}
	}
	return f.Sync()
}

// wipeChanges overwrites the changes in every frame that the tables are known to hold for good; upTo is the first that may
// not be. The bodies stay.
func (s *Store) wipeChanges(ctx context.Context, upTo spot) error {
	s.wiping.Lock()
	defer s.wiping.Unlock()
	list, err := os.ReadDir(s.journalDir())
	if err != nil {
		return err
	}
	for _, e := range list {
		seg, ok := segmentOf(e.Name())
		if !ok || !strings.HasSuffix(e.Name(), ".seg") || seg > upTo.seg || s.wiped[seg] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.wipeFrames(seg, upTo); err != nil {
			return fmt.Errorf("segment %d: %w", seg, err)
		}
		if seg < upTo.seg {
			s.wiped[seg] = true
		}
	}
	return nil
}

func (s *Store) wipeFrames(seg uint32, upTo spot) (err error) {
	f, err := s.opts.files.Open(segmentPath(s.journalDir(), seg), false)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	for at := int64(0); seg < upTo.seg || at < upTo.at; {
		h, ok, err := readHead(f, at)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if h.flags&frameWiped == 0 && h.changes > 0 {
			if _, err := f.WriteAt(make([]byte, h.changes), at+frameHead+int64(h.bodies)); err != nil {
				return err
			}
			h.flags |= frameWiped
			var b [frameHead]byte
			putHead(b[:], h)
			if _, err := f.WriteAt(b[28:32], at+28); err != nil {
				return err
			}
		}
		at += h.size()
	}
	return f.Sync()
}
