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
)

// Errors of backup and restore. Check with errors.Is.
var (
	ErrNoBackup = errors.New("no complete backup")
	ErrNotEmpty = errors.New("the folder is not empty")
)

// Backup copies the store in dir into the folder to, which is made and must be empty, also while a gateway has the store open. Every unit
// that was acknowledged before the call is in it; of those that come meanwhile some are. Retention and erasure wait until it has
// ended. A store that is encrypted stays so: its master key is not in the copy.
//
// It returns queue.ErrNotFound when there is no store, ErrNotEmpty, and ErrLocked while another backup runs.
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
	keep, err := lockFolder(filepath.Join(dir, keepFile))
	if err != nil {
		return info, err
	}
	defer keep.Close()
	if err := r.wait(ctx); err != nil {
		return info, err
	}
	c := &copier{ctx: ctx, from: dir, to: to, info: &info}
	if err := c.database(); err != nil {
		return info, fmt.Errorf("copy the database: %w", err)
	}
	if err := c.journal(); err != nil {
		return info, fmt.Errorf("copy the journal: %w", err)
	}
	if err := c.tree("bodies", nil); err != nil {
		return info, fmt.Errorf("copy large bodies: %w", err)
	}
	return info, c.seal()
}

// Restore puts a backup into the folder dir, in which there must be no store. It checks the database and that the journal is as long as
// it was; bodies are checked when they are read. The backup stays as it is.
func Restore(ctx context.Context, backup, dir string) (info BackupInfo, err error) {
	text, err := os.ReadFile(filepath.Clean(filepath.Join(backup, backupFile)))
	if errors.Is(err, fs.ErrNotExist) {
		return info, fmt.Errorf("%s: %w", backup, ErrNoBackup)
	}
	if err == nil {
		err = json.Unmarshal(text, &info)
	}
	if err != nil {
		return info, fmt.Errorf("read %s: %w", backupFile, err)
	}
	if isFile(filepath.Join(dir, fileName)) {
		return info, fmt.Errorf("%s holds a store: %w", dir, ErrNotEmpty)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return info, err
	}
	lock, err := lockFolder(filepath.Join(dir, "lock"))
	if err != nil {
		return info, err
	}
	defer lock.Close()
	last := filepath.Join("journal", filepath.Base(segmentPath("", info.Segment)))
	if n, err := os.Stat(filepath.Join(backup, last)); info.Offset > 0 && (err != nil || n.Size() < info.Offset) {
		return info, fmt.Errorf("%s is not whole: %w", last, ErrNoBackup)
	}
	if err := sound(ctx, filepath.Join(backup, fileName)); err != nil {
		return info, err
	}
	var counted BackupInfo
	c := &copier{ctx: ctx, from: backup, to: dir, info: &counted}
	// The database last: a restore that was interrupted leaves no store, and can be done again.
	for _, name := range []string{"journal", "bodies", fileName} {
		if err := c.tree(name, nil); err != nil {
			return info, fmt.Errorf("restore %s: %w", name, err)
		}
	}
	return info, syncFolder(dir)
}

// sound checks a database that nobody has open.
func sound(ctx context.Context, path string) error {
	connector, err := modernc.NewConnector(dsn(path, "", "query_only(1)"))
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	var text string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&text); err != nil {
		return fmt.Errorf("check the database: %w", err)
	}
	if text != "ok" {
		return fmt.Errorf("the database of the backup: %w", queue.ErrDamaged)
	}
	return nil
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

// journal copies the segments up to where the database of the backup stands.
func (c *copier) journal() error {
	return c.tree("journal", func(name string) (limit int64, take bool) {
		seg, ok := segmentOf(name)
		switch {
		case !ok || seg > c.info.Segment:
			return 0, false
		case seg == c.info.Segment && strings.HasSuffix(name, ".seg"):
			return c.info.Offset, true
		}
		return -1, true
	})
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

// keepLook is how often is looked whether a backup has ended.
const keepLook = 100 * time.Millisecond
