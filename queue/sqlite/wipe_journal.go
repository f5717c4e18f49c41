package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// segmentsAlone takes the right to change segments that were left, and to remove body files: no backup is under way then. Their size is counted anew at the end: how much room is
// given back only the file system knows.
func (s *Store) segmentsAlone(ctx context.Context) (leave func(), err error) {
	select {
	case s.wiping <- struct{}{}:
	case <-ctx.Done(): // who has it may wait for the end of a backup
		return nil, ctx.Err()
	}
	unlock, err := s.noBackup(ctx)
	if err != nil {
		<-s.wiping
		return nil, err
	}
	return func() {
		unlock()
		s.journal.measure()
		<-s.wiping
	}, nil
}

// wipePlaces overwrites bodies in the journal that no row names any more: those noted in the table doomed. Of those whose time is over, and
// which nobody was asked to erase, the room is given back as it is where the file system can: the file reads as zeros there. With spare those
// of them in a segment that is nearly dead are left for later.
func (s *Store) wipePlaces(ctx context.Context, spare bool) error {
	leave, err := s.segmentsAlone(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, err := s.trimAged(ctx); err != nil {
		return err
	}
	waits, err := s.removeDead(ctx, spare)
	if err != nil {
		return err
	}
	for after, spared := s.spared.upTo, s.spared.upTo; ; {
		last := after
		bySegment := map[uint32][]doomedPlace{}
		done, err := list(ctx, s.db, func(rows *sql.Rows) (seq int64, err error) {
			var b []byte
			var mild bool
			if err = rows.Scan(&last, &b, &mild); err != nil {
				return 0, err
			}
			p, ok := placeOf(b)
			if ok && mild && waits[p.seg] {
				spared = last
				return 0, nil
			}
			if ok {
				bySegment[p.seg] = append(bySegment[p.seg], doomedPlace{p, mild})
			}
			return last, nil
		}, `SELECT seq, place, mild FROM doomed WHERE seq > ? ORDER BY seq LIMIT ?`, after, wipeAtOnce)
		if err != nil {
			s.askTidy()
			return err
		}
		if last == after {
			s.spared.upTo = spared // a number that is free above it may be given again
			s.sparedAny.Store(spared > 0)
			s.askTidy()
			return nil
		}
		done = slices.DeleteFunc(done, func(seq int64) bool { return seq == 0 })
		if len(done) > 0 {
			if err := s.syncTables(ctx); err != nil {
				return err
			}
		}
		for seg, list := range bySegment {
			if err := s.wipeIn(seg, list); err != nil {
				return fmt.Errorf("segment %d: %w", seg, err)
			}
		}
		queue.Reach(queue.PointDropWiped)
		if len(done) > 0 {
			if err := s.looseJob(ctx, func(w *writer) error {
				return w.query(`DELETE FROM doomed WHERE seq IN (SELECT value FROM json_each(?))`, nil, string(mustJSON(done)))
			}); err != nil {
				return err
			}
		}
		after = last
	}
}

// syncTables syncs what is in the tables: a body must not go for good while a power cut could bring the row back that names it.
func (s *Store) syncTables(ctx context.Context) error {
	return s.job(ctx, func(w *writer) error { return w.query(`UPDATE erasure SET syncs = syncs + 1`, nil) })
}

// spareFor is how long bodies that need no overwriting may keep their room in a segment that is nearly dead; tidying looks twice in that time.
const spareFor = 10 * time.Minute

// spared are bodies that keep their room yet, because most of their segment is dead and it will soon go as a whole. All up to a number in the
// table doomed that are still there are such; when one of their segments is to be waited for no longer, all are looked at. It belongs to
// whoever has segmentsAlone.
type spared struct {
	upTo int64
	// since says from when on a segment was nearly dead, waits which of them are waited for.
	since map[uint32]time.Time
	waits map[uint32]bool
}

// next takes the segments that are nearly dead now, and gives those to wait for. None goes with spare false.
func (x *spared) next(nearly []uint32, spare bool) map[uint32]bool {
	since, waits := map[uint32]time.Time{}, map[uint32]bool{}
	for _, seg := range nearly {
		first, known := x.since[seg]
		if !known {
			first = time.Now()
		}
		since[seg] = first
		if spare && time.Since(first) < spareFor {
			waits[seg] = true
		}
	}
	for seg := range x.waits {
		if !waits[seg] {
			x.upTo = 0
		}
	}
	x.since, x.waits = since, waits
	return waits
}

// removeDead removes segments of which nothing is needed any more and nothing is to be overwritten: to give back the room of each of
// their bodies would take many times as long. It gives those in which bodies are spared.
func (s *Store) removeDead(ctx context.Context, spare bool) (waits map[uint32]bool, err error) {
	// In this order: what is noted as dead later is noted as to be overwritten by then.
	dead, err := s.deadBodies(ctx)
	if err != nil {
		return nil, err
	}
	strict := map[uint32]bool{}
	_, err = list(ctx, s.db, func(rows *sql.Rows) (none struct{}, err error) {
		var b []byte
		err = rows.Scan(&b)
		if p, ok := placeOf(b); ok {
			strict[p.seg] = true
		}
		return none, err
	}, `SELECT place FROM doomed WHERE mild = 0 AND seq > ?`, s.spared.upTo)
	if err != nil {
		return nil, err
	}
	var gone, nearly []uint32
	for seg, bodies := range s.bodyCounts {
		switch {
		case strict[seg] || !s.wiped[seg] || dead[seg] < bodies/2:
		case dead[seg] >= bodies:
			gone = append(gone, seg)
		default:
			nearly = append(nearly, seg)
		}
	}
	return s.spared.next(nearly, spare), s.removeSegments(ctx, gone)
}

// wipeAtOnce is how many bodies are overwritten with one sync for each segment.
const wipeAtOnce = 10000

// doomedPlace is a body that goes; see wipePlaces for mild.
type doomedPlace struct {
	place
	mild bool
}

func (s *Store) wipeIn(seg uint32, list []doomedPlace) (err error) {
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
	punch := puncher(f)
	var written []doomedPlace
	for _, p := range list {
		// The checksum before the bytes goes too: it would show that somebody has the same.
		if p.mild && p.n >= diskBlock && punch(p.place) {
			if _, err := f.WriteAt(make([]byte, 4), int64(p.at)-4); err != nil {
				return err
			}
			continue
		}
		if _, err := f.WriteAt(make([]byte, int(p.n)+4), int64(p.at)-4); err != nil {
			return err
		}
		written = append(written, p)
	}
	if err := f.Sync(); err != nil {
		return err
	}
	// The room of overwritten bodies is given back to the file system where it can: one body that is still needed would hold a whole
	// segment otherwise. Their heads stay, and bodies smaller than a block. It comes after the sync, or else the old bytes would be let
	// go instead of overwritten.
	punched := false
	for _, p := range written {
		punched = p.n >= diskBlock && punch(p.place) || punched
	}
	if !punched {
		return nil
	}
	return f.Sync()
}

// puncher gives the room of a body back, and says whether that can be.
func puncher(f journalFile) func(p place) bool {
	file, can := f.(interface{ Punch(at, n int64) error })
	return func(p place) bool {
		can = can && file.Punch(int64(p.at), int64(p.n)) == nil
		return can
	}
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
