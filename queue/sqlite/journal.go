package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/samvirke/samvirke/queue"
)

// journal is where a group becomes durable: one frame at the end of a segment file, one write, one sync. A frame holds
// the bodies of its units, which stay there for good, and the changes of rows (see row.go), which are needed only
// until they stand in the tables.
//
// A frame is a head of frameHead bytes, the bodies (each behind its length and checksum), and the changes. A frame that is cut
// short or has another checksum than its head says was never synced, so nothing of it was acknowledged: it is where the
// journal ends. Numbers in it are little-endian.
//
// The writer's goroutine owns a journal; places in it are read through segments.
type journal struct {
	dir   string
	limit int64
	files journalFiles

	seg   uint32
	file  journalFile
	at    int64 // where the next frame begins
	ahead int64 // up to where the segment was filled with zeros
	frame uint64
	buf   []byte // the frame that is being made: room for its head, then bodies
	list  uint32 // checksum of the checksums of those
	// short: there was no room for zeros; they are tried again in the next segment.
	short bool

	bytes atomic.Int64 // size of all segments
	tail  int64        // bytes behind the last whole frame that were cut off when it was opened
	torn  int64        // those of them before the zeros that were made ahead
	last  *lastFrame   // while it is opened: the frame that was read last
}

const (
	frameHead  = 40
	frameMagic = 0x314a5653 // "SVJ1"
	bodyHead   = 8
	// frameWiped in the flags of a head says that its changes were overwritten.
	frameWiped = 1
	// maxFrame bounds what is believed of a head.
	maxFrame = 1 << 30
)

// spot is a place between two frames. frame is the number of the frame that begins there.
type spot struct {
	seg   uint32
	at    int64
	frame uint64
}

// head is what a frame begins with.
type head struct {
	flags, bodies, changes uint32 // bytes
	frame                  uint64
	sum                    uint32 // of the changes
	list                   uint32 // of the checksums of the bodies; 0: not known
}

// journalFile and journalFiles are the file system below; see storeFiles.
type journalFile interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
}

type journalFiles interface {
	// Open opens a segment for reading and writing, and makes it when create is set.
	Open(path string, create bool) (journalFile, error)
	SyncFolder(path string) error
}

// diskFiles is the real file system.
type diskFiles struct{}

type diskFile struct{ *os.File }

// Sync writes the content to disk; times of the file may wait.
func (f diskFile) Sync() error { return syncData(f.File) }

func (diskFiles) Open(path string, create bool) (journalFile, error) {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (diskFiles) SyncFolder(path string) error { return syncFolder(path) }

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func segmentPath(dir string, seg uint32) string {
	if seg >= agedFirst {
		return filepath.Join(dir, fmt.Sprintf("%08d", seg)+agedSuffix)
	}
	return filepath.Join(dir, fmt.Sprintf("%08d.seg", seg))
}

// begin makes room for a frame; a segment that is full is left for a new one.
func (j *journal) begin() error {
	if j.at >= j.limit {
		if err := j.roll(); err != nil {
			return err
		}
	}
	if cap(j.buf) > maxHeldFrame {
		j.buf = nil
	}
	j.buf, j.list = append(j.buf[:0], make([]byte, frameHead)...), 0
	return nil
}

// maxHeldFrame bounds the buffer that is kept from frame to frame.
const maxHeldFrame = 8 << 20

// roll goes on with a new segment. The old one is synced: each frame was.
func (j *journal) roll() error {
	queue.Reach(queue.PointRoll)
	f, err := j.files.Open(segmentPath(j.dir, j.seg+1), true)
	if err != nil {
		return err
	}
	queue.Reach(queue.PointRolled)
	if err := j.files.SyncFolder(j.dir); err != nil {
		_ = f.Close()
		return err
	}
	if j.file != nil {
		_ = j.file.Close()
	}
	j.seg, j.file, j.at, j.ahead, j.short = j.seg+1, f, 0, 0, false
	return nil
}

// body puts a body into the frame and gives its place.
func (j *journal) body(b []byte) place {
	sum := crc32.Checksum(b, castagnoli())
	j.buf = binary.LittleEndian.AppendUint32(j.buf, uint32(len(b)))
	j.buf = binary.LittleEndian.AppendUint32(j.buf, sum)
	j.list = addSum(j.list, sum)
	p := place{seg: j.seg, at: uint32(j.at + int64(len(j.buf))), n: uint32(len(b)), sum: sum}
	j.buf = append(j.buf, b...)
	return p
}

// append ends the frame with the changes, writes it and syncs it. After an error the file is as long as before, unless
// the error is fatal.
func (j *journal) append(changes []byte) error {
	bodies := len(j.buf) - frameHead
	putHead(j.buf, head{bodies: uint32(bodies), changes: uint32(len(changes)), frame: j.frame, sum: crc32.Checksum(changes, castagnoli()),
		list: j.list})
	j.buf = append(j.buf, changes...)
	if err := queue.Fail(queue.PointFrame); err != nil {
		return &fatalError{fmt.Errorf("write the journal: %w", err)}
	}
	if err := j.write(); err != nil {
		return err
	}
	if err := queue.Fail(queue.PointFrameSync); err != nil {
		return &fatalError{fmt.Errorf("sync the journal: %w", err)}
	}
	if err := j.file.Sync(); err != nil {
		return &fatalError{fmt.Errorf("sync the journal: %w", err)}
	}
	queue.Reach(queue.PointFrameSynced)
	j.at += int64(len(j.buf))
	j.frame++
	j.bytes.Add(int64(len(j.buf)))
	return nil
}

// aheadBytes is how much of a segment is filled with zeros at a time: as much as it has, between these.
const (
	leastAhead = 64 << 10
	aheadBytes = 1 << 20
)

var zeros [aheadBytes]byte

// write writes the frame. A sync of a file that grew writes its length too, in a step of its own, and so takes twice as long: so the
// segment is made longer ahead, up to its limit, with what is overwritten later. Zeros are no frame, and the last frame goes beyond
// the limit: a segment that was left has none.
func (j *journal) write() error {
	end := j.at + int64(len(j.buf))
	if err := j.put(j.buf, j.at); err != nil || end <= j.ahead || end >= j.limit || j.short {
		return err
	}
	room := min(j.limit-end, max(end, leastAhead), aheadBytes)
	err := j.put(zeros[:room], end)
	if err == nil {
		j.ahead = end + room
	}
	if _, fatal := errors.AsType[*fatalError](err); fatal {
		return err
	}
	// Without room there is what there was. It is not tried again and again: in between others would find the disk full.
	j.short = err != nil
	return nil
}

// put writes at the end of a segment. When there is no room the segment is as long as before; any other error is fatal.
func (j *journal) put(b []byte, at int64) error {
	_, err := j.file.WriteAt(b, at)
	if err == nil {
		return nil
	}
	if isFull(err) && j.file.Truncate(at) == nil {
		j.ahead = 0
		return err
	}
	return &fatalError{fmt.Errorf("write the journal: %w", err)}
}

func (j *journal) end() spot { return spot{j.seg, j.at, j.frame} }

func (j *journal) close() {
	if j.file != nil {
		_ = j.file.Close()
	}
}

// trim takes away what was made ahead, for a store that ends well.
func (j *journal) trim() {
	if j.ahead > j.at {
		_ = j.file.Truncate(j.at) // zeros may stay
	}
}

// fatalError marks an error after which nobody knows what is on disk.
type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }

func putHead(b []byte, h head) {
	le := binary.LittleEndian
	le.PutUint32(b, frameMagic)
	le.PutUint32(b[4:], h.bodies)
	le.PutUint32(b[8:], h.changes)
	le.PutUint64(b[12:], h.frame)
	le.PutUint32(b[20:], h.sum)
	le.PutUint32(b[24:], crc32.Checksum(b[:24], castagnoli()))
	le.PutUint32(b[28:], h.flags) // not under the sum: it changes
	le.PutUint32(b[32:], h.list)
	clear(b[36:frameHead])
}

// addSum adds the checksum of a body to those before it; it is never 0.
func addSum(sums, sum uint32) uint32 {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], sum)
	return crc32.Update(sums, castagnoli(), b[:]) | 1
}

// readHead reads the head at a place; ok is false when there is none.
func readHead(f io.ReaderAt, at int64) (h head, ok bool, err error) {
	var b [frameHead]byte
	switch n, err := f.ReadAt(b[:], at); {
	case n == len(b):
	case errors.Is(err, io.EOF):
		return h, false, nil
	default:
		return h, false, err
	}
	le := binary.LittleEndian
	if le.Uint32(b[:]) != frameMagic || le.Uint32(b[24:]) != crc32.Checksum(b[:24], castagnoli()) {
		return h, false, nil
	}
	h = head{flags: le.Uint32(b[28:]), bodies: le.Uint32(b[4:]), changes: le.Uint32(b[8:]), frame: le.Uint64(b[12:]), sum: le.Uint32(b[20:]),
		list: le.Uint32(b[32:])}
	return h, h.bodies < maxFrame && h.changes < maxFrame, nil
}

func (h head) size() int64 { return frameHead + int64(h.bodies) + int64(h.changes) }
