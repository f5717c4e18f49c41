package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// tidy looks at the segments that were left and whose changes the tables hold for good: the changes are taken out of them, and
// a segment in which no row names a body any more is removed. held is the first spot that the tables may not hold after a
// power cut.
func (s *Store) tidy(ctx context.Context, held spot) error {
	leave, err := s.segmentsAlone(ctx)
	if err != nil {
		return err
	}
	defer leave()
	left, err := s.leftSegments(held)
	if err != nil {
		return err
	}
	dead, err := s.deadBodies(ctx)
	if err != nil {
		return err
	}
	// What is to be overwritten yet must not go back to the file system as it is. Who overwrites it asks for another look.
	doomed, err := single[int64](ctx, s.db, `SELECT EXISTS (SELECT 1 FROM doomed WHERE mild = 0)`)
	if err != nil {
		return err
	}
	var gone []uint32
	for _, seg := range left {
		if err := ctx.Err(); err != nil {
			return err
		}
		bodies, known := s.bodyCounts[seg]
		if !known {
			bodies, err = s.wipeFrames(seg, held)
			switch {
			case errors.Is(err, queue.ErrDamaged):
				s.opts.Logger.Error("a segment of the journal is damaged and is kept, with all bodies in it that can be read", "segment", seg, "err", err)
				bodies = math.MaxInt64
			case err != nil:
				return fmt.Errorf("segment %d: %w", seg, err)
			default:
				s.wiped[seg] = true
			}
			s.bodyCounts[seg] = bodies
		}
		if dead[seg] >= bodies {
			gone = append(gone, seg)
		}
	}
	if doomed != 0 {
		return nil
	}
	if err := s.removeSegments(ctx, gone); err != nil {
		return err
	}
	return s.removeAged(ctx)
}

// deadBodies counts, by segment, the bodies that no row names any more.
func (s *Store) deadBodies(ctx context.Context) (map[uint32]int64, error) {
	dead := map[uint32]int64{}
	_, err := list(ctx, s.db, func(rows *sql.Rows) (none struct{}, err error) {
		var seg uint32
		var n int64
		err = rows.Scan(&seg, &n)
		dead[seg] = n
		return none, err
	}, `SELECT id, dead FROM segment`)
	return dead, err
}

// tidying looks at the segments when one was left or bodies were dropped.
func (s *Store) tidying() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	look := time.NewTicker(spareFor / 2)
	defer look.Stop()
	for {
		select {
		case <-s.tidyNow:
		case <-look.C:
			if !s.sparedAny.Load() {
				continue
			}
			if err := s.wipePlaces(ctx, true); err != nil && ctx.Err() == nil && !s.broken() {
				s.opts.Logger.Error("the room of dropped bodies could not be given back, it is tried again", "err", err)
			}
			continue
		case <-ctx.Done():
			return
		}
		if err := s.shred(ctx, s.bodies.takeLeft()); err != nil && ctx.Err() == nil && !s.broken() {
			s.opts.Logger.Error("large bodies that are to go could not be removed, it is tried again", "err", err)
		}
		held := s.held.Load()
		if held == nil {
			continue
		}
		if err := s.tidy(ctx, *held); err != nil && ctx.Err() == nil && !s.broken() {
			s.opts.Logger.Error("segments of the journal could not be tidied", "err", err)
		}
	}
}

// askTidy asks for a look at the segments.
func (s *Store) askTidy() {
	select {
	case s.tidyNow <- struct{}{}:
	default:
	}
}

// leftSegments are those before the one that held is in.
func (s *Store) leftSegments(held spot) (left []uint32, err error) {
	list, err := os.ReadDir(s.journalDir())
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if seg, ok := segmentOf(e.Name()); ok && strings.HasSuffix(e.Name(), ".seg") && seg < held.seg {
			left = append(left, seg)
		}
	}
	return left, nil
}

// removeSegments removes segments in which no row names a body any more.
func (s *Store) removeSegments(ctx context.Context, gone []uint32) (err error) {
	if len(gone) == 0 {
		return nil
	}
	if err := s.syncTables(ctx); err != nil {
		return err
	}
	for i, seg := range gone {
		if err = os.Remove(segmentPath(s.journalDir(), seg)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			gone, err = gone[:i], fmt.Errorf("remove segment %d: %w", seg, err)
			break
		}
		err = nil
		queue.Reach(queue.PointSegmentGone)
		s.reader.places.drop(seg)
		delete(s.bodyCounts, seg)
		delete(s.wiped, seg)
	}
	return errors.Join(err, s.job(ctx, func(w *writer) error {
		return w.query(`DELETE FROM segment WHERE id IN (SELECT value FROM json_each(?))`, nil, string(mustJSON(gone)))
	}))
}

// wipeFrames takes the changes out of the frames of a segment and counts the bodies in it. It returns queue.ErrDamaged when a frame
// cannot be read: what is behind it is not known then.
func (s *Store) wipeFrames(seg uint32, upTo spot) (bodies int64, err error) {
	path := segmentPath(s.journalDir(), seg)
	f, err := s.opts.files.Open(path, false)
	if err != nil {
		return 0, err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	end := upTo.at
	if seg < upTo.seg {
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		end = info.Size()
	}
	for at := int64(0); at < end; {
		h, ok, err := readHead(f, at)
		if err != nil {
			return 0, err
		}
		if !ok || at+h.size() > end {
			return 0, fmt.Errorf("no whole frame at byte %d of %d: %w", at, end, queue.ErrDamaged)
		}
		n, err := countBodies(f, at+frameHead, int64(h.bodies))
		if err != nil {
			return 0, err
		}
		bodies += n
		if h.flags&frameWiped == 0 && h.changes > 0 {
			if err := wipeChanges(f, at, h); err != nil {
				return 0, err
			}
		}
		at += h.size()
	}
	return bodies, f.Sync()
}

// wipeChanges overwrites the changes of a frame, or gives their room back where the file system can, and notes it in the head.
func wipeChanges(f journalFile, at int64, h head) error {
	queue.Reach(queue.PointTidy)
	from := at + frameHead + int64(h.bodies)
	if p, can := f.(interface{ Punch(at, n int64) error }); !can || p.Punch(from, int64(h.changes)) != nil {
		if _, err := f.WriteAt(make([]byte, h.changes), from); err != nil {
			return err
		}
	}
	h.flags |= frameWiped
	var b [frameHead]byte
	putHead(b[:], h)
	_, err := f.WriteAt(b[28:32], at+28)
	queue.Reach(queue.PointTidied)
	return err
}

// countBodies counts the bodies between two places; they fill the room exactly.
func countBodies(f journalFile, at, size int64) (n int64, err error) {
	var b [bodyHead]byte
	end := at + size
	for ; at < end; n++ {
		if _, err := f.ReadAt(b[:], at); err != nil {
			return 0, err
		}
		at += bodyHead + int64(binary.LittleEndian.Uint32(b[:]))
	}
	if at != end {
		return 0, fmt.Errorf("bodies end at byte %d, not %d: %w", at, end, queue.ErrDamaged)
	}
	return n, nil
}
