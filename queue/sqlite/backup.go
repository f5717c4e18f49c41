package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	modernc "modernc.org/sqlite"

	"github.com/samvirke/samvirke/queue"
)

// BackupInfo tells what a backup holds. It is written last: a folder without it is no backup.
type BackupInfo struct {
	// At is when the backup was begun: every unit that was acknowledged before is in it.
	At time.Time `json:"at"`
	// Segment and Offset are where the journal of the backup ends, Frame how many frames were written before that.
	Segment uint32 `json:"segment"`
	Offset  int64  `json:"offset"`
	Frame   uint64 `json:"frame"`
	// Files and Bytes count what was copied.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

const (
	backupFile = "backup.json"
	// keepFile is locked while segments and bodies are copied: nothing in them is overwritten or removed meanwhile.
	keepFile = "keep"
	// restoringFile is there while a restore runs: what lies beside it is not whole.
	restoringFile = "restoring"
)

// Errors of backup and restore. Check with errors.Is.
var (
	ErrNoBackup = errors.New("no complete backup")
	ErrNotEmpty = errors.New("the folder is not empty")
	// ErrRestoring is returned for a folder in which a restore was interrupted. Its content is worth nothing.
	ErrRestoring = errors.New("a restore into the folder was interrupted: empty it and restore again")
)

// Backup copies the store in dir into the folder to, which is made and must be empty, also while a gateway has the store open. Every unit
// that was acknowledged before the call is in it; of those that come meanwhile some are. Retention and erasure wait until it has
// ended. A store that is encrypted stays so: its master key is not in the copy.
//
// It returns queue.ErrNotFound when there is no store, ErrNotEmpty, and ErrLocked when another backup runs and does not end
// within a minute.
func Backup(ctx context.Context, dir, to string) (info BackupInfo, err error) {
	info.At = time.Now().UTC()
	r, err := OpenReader(dir)
	if err != nil {
		return info, err
	}
	defer r.Close()
	if err := emptyFolder(to); err != nil {
		return info, err
	}
	keep, err := keepAll(ctx, filepath.Join(dir, keepFile))
	if err != nil {
		return info, err
	}
	defer keep.Close()
	c := &copier{ctx: ctx, from: dir, to: to, info: &info}
	if err := c.database(); err != nil {
		return info, fmt.Errorf("copy the database: %w", err)
	}
	queue.Reach(queue.PointBackupTable)
	if err := c.journal(); err != nil {
		return info, fmt.Errorf("copy the journal: %w", err)
	}
	if err := c.tree("bodies", nil); err != nil {
		return info, fmt.Errorf("copy large bodies: %w", err)
	}
	queue.Reach(queue.PointBackupWhole)
	return info, c.seal()
}

func emptyFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	list, err := os.ReadDir(path)
	if err == nil && len(list) > 0 {
		err = fmt.Errorf("%s: %w", path, ErrNotEmpty)
	}
	return err
}

// copier copies parts of one folder into another.
type copier struct {
	ctx      context.Context //nolint:containedctx // of one call
	from, to string
	info     *BackupInfo
}

// database copies it as it stood at one moment and notes where in the journal that is.
func (c *copier) database() error {
	connector, err := modernc.NewConnector(dsn(filepath.Join(c.from, fileName), "", "busy_timeout(10000)"))
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	copied := filepath.Join(c.to, fileName)
	if _, err := db.ExecContext(c.ctx, `VACUUM INTO ?`, copied); err != nil {
		return err
	}
	connector, err = modernc.NewConnector(dsn(copied, "", "query_only(1)"))
	if err != nil {
		return err
	}
	snapshot := sql.OpenDB(connector)
	defer snapshot.Close()
	if err := snapshot.QueryRowContext(c.ctx, `SELECT segment, at, frame FROM journal`).
		Scan(&c.info.Segment, &c.info.Offset, &c.info.Frame); err != nil {
		return err
	}
	c.info.Files++
	return syncFile(copied, &c.info.Bytes)
}

// journal copies the segments to where they end now. What the database of the backup lacks is in them, also when nobody runs who
// writes it into the tables. The frame that is being written at this moment is cut off, and all frames that a restored
// store will need are read once.
func (c *copier) journal() error {
	list, err := os.ReadDir(filepath.Join(c.from, "journal"))
	if err != nil {
		return err
	}
	sizes := map[string]int64{}
	last := "" // the segment that is being written
	for _, e := range list {
		if _, ok := segmentOf(e.Name()); !ok || !strings.HasSuffix(e.Name(), ".seg") && !strings.HasSuffix(e.Name(), agedSuffix) {
			continue
		}
		file, err := e.Info()
		if err != nil {
			return err
		}
		sizes[e.Name()] = file.Size()
		if strings.HasSuffix(e.Name(), ".seg") {
			last = max(last, e.Name())
		}
	}
	if last != "" {
		if sizes[last], err = written(filepath.Join(c.from, "journal", last), sizes[last]); err != nil {
			return err
		}
	}
	if err := c.tree("journal", func(name string) (limit int64, take bool) {
		limit, take = sizes[name]
		return limit, take
	}); err != nil {
		return err
	}
	from := spot{c.info.Segment, c.info.Offset, c.info.Frame}
	j, err := openJournal(filepath.Join(c.to, "journal"), 0, diskFiles{}, from, func([]byte, spot) error { return c.ctx.Err() })
	if err != nil {
		return err
	}
	defer j.close()
	end := j.end()
	c.info.Segment, c.info.Offset, c.info.Frame = end.seg, end.at, end.frame
	c.info.Bytes -= j.tail
	return nil
}

// written gives how much of a segment is written: behind that it is filled ahead with zeros. No more is copied, or else a frame could
// come to stand in the copy behind zeros that were read before the frame that belongs there was written.
func written(path string, size int64) (int64, error) {
	f, err := os.Open(filepath.Clean(path))
	if errors.Is(err, fs.ErrNotExist) {
		return size, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	filled, err := filledTo(f, 0, size)
	for errors.Is(err, io.EOF) { // the gateway has just cut off its zeros
		var info fs.FileInfo
		if info, err = f.Stat(); err == nil {
			size = min(size-1, info.Size())
			filled, err = filledTo(f, 0, size)
		}
	}
	if err != nil {
		return 0, err
	}
	whole, err := framesTo(f, 0) // the last frame may end with zeros of its own
	return min(max(filled, whole), size), err
}

// tree copies a file or a folder. which says what of a file is taken: its first bytes, or all when the limit is negative.
func (c *copier) tree(name string, which func(name string) (limit int64, take bool)) error {
	return filepath.WalkDir(filepath.Join(c.from, name), func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // no such folder, or removed meanwhile
		case err != nil:
			return err
		case c.ctx.Err() != nil:
			return c.ctx.Err()
		}
		rel, err := filepath.Rel(c.from, path)
		if err != nil {
			return err
		}
		to := filepath.Join(c.to, rel)
		if e.IsDir() {
			if err := os.MkdirAll(to, 0o700); err != nil {
				return err
			}
			return syncFolder(filepath.Dir(to))
		}
		limit, take := int64(-1), !strings.HasSuffix(rel, ".tmp")
		if which != nil {
			limit, take = which(e.Name())
		}
		if !take {
			return nil
		}
		c.info.Files++
		return c.file(path, to, limit)
	})
}

func (c *copier) file(from, to string, limit int64) error {
	in, err := os.Open(filepath.Clean(from))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(filepath.Clean(to), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	var content io.Reader = in
	if limit >= 0 {
		content = io.LimitReader(in, limit)
	}
	n, err := io.Copy(out, content)
	c.info.Bytes += n
	if err == nil && limit >= 0 && n < limit {
		err = fmt.Errorf("%s ends after %d bytes: %w", filepath.Base(from), n, queue.ErrDamaged)
	}
	if err == nil {
		err = out.Sync()
	}
	if e := out.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = syncFolder(filepath.Dir(to))
	}
	return err
}

// seal makes the copy a backup.
func (c *copier) seal() error {
	text, err := json.MarshalIndent(c.info, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(c.to, backupFile)
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return err
	}
	var none int64
	if err := syncFile(path, &none); err != nil {
		return err
	}
	return syncFolder(c.to)
}

func syncFile(path string, bytes *int64) error {
	f, err := os.OpenFile(filepath.Clean(path), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		*bytes += info.Size()
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// noBackup waits until no backup copies the segments and keeps the next one waiting until leave is called.
func (s *Store) noBackup(ctx context.Context) (leave func(), err error) {
	for {
		f, err := lockFolder(filepath.Join(s.opts.Dir, keepFile))
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, ErrLocked) {
			return nil, err
		}
		select {
		case <-time.After(keepLook):
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.stop:
			return nil, queue.ErrClosed
		}
	}
}

// keepAll waits for the lock of a backup: the gateway holds it for moments when it tidies.
func keepAll(ctx context.Context, path string) (*os.File, error) {
	end := time.NewTimer(keepWait)
	defer end.Stop()
	for {
		f, err := lockFolder(path)
		if !errors.Is(err, ErrLocked) {
			return f, err
		}
		select {
		case <-time.After(keepLook / 10):
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-end.C:
			return nil, ErrLocked
		}
	}
}

// keepLook is how often is looked whether a backup has ended, keepWait how long a backup waits to begin.
const (
	keepLook = 100 * time.Millisecond
	keepWait = time.Minute
)
