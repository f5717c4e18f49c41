package folder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
)

// Temporary files of senders begin and end so; receivers must leave files with a leading dot alone.
const (
	tempPrefix = ".samvirke-"
	tempSuffix = ".tmp"
)

// staleTemp is how old a temporary file must be to be swept away: one of a process that died.
const staleTemp = time.Hour

// SenderOptions describe the way to one party.
type SenderOptions struct {
	// Party is the party id, for error texts; it may be empty.
	Party string
	// Dir, required, is the folder that the party reads. It need not be there yet (a share may be down):
	// sending is transiently impossible then.
	Dir string
}

// Sender writes deliveries into one folder. It is safe for concurrent use.
type Sender struct {
	opt SenderOptions
}

// NewSender checks the options and sweeps temporary files that a dead process left.
func NewSender(opt SenderOptions) (*Sender, error) {
	if opt.Dir == "" {
		return nil, errors.New("folder sender needs a dir")
	}
	left, err := filepath.Glob(filepath.Join(opt.Dir, tempPrefix+"*"+tempSuffix))
	if err != nil {
		return nil, fmt.Errorf("folder of %s: %w", opt.Party, err)
	}
	for _, name := range left {
		if fi, err := os.Lstat(name); err == nil && time.Since(fi.ModTime()) > staleTemp {
			_ = os.Remove(name) // ours, never renamed, so never reported as taken; if it stays, it does no harm
		}
	}
	return &Sender{opt: opt}, nil
}

// FileName is the name a delivery gets: its sequence number, so that sorting by name is the order,
// and its external id, which does not tell who it is about.
func FileName(d samvirke.Delivery) string {
	ext, start := ".bin", bytes.TrimSpace(bytes.TrimPrefix(d.Body, []byte("\xef\xbb\xbf")))
	switch {
	case strings.Contains(d.ContentType, "xml"):
		ext = ".xml"
	case strings.Contains(d.ContentType, "json"):
		ext = ".json"
	case bytes.HasPrefix(start, []byte("<")): // the type says nothing, the first character does
		ext = ".xml"
	case bytes.HasPrefix(start, []byte("{")):
		ext = ".json"
	}
	return fmt.Sprintf("%012d-%s%s", d.Seq, clean(d.ExternalID, 100), ext)
}

// clean keeps letters, digits, dot, hyphen and underscore of ASCII: ids come from outside.
func clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '_'
	}, s)
	return s[:min(len(s), most)]
}

// Send writes the file. The same delivery again is taken again: when the file is still there with
// the same content nothing is written; when the receiver has removed it, it is written once more,
// and the receiver knows it by its id. Another content under the name is a permanent fault.
func (s *Sender) Send(ctx context.Context, d samvirke.Delivery) (connectors.Result, error) {
	name := FileName(d)
	path := filepath.Join(s.opt.Dir, name)
	switch same, err := holds(path, d.Body); {
	case err == nil && same:
		// Perhaps a crash came between rename and folder sync.
		if err := syncDir(s.opt.Dir); err != nil {
			return connectors.Result{Answer: "not written"}, ioFault(err)
		}
		return connectors.Result{Answer: "file already there"}, nil
	case err == nil:
		return connectors.Result{Answer: "name taken"}, &samvirke.Fault{Class: samvirke.Permanent, Code: "file-exists",
			Safe: "another file with this name is in the receiver's folder"}
	case !errors.Is(err, fs.ErrNotExist):
		return connectors.Result{Answer: "not written"}, ioFault(err)
	}
	if err := s.write(ctx, path, d.Body); err != nil {
		return connectors.Result{Answer: "not written"}, ioFault(err)
	}
	return connectors.Result{Answer: "file written"}, nil
}

// write brings the bytes to disk before the name, and the name before the return.
func (s *Sender) write(ctx context.Context, path string, body []byte) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.opt.Dir, tempPrefix+"*"+tempSuffix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name()) // when it stays, the next start sweeps it
		}
	}()
	if _, err := f.Write(body); err != nil {
		return err
	}
	// CreateTemp makes files for the owner alone; the receiver usually reads as group.
	if err := f.Chmod(0o640); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // the point of no return is the rename
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(s.opt.Dir)
}

// Close does nothing: no file stays open between sends.
func (s *Sender) Close() error { return nil }

// holds tells whether the file has exactly this content. It never reads more than that.
func holds(path string, body []byte) (bool, error) {
	fi, err := os.Lstat(path)
	if err != nil {
		return false, err
	}
	if !fi.Mode().IsRegular() || fi.Size() != int64(len(body)) {
		return false, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	have, err := io.ReadAll(io.LimitReader(f, int64(len(body))+1))
	return bytes.Equal(have, body), err
}

// syncDir makes renames inside dir durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// ioFault makes every trouble with the folder transient: a full disk, a share that is away or a
// missing permission is put right outside, after which the lane goes on by itself.
func ioFault(err error) *samvirke.Fault {
	f := &samvirke.Fault{Class: samvirke.Transient, Code: "folder-unavailable", Safe: "the receiver's folder cannot be written", Err: err}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		f.Code, f.Safe = "interrupted", "writing was interrupted, it will be tried again"
	}
	return f
}
