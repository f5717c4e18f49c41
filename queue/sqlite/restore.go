package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	modernc "modernc.org/sqlite"

	"github.com/samvirke/samvirke/queue"
)

// Restore puts a backup into the folder dir, in which there must be nothing of a store. One that is interrupted leaves a mark, with
// which neither a store nor a restore begins there. It checks the database, that the journal is as long as it was, and that
// the store opens; bodies are checked when they are read. The backup stays as it is.
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
	if err := noLeftovers(dir); err != nil {
		return info, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return info, err
	}
	lock, err := lockFolder(filepath.Join(dir, "lock"))
	if err != nil {
		return info, err
	}
	defer lock.Close()
	if err := noLeftovers(dir); err != nil { // a gateway may have begun one before the lock was taken
		return info, err
	}
	last := filepath.Join("journal", filepath.Base(segmentPath("", info.Segment)))
	if n, err := os.Stat(filepath.Join(backup, last)); info.Offset > 0 && (err != nil || n.Size() < info.Offset) {
		return info, fmt.Errorf("%s is not whole: %w", last, ErrNoBackup)
	}
	if err := sound(ctx, filepath.Join(backup, fileName)); err != nil {
		return info, err
	}
	var counted BackupInfo
	c := &copier{ctx: ctx, from: backup, to: dir, info: &counted}
	if err := markRestoring(dir); err != nil {
		return info, err
	}
	queue.Reach(queue.PointRestoreMark)
	for _, name := range []string{"journal", "bodies", fileName} {
		if name == fileName {
			queue.Reach(queue.PointRestoreHalf)
		}
		if err := c.tree(name, nil); err != nil {
			return info, fmt.Errorf("restore %s: %w", name, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, restoringFile)); err != nil {
		return info, err
	}
	if err := syncFolder(dir); err != nil {
		return info, err
	}
	lock.Close()
	queue.Reach(queue.PointRestored)
	return info, catchUp(ctx, dir)
}

// catchUp opens the restored store once: its tables take what only the journal of the backup had, so that it can also be read
// before a gateway starts on it. One that started in this moment does the same.
func catchUp(ctx context.Context, dir string) error {
	s, err := Open(ctx, Options{Dir: dir})
	if err == nil {
		err = s.Close()
	}
	if err != nil && !errors.Is(err, ErrLocked) {
		return fmt.Errorf("open the restored store: %w", err)
	}
	return nil
}

// markRestoring notes that a restore is under way, before the first file is copied.
func markRestoring(dir string) error {
	path := filepath.Join(dir, restoringFile)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	var none int64
	if err := syncFile(path, &none); err != nil {
		return err
	}
	return syncFolder(dir)
}

// restored returns ErrRestoring for a folder in which a restore has not ended.
func restored(dir string) error {
	if isFile(filepath.Join(dir, restoringFile)) {
		return fmt.Errorf("%s: %w", dir, ErrRestoring)
	}
	return nil
}

// noLeftovers refuses a folder in which there is anything of a store: a log or a segment of another one would be read into the
// restored one.
func noLeftovers(dir string) error {
	if err := restored(dir); err != nil {
		return fmt.Errorf("%w: %w", ErrNotEmpty, err)
	}
	for _, name := range []string{fileName, fileName + "-wal", fileName + "-shm", "journal", "bodies"} {
		err := filepath.WalkDir(filepath.Join(dir, name), func(path string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err == nil && !e.IsDir():
				err = fmt.Errorf("%s of a store is in the way: %w", path, ErrNotEmpty)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
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
