package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/samvirke/samvirke/queue"
)

// segmentsAlone takes the right to change segments that were left. Their size is counted anew at the end: how much room is
// given back only the file system knows.
func (s *Store) segmentsAlone(ctx context.Context) (leave func(), err error) {
	s.wiping.Lock()
	unlock, err := s.noBackup(ctx)
	if err != nil {
		s.wiping.Unlock()
		return nil, err
	}
	return func() {
		unlock()
		s.journal.measure()
		s.wiping.Unlock()
	}, nil
}

// wipePlaces overwrites bodies in the journal that no row names any more: those noted in the table doomed.
func (s *Store) wipePlaces(ctx context.Context) error {
	leave, err := s.segmentsAlone(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, err := s.trimAged(ctx); err != nil {
		return err
	}
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
			s.askTidy()
			return err
		}
		for seg, list := range bySegment {
			if err := s.wipeIn(seg, list); err != nil {
				return fmt.Errorf("segment %d: %w", seg, err)
			}
		}
		queue.Reach(queue.PointDropWiped)
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
	if err := f.Sync(); err != nil {
		return err
	}
	return giveBack(f, list)
}

// giveBack gives the room of overwritten bodies back to the file system where it can: one body that is still needed would hold a
// whole segment otherwise. Their heads stay, and bodies smaller than a block. It comes after the sync, or else the old bytes would
// be let go instead of overwritten.
func giveBack(f journalFile, list []place) error {
	file, can := f.(interface{ Punch(at, n int64) error })
	if !can {
		return nil
	}
	punched := false
	for _, p := range list {
		if p.n < diskBlock {
			continue
		}
		if file.Punch(int64(p.at), int64(p.n)) != nil {
			return nil // this file system cannot
		}
		punched = true
	}
	if !punched {
		return nil
	}
	return f.Sync()
}

// diskBlock is the usual size of what a file system gives out.
const diskBlock = 4096

// wipeChanges overwrites the changes in every frame that the tables are known to hold for good; upTo is the first that may
// not be. The bodies stay.
func (s *Store) wipeChanges(ctx context.Context, upTo spot) error {
	leave, err := s.segmentsAlone(ctx)
	if err != nil {
		return err
	}
	defer leave()
	list, err := os.ReadDir(s.journalDir())
	if err != nil {
		return err
	}
	var damaged error // of the others all that can be is done
	for _, e := range list {
		seg, ok := segmentOf(e.Name())
		if !ok || !strings.HasSuffix(e.Name(), ".seg") || seg > upTo.seg || s.wiped[seg] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := s.wipeFrames(seg, upTo)
		if errors.Is(err, queue.ErrDamaged) {
			damaged = errors.Join(damaged, fmt.Errorf("segment %d: %w", seg, err))
			continue
		}
		if err != nil {
			return fmt.Errorf("segment %d: %w", seg, err)
		}
		if seg < upTo.seg {
			s.wiped[seg], s.bodyCounts[seg] = true, n
		}
	}
	return damaged
}
