package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/samvirke/samvirke/queue"
)

// mayCut says whether what follows the last whole frame may be cut off. A frame is written when the one before is synced, so a
// power cut leaves one torn frame with nothing behind it. A frame with a later number behind the damage was acknowledged:
// then the disk is at fault, and cutting would lose what was promised.
func (j *journal) mayCut() error {
	from := j.at
	if h, ok, err := readHead(j.file, j.at); err != nil {
		return fmt.Errorf("read the journal: %w", err)
	} else if ok && h.frame == j.frame {
		from += h.size() // its bodies may hold anything
	}
	later, size, err := j.laterFrame(from)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	if later > 0 {
		return fmt.Errorf("frame %d of the journal (segment %d, byte %d) cannot be read, and frame %d behind it was acknowledged: %w",
			j.frame, j.seg, j.at, later, queue.ErrDamaged)
	}
	filled, err := filledTo(j.file, j.at, size)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	j.torn, j.tail = filled-j.at, max(size-j.at, 0)
	return nil
}

// filledTo gives where the zeros begin that a part of a segment ends with.
func filledTo(f io.ReaderAt, from, to int64) (int64, error) {
	buf := make([]byte, 16<<10)
	for to > from {
		piece := buf[:min(to-from, int64(len(buf)))]
		if n, err := f.ReadAt(piece, to-int64(len(piece))); n < len(piece) {
			return 0, err
		}
		to -= int64(len(piece))
		if !bytes.Equal(piece, zeros[:len(piece)]) {
			return to + int64(len(bytes.TrimRight(piece, "\x00"))), nil
		}
	}
	return from, nil
}

// framesTo gives where the frames end that stand one behind the other in a segment, judged by their heads.
func framesTo(f io.ReaderAt, at int64) (int64, error) {
	for number := uint64(0); ; number++ {
		h, ok, err := readHead(f, at)
		if err != nil || !ok || number > 0 && h.frame != number {
			return at, err
		}
		at, number = at+h.size(), h.frame
	}
}

// laterFrame looks for the head of a frame after the one the journal stands at, at every byte from a place on, and gives its number, 0
// when there is none, and the size of the segment. A number that is further on than there is room for frames is chance.
func (j *journal) laterFrame(from int64) (number uint64, size int64, err error) {
	magic := binary.LittleEndian.AppendUint32(nil, frameMagic)
	buf := make([]byte, 1<<20)
	for at := j.at; ; {
		n, err := j.file.ReadAt(buf, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
		size = at + int64(n)
		for i := int(max(0, min(from-at, int64(n)))); ; i++ {
			next := bytes.Index(buf[i:n], magic)
			if next < 0 {
				break
			}
			i += next
			h, ok, err := readHead(j.file, at+int64(i))
			if err != nil {
				return 0, 0, err
			}
			if room := uint64(at+int64(i)-j.at)/frameHead + 1; ok && h.frame > j.frame && h.frame-j.frame <= room {
				return h.frame, 0, nil
			}
		}
		if n < len(buf) {
			return 0, size, nil
		}
		at += int64(n - len(magic) + 1)
	}
}
