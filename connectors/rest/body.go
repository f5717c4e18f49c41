package rest

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/samvirke/samvirke"
)

// budget bounds the bytes of all request bodies held in memory at a time.
type budget struct {
	left atomic.Int64
}

func (b *budget) take(n int64) bool {
	if b.left.Add(-n) >= 0 {
		return true
	}
	b.left.Add(n)
	return false
}

// body is one request body, read as far as the limit allows.
type body struct {
	bytes []byte
	// size is the full length; larger than len(bytes) when the limit cut it.
	size int64
	// held is what was taken from the budget, and of the party's own share.
	held int64
	own  *share
}

// readBody reads the body within the time, size and memory limits. The fault is one the
// sender made, or busy; nothing of such a request is handed over.
func (h *handler) readBody(w http.ResponseWriter, r *http.Request, b *body) *samvirke.Fault {
	var src io.Reader = http.MaxBytesReader(w, r.Body, h.opt.MaxBody)
	known := r.ContentLength
	zipped := false
	switch enc := strings.ToLower(strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ","))); enc {
	case "", "identity":
	case "gzip", "x-gzip":
		zipped, known = true, -1
	default:
		return faultEncoding
	}
	ctl := http.NewResponseController(w)
	// Not supported only under test recorders; a real server always has deadlines.
	_ = ctl.SetReadDeadline(time.Now().Add(h.opt.ReadTimeout))
	if zipped {
		z, err := gzip.NewReader(src)
		if err != nil {
			return readFault(err, true)
		}
		src = z
	}
	err := h.fill(b, src, known)
	// The deadline is for the body alone: what comes now waits for a sync.
	_ = ctl.SetReadDeadline(time.Time{})
	var over *http.MaxBytesError
	switch {
	case err == nil:
		b.size = int64(len(b.bytes))
	case errors.As(err, &over) || errors.Is(err, errOver):
		b.size = max(known, h.opt.MaxBody+1)
		if zipped && int64(len(b.bytes)) < h.opt.MaxBody {
			b.size = int64(len(b.bytes)) + 1 // the packed form alone was over the limit
		}
	default:
		return readFault(err, zipped)
	}
	if b.size == 0 {
		return faultEmpty
	}
	return nil
}

// errOver is the end of an unpacked body over the limit; errBusy that of the memory budget.
var (
	errOver = errors.New("body over the limit")
	errBusy = errors.New("body budget used up")
	errOwn  = errors.New("the party's share of the body budget used up")
)

// Steps of fill. Unit: bytes.
const (
	firstStep = 16 << 10
	// believed is the largest announced length for which memory is taken before it came.
	believed = 8 * firstStep
)

// fill reads src into b, growing step by step: what a sender announces costs nothing until it comes,
// except for what is small. The bytes live until the last receiver took them, so they get a piece of
// memory of their size: at once when the length is known, else by a last copy.
func (h *handler) fill(b *body, src io.Reader, known int64) error {
	step := int64(firstStep)
	if known > h.opt.MaxBody {
		known = -1 // it will not come to that
	}
	if known >= 0 && known <= believed {
		step = known
	}
	for {
		if !b.own.take(step) {
			return errOwn
		}
		if !h.budget.take(step) {
			b.own.held.Add(-step)
			return errBusy
		}
		b.held += step
		grown := make([]byte, len(b.bytes), int64(len(b.bytes))+step)
		copy(grown, b.bytes)
		b.bytes = grown
		if done, err := h.fillUp(b, src, known); done || err != nil {
			return err
		}
		have := int64(len(b.bytes))
		step = max(1, min(have, h.opt.MaxBody+1-have))
		if known >= 0 {
			step = min(step, known-have)
		}
	}
}

// fillUp reads until the memory is full or src has ended.
func (h *handler) fillUp(b *body, src io.Reader, known int64) (done bool, err error) {
	for {
		have := len(b.bytes)
		if int64(have) == known {
			return true, nil // HTTP itself tells when fewer or more bytes came than were announced
		}
		if have == cap(b.bytes) {
			return false, nil
		}
		n, err := src.Read(b.bytes[have:cap(b.bytes)])
		b.bytes = b.bytes[:have+n]
		switch {
		case int64(len(b.bytes)) > h.opt.MaxBody:
			b.bytes = b.bytes[:h.opt.MaxBody]
			return false, errOver
		case err == io.EOF:
			b.bytes = fitted(b.bytes)
			return true, nil
		case err != nil:
			return false, err
		}
	}
}

// fitted moves b when more than an eighth of its memory would lie idle.
func fitted(b []byte) []byte {
	if cap(b)-len(b) <= len(b)/8 {
		return b
	}
	return append(make([]byte, 0, len(b)), b...)
}

// readFault names what went wrong while reading.
func readFault(err error, zipped bool) *samvirke.Fault {
	switch {
	case errors.Is(err, errBusy):
		return faultBusy
	case errors.Is(err, errOwn):
		return faultPartyBusy
	case errors.Is(err, os.ErrDeadlineExceeded):
		return faultSlow
	case zipped && (errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum)):
		return faultGzip
	case zipped && !errors.Is(err, io.ErrUnexpectedEOF):
		return faultGzip // a flate error; its type is not exported in one piece
	}
	return faultHalf
}
