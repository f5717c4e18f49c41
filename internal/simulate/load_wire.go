package simulate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"strconv"
)

// This file knows just enough of HTTP/1.1 for many small messages over lasting connections: net/http on
// both ends took four times the processor time of all else that the load does, from the very
// gateway that is measured.

// wireBuffer holds the head and the body of a usual message, so that both come in one read. Unit: bytes.
const wireBuffer = 16 << 10

// maxHeadLines is how many lines a head may have; each must fit wireBuffer.
const maxHeadLines = 100

// head is what the first lines of a request or an answer say.
type head struct {
	status  int   // of an answer
	length  int64 // of the body; -1: not said
	chunked bool
	last    bool // the connection ends after this
	expects bool // a word is awaited before the body comes
}

// readHead reads up to the empty line.
func readHead(r *bufio.Reader) (head, error) {
	h := head{length: -1}
	for n := range maxHeadLines {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return h, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case n == 0:
			if err := h.start(line); err != nil {
				return h, err
			}
		case len(line) == 0:
			return h, nil
		default:
			if err := h.field(line); err != nil {
				return h, err
			}
		}
	}
	return h, errors.New("head has too many lines")
}

// start reads the first line of a request or an answer.
func (h *head) start(line []byte) error {
	rest, answer := bytes.CutPrefix(line, []byte("HTTP/1."))
	if !answer {
		h.last = bytes.HasSuffix(line, []byte(" HTTP/1.0"))
		if !h.last && !bytes.HasSuffix(line, []byte(" HTTP/1.1")) {
			return errors.New("not HTTP/1")
		}
		return nil
	}
	if len(rest) < len("1 200") {
		return errors.New("short status line")
	}
	h.last = rest[0] == '0'
	status, err := strconv.Atoi(string(rest[2:5]))
	h.status = status
	return err
}

func (h *head) field(line []byte) (err error) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimSpace(value)
	switch { // by length first: most fields are none of ours
	case len(name) == 14 && bytes.EqualFold(name, []byte("Content-Length")):
		h.length, err = strconv.ParseInt(string(value), 10, 64)
		if err == nil && h.length < 0 {
			err = errors.New("length below 0")
		}
	case len(name) == 17 && bytes.EqualFold(name, []byte("Transfer-Encoding")):
		h.chunked = bytes.EqualFold(value, []byte("chunked"))
	case len(name) == 10 && bytes.EqualFold(name, []byte("Connection")):
		h.last = h.last || bytes.EqualFold(value, []byte("close"))
	case len(name) == 6 && bytes.EqualFold(name, []byte("Expect")):
		h.expects = true
	}
	return err
}

// readBody reads the body that h announces into b, which is used again, and at most limit bytes.
func readBody(r *bufio.Reader, h head, b []byte, limit int64) ([]byte, error) {
	switch {
	case h.chunked:
		return readChunks(r, b, limit)
	case h.length > limit:
		return nil, fmt.Errorf("body of %d bytes, more than %d", h.length, limit)
	case h.length >= 0:
		if int64(cap(b)) < h.length {
			b = make([]byte, h.length)
		}
		b = b[:h.length]
		_, err := io.ReadFull(r, b)
		return b, err
	case h.status >= 200 && h.status != 204 && h.status != 304: // the end of the connection ends the body
		all, err := io.ReadAll(io.LimitReader(r, limit))
		return all, err
	}
	return b[:0], nil
}

func readChunks(r *bufio.Reader, b []byte, limit int64) ([]byte, error) {
	buf := bytes.NewBuffer(b[:0])
	n, err := buf.ReadFrom(io.LimitReader(httputil.NewChunkedReader(r), limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, fmt.Errorf("body of more than %d bytes", limit)
	}
	for range maxHeadLines { // trailer and empty line
		line, err := r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return buf.Bytes(), nil
		}
	}
	return nil, errors.New("trailer has too many lines")
}
