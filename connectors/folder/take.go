package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
)

// Bounds of the wait after Receive or a move failed.
const (
	firstWait = 100 * time.Millisecond
	maxWait   = 30 * time.Second
)

// maxName is how much of a file's name is kept, so that what is put around it still fits into the
// 255 bytes of common file systems.
const maxName = 180

// claim is a file in the work folder: "<number>~<name>". The number keeps two files apart that
// arrived under one name, and keeps their order over a restart.
type claim struct {
	path string
	name string // as it arrived
}

// claim takes a file by one rename; of several takers one wins and the others get fs.ErrNotExist.
func (s *Source) claim(name string) (claim, error) {
	s.claims++
	kept := name
	if len(kept) > maxName {
		kept = strings.ToValidUTF8(kept[:maxName], "")
	}
	c := claim{name: kept, path: filepath.Join(s.opt.Work, fmt.Sprintf("%020d-%06d~%s", s.clock().UnixNano(), s.claims%1_000_000, kept))}
	return c, os.Rename(filepath.Join(s.opt.Dir, name), c.path)
}

// left lists what an earlier run claimed and did not finish, oldest first.
func (s *Source) left() []claim {
	entries, err := os.ReadDir(s.opt.Work)
	s.trouble(err)
	var out []claim
	for _, e := range entries {
		if _, name, ok := strings.Cut(e.Name(), "~"); ok && !strings.HasPrefix(e.Name(), ".") {
			out = append(out, claim{path: filepath.Join(s.opt.Work, e.Name()), name: name})
		}
	}
	if len(out) > 0 {
		s.opt.Logger.Info("taking up files of an earlier run", "party", s.opt.Party, "connector", "folder", "count", len(out))
	}
	return out
}

// handle hands all claimed files over and returns when done or when ctx ends.
func (s *Source) handle(ctx context.Context, claims []claim) {
	if len(claims) == 0 {
		return
	}
	next := make(chan claim)
	var wg sync.WaitGroup
	for range min(s.opt.Workers, len(claims)) {
		wg.Go(func() {
			for c := range next {
				s.take(ctx, c)
			}
		})
	}
	for _, c := range claims {
		select {
		case next <- c:
			continue
		case <-ctx.Done():
		}
		break // the rest stays in the work folder for the next start
	}
	close(next)
	wg.Wait()
}

// take brings one file to its end: done or errors. While the store does not keep it, it waits and
// tries again; while it cannot be moved away, too, without handing it over a second time.
func (s *Source) take(ctx context.Context, c claim) {
	start := time.Now()
	var end verdict
	received := false
	s.untilDone(ctx, func() error {
		var err error
		if !received {
			if end, err = s.receive(ctx, c); err != nil {
				return err
			}
			received = true
		}
		if err := s.finish(c, end); err != nil {
			return err
		}
		s.metrics.done(s.opt.Party, end.outcome(), time.Since(start))
		return nil
	})
}

// untilDone repeats f with growing waits until it returns nil or ctx ends, and logs when the cause changes.
func (s *Source) untilDone(ctx context.Context, f func() error) {
	last := ""
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		err := f()
		if err == nil || ctx.Err() != nil {
			return
		}
		if err.Error() != last {
			last = err.Error()
			s.opt.Logger.Warn("file not taken yet", "party", s.opt.Party, "connector", "folder", "err", err)
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// verdict is what became of a file: fault is nil when it was taken.
type verdict struct {
	messageID string
	fault     *samvirke.Fault
}

func (v verdict) outcome() string {
	if v.fault != nil {
		return "error"
	}
	return "done"
}

// Faults of the wire itself.
var (
	faultKind    = &samvirke.Fault{Class: samvirke.Invalid, Code: "not-a-file", Safe: "this is no regular file"}
	faultEmpty   = &samvirke.Fault{Class: samvirke.Invalid, Code: "empty-file", Safe: "the file is empty"}
	faultLarge   = &samvirke.Fault{Class: samvirke.Invalid, Code: "too-large", Safe: "the file is over the size limit; just its beginning was kept"}
	faultChanged = &samvirke.Fault{Class: samvirke.Invalid, Code: "changed-while-read", Safe: "the file was still being written when it was taken, so the message that was kept may be incomplete; write under a name that begins with a dot or ends in .tmp, then rename"}
)

// receive reads the file and hands it over. An error means it was not kept.
func (s *Source) receive(ctx context.Context, c claim) (verdict, error) {
	before, err := os.Lstat(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return verdict{}, nil // finished by another process that shares the folder
	}
	if err != nil {
		return verdict{}, err
	}
	if !before.Mode().IsRegular() {
		return verdict{fault: faultKind}, nil
	}
	body, err := s.read(c.path, before.Size())
	if err != nil {
		return verdict{}, err
	}
	if len(body) == 0 {
		return verdict{fault: faultEmpty}, nil
	}
	size := max(before.Size(), int64(len(body)))
	a, err := s.opt.Receiver.Receive(ctx, connectors.Incoming{Party: s.opt.Party, Body: body, Size: size, ContentType: contentType(c.name)})
	if err != nil {
		return verdict{}, err
	}
	v := verdict{messageID: a.MessageID, fault: a.Fault}
	after, err := os.Lstat(c.path)
	changed := err == nil && (after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()))
	switch {
	case changed:
		v.fault = faultChanged
	case v.fault == nil && size > int64(len(body)):
		v.fault = faultLarge
	}
	return v, nil
}

// read reads at most MaxBody bytes.
func (s *Source) read(path string, size int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	most := min(size, s.opt.MaxBody)
	body := make([]byte, most)
	n, err := io.ReadFull(f, body)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // it shrank; the check after Receive tells
	}
	return body[:n], err
}

func contentType(name string) string {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".xml":
		return "application/xml"
	case ".json":
		return "application/json"
	}
	return ""
}

// finish moves the file out of the work folder. A power cut may undo the move: then the file is
// handed over again, as a duplicate.
func (s *Source) finish(c claim, v verdict) error {
	dir := s.opt.Errors
	if v.fault == nil {
		dir = filepath.Join(s.opt.Done, s.opt.Now().UTC().Format(time.DateOnly))
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
	}
	s.place.Lock()
	defer s.place.Unlock()
	to := filepath.Join(dir, c.name)
	if _, err := os.Lstat(to); err == nil {
		// A second file under one name: the claim's number keeps them apart.
		number, _, _ := strings.Cut(filepath.Base(c.path), "~")
		to += "~" + number
	}
	reason := to + ".reason.txt"
	if v.fault != nil {
		// The reason first: a file in the error folder always has one.
		if err := s.writeReason(reason, v); err != nil {
			return err
		}
	}
	err := os.Rename(c.path, to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // moved by another process that shares the folder
	}
	if err != nil && v.fault != nil {
		_ = os.Remove(reason) // it is written again with the next try
	}
	return err
}

// writeReason says why, in stable code and safe text: no names, no identifiers, no content.
func (s *Source) writeReason(path string, v verdict) error {
	var b strings.Builder
	fmt.Fprintf(&b, "code: %s\nreason: %s\n", v.fault.Code, v.fault.Safe)
	if v.fault.Line > 0 {
		fmt.Fprintf(&b, "line: %d\n", v.fault.Line)
	}
	if v.messageID != "" {
		fmt.Fprintf(&b, "message: %s\n", v.messageID)
	}
	fmt.Fprintf(&b, "time: %s\n", s.opt.Now().UTC().Format(time.RFC3339))
	temp := path + tempSuffix
	if err := os.WriteFile(temp, []byte(b.String()), 0o640); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
