package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/press"
)

// place is where a body lies in the journal.
type place struct{ seg, at, n, sum uint32 }

// placeSize is the length of a stored place; placeOfMessage is stored instead when a delivery sends the body of its message.
const placeSize = 16

func placeOfMessage() []byte { return []byte{0} }

func (p place) blob() []byte {
	b := make([]byte, 0, placeSize)
	for _, n := range [...]uint32{p.seg, p.at, p.n, p.sum} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

func placeOf(b []byte) (p place, ok bool) {
	if len(b) != placeSize {
		return p, false
	}
	be := binary.BigEndian
	return place{be.Uint32(b), be.Uint32(b[4:]), be.Uint32(b[8:]), be.Uint32(b[12:])}, true
}

// maxOpenSegments bounds the segments held open for reading.
const maxOpenSegments = 32

// segments reads bodies from the journal.
type segments struct {
	dir  string
	mu   sync.RWMutex
	open map[uint32]*os.File
	// press is made when the first pressed body is read.
	press func() (*press.Press, error)
}

func newSegments(dir string) *segments {
	return &segments{dir: dir, open: map[uint32]*os.File{}, press: sync.OnceValues(press.New)}
}

// read gives a body and checks it.
func (s *segments) read(p place) ([]byte, error) {
	b, err := s.stored(p)
	if err != nil || p.seg < agedFirst {
		return b, err
	}
	if b, err = s.expand(b, (*press.Press).Expand); err != nil {
		return nil, fmt.Errorf("body at byte %d of segment %d: %w", p.at, p.seg, err)
	}
	return b, nil
}

// expandRow gives the content of a row that was pressed. No other checksum is kept of it.
func (s *segments) expandRow(b []byte) ([]byte, error) {
	return s.expand(b, (*press.Press).ExpandSmaller)
}

// expand gives the body that was pressed.
func (s *segments) expand(b []byte, how func(*press.Press, []byte) ([]byte, error)) ([]byte, error) {
	p, err := s.press()
	if err != nil {
		return nil, err
	}
	if b, err = how(p, b); err != nil {
		return nil, fmt.Errorf("%w: %w", queue.ErrDamaged, err)
	}
	return b, nil
}

// stored gives the bytes of a body as they stand and checks them.
func (s *segments) stored(p place) ([]byte, error) {
	s.mu.RLock()
	f := s.open[p.seg]
	if f == nil {
		s.mu.RUnlock()
		if err := s.add(p.seg); err != nil {
			return nil, err
		}
		s.mu.RLock()
		if f = s.open[p.seg]; f == nil { // closed again by others meanwhile
			s.mu.RUnlock()
			return s.stored(p)
		}
	}
	b := make([]byte, p.n)
	_, err := f.ReadAt(b, int64(p.at))
	s.mu.RUnlock()
	if err == nil && crc32.Checksum(b, castagnoli()) != p.sum {
		return nil, fmt.Errorf("body at byte %d of segment %d has another checksum: %w", p.at, p.seg, queue.ErrDamaged)
	}
	if err != nil {
		return nil, fmt.Errorf("read body at byte %d of segment %d: %w: %w", p.at, p.seg, queue.ErrDamaged, err)
	}
	return b, nil
}

// add opens a segment; when there are many open, one of the others is closed.
func (s *segments) add(seg uint32) error {
	f, err := os.Open(filepath.Clean(segmentPath(s.dir, seg)))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("segment %d is not there: %w", seg, queue.ErrDamaged)
	}
	if err != nil {
		return fmt.Errorf("open segment %d: %w", seg, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[seg] != nil {
		return f.Close()
	}
	for other, g := range s.open {
		if len(s.open) < maxOpenSegments {
			break
		}
		_ = g.Close()
		delete(s.open, other)
	}
	s.open[seg] = f
	return nil
}

// drop closes a segment that is removed.
func (s *segments) drop(seg uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.open[seg]; f != nil {
		_ = f.Close()
		delete(s.open, seg)
	}
}

func (s *segments) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for seg, f := range s.open {
		_ = f.Close()
		delete(s.open, seg)
	}
}
