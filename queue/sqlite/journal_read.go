package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/samvirke/samvirke/queue"
)

// readJournal opens the segments in dir and reads every whole frame from a spot on: replay gets its changes, those of the last one
// when replayLast is called. What follows the last whole frame was never acknowledged and is cut off, unless there is a frame behind
// it; see mayCut.
func readJournal(dir string, limit int64, files journalFiles, from spot, replay func(changes []byte, end spot) error) (_ *journal, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make journal folder: %w", err)
	}
	j := &journal{dir: dir, limit: limit, files: files, seg: from.seg, at: from.at, frame: from.frame}
	defer func() {
		if err != nil {
			j.close()
		}
	}()
	last, size, err := j.survey()
	if err != nil {
		return nil, err
	}
	j.bytes.Store(size)
	if last < from.seg {
		if from.at > 0 {
			return nil, errJournalShort
		}
		return j, j.startAt(from.seg)
	}
	for j.seg = from.seg; ; j.seg, j.at = j.seg+1, 0 {
		if j.file, err = files.Open(segmentPath(dir, j.seg), false); err != nil {
			return nil, fmt.Errorf("open segment %d of the journal: %w: %w", j.seg, queue.ErrDamaged, err)
		}
		if err := j.reaches(j.at); err != nil {
			return nil, err
		}
		if err := j.read(replay); err != nil {
			return nil, err
		}
		if j.seg == last {
			if err := j.mayCut(); err != nil {
				return nil, err
			}
			return j, j.cut(true)
		}
		if err := j.cut(false); err != nil {
			return nil, err
		}
		_ = j.file.Close()
	}
}

var errJournalShort = fmt.Errorf("the journal is shorter than the tables say, as when only the database was copied: %w", queue.ErrDamaged)

// reaches says whether the open segment has frames up to there; zeros that were made ahead are none.
func (j *journal) reaches(n int64) error {
	if n == 0 {
		return nil
	}
	var one [1]byte
	if _, err := j.file.ReadAt(one[:], n-1); errors.Is(err, io.EOF) {
		return errJournalShort
	} else if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	if one[0] != 0 {
		return nil // written, so all before it was: the walk takes a read for each frame
	}
	walked, err := framesTo(j.file, 0)
	if err != nil || walked >= n {
		return err
	}
	if filled, err := filledTo(j.file, walked, n); err != nil || filled > walked {
		return err // damaged in the middle: what the tables hold of it is not needed here
	}
	return errJournalShort
}

// survey counts the size of the segments on disk and finds the last one.
func (j *journal) survey() (last uint32, size int64, err error) {
	list, err := os.ReadDir(j.dir)
	if err != nil {
		return 0, 0, err
	}
	for _, e := range list {
		if seg, ok := segmentOf(e.Name()); ok && strings.HasSuffix(e.Name(), ".seg") {
			last = max(last, seg)
		}
		if info, err := e.Info(); err == nil {
			size += onDisk(info)
		}
	}
	return last, size, nil
}

// measure counts the size of the segments anew, after some of them have changed. What is written meanwhile may count twice until
// it is done the next time.
func (j *journal) measure() {
	before := j.bytes.Load()
	if _, size, err := j.survey(); err == nil {
		j.bytes.Add(size - before)
	}
}

func segmentOf(name string) (seg uint32, ok bool) {
	_, err := fmt.Sscanf(name, "%08d.", &seg)
	return seg, err == nil && seg > 0
}

// startAt begins a segment.
func (j *journal) startAt(seg uint32) (err error) {
	j.seg, j.at = seg, 0
	if j.file, err = j.files.Open(segmentPath(j.dir, seg), true); err != nil {
		return fmt.Errorf("begin the journal: %w", err)
	}
	return j.files.SyncFolder(j.dir)
}

// read goes through the frames of one segment from where the journal stands.
func (j *journal) read(replay func(changes []byte, end spot) error) error {
	for {
		h, ok, err := readHead(j.file, j.at)
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		if !ok || h.frame != j.frame {
			return nil
		}
		raw := make([]byte, h.size())
		putHead(raw, h)
		rest := raw[frameHead:]
		if _, err := j.file.ReadAt(rest, j.at+frameHead); errors.Is(err, io.EOF) && len(rest) > 0 {
			return nil
		} else if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the journal: %w", err)
		}
		bodies, changes := rest[:h.bodies], rest[h.bodies:]
		if sum := crc32.Checksum(changes, castagnoli()); sum != h.sum && h.flags&frameWiped != 0 {
			return fmt.Errorf("frame %d of the journal was taken out because the tables held it, and they do not: %w", h.frame, queue.ErrDamaged)
		} else if sum != h.sum || !wholeBodies(bodies, h.list) {
			return nil
		}
		if err := j.replayLast(replay); err != nil { // the one before
			return err
		}
		at := j.end()
		j.at += h.size()
		j.frame++
		j.last = &lastFrame{at: at, end: j.end(), raw: raw, changes: changes}
	}
}

// wholeBodies holds the bodies of a frame against their checksums, and those against list, 0 in frames of earlier versions: zeros where
// bodies should stand would be empty bodies.
func wholeBodies(b []byte, list uint32) bool {
	sums := uint32(0)
	for len(b) > 0 {
		if len(b) < bodyHead {
			return false
		}
		n, sum := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
		if b = b[bodyHead:]; uint64(n) > uint64(len(b)) || crc32.Checksum(b[:n], castagnoli()) != sum {
			return false
		}
		sums = addSum(sums, sum)
		b = b[n:]
	}
	return list == 0 || sums == list
}

// cut takes away what follows the last whole frame. Only in the last segment there may be something: a segment is left when
// all its frames are synced.
func (j *journal) cut(last bool) error {
	var one [1]byte
	n, err := j.file.ReadAt(one[:], j.at)
	switch {
	case n == 0 && errors.Is(err, io.EOF):
		return nil
	case n == 0:
		return fmt.Errorf("read the journal: %w", err)
	case !last:
		return fmt.Errorf("frame %d of the journal (segment %d, byte %d): %w", j.frame, j.seg, j.at, queue.ErrDamaged)
	}
	if err := j.file.Truncate(j.at); err != nil {
		return fmt.Errorf("cut the journal: %w", err)
	}
	return j.file.Sync()
}

// rest reads the frames from a spot on once more, after the tables had to be given up.
func (j *journal) rest(from spot, replay func(changes []byte, end spot) error) error {
	again, err := readJournal(j.dir, j.limit, readOnlyFiles{j.files}, from, replay)
	if err != nil {
		return err
	}
	defer again.close()
	if err := again.replayLast(replay); err != nil {
		return err
	}
	j.ahead = 0 // it was cut off
	if again.end() != j.end() {
		return fmt.Errorf("the journal ends at frame %d, not %d: %w", again.frame, j.frame, queue.ErrDamaged)
	}
	return nil
}

// readOnlyFiles never makes a file.
type readOnlyFiles struct{ journalFiles }

func (f readOnlyFiles) Open(path string, create bool) (journalFile, error) {
	if create {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), fs.ErrNotExist)
	}
	return f.journalFiles.Open(path, false)
}
