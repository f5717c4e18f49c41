package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/samvirke/samvirke/queue"
)

// shred overwrites and removes the files of bodies whose rows are gone, once they are gone for good: a power cut must not bring back a
// row without its body. It waits for the end of a backup, which may have copied the row already and its file not yet. Files that could
// not go, also because ctx ended first, go with the next wipe or tidying; after a crash sweep finds them.
func (s *Store) shred(ctx context.Context, files []string) error {
	if len(files) == 0 {
		return nil
	}
	leave, err := s.segmentsAlone(ctx)
	if err == nil {
		defer leave()
		err = s.syncTables(ctx)
	}
	if err == nil {
		files, err = s.bodies.shred(files, s.bodyKnown)
	}
	if err == nil {
		return nil
	}
	s.bodies.keepLeft(files)
	if ctx.Err() != nil {
		s.askTidy()
	}
	return fmt.Errorf("erase large bodies: %w", err)
}

// keepLeft notes files that are to go and could not.
func (b *bodies) keepLeft(names []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = append(b.left, names...)
}

// takeLeft gives the files that could not go before.
func (b *bodies) takeLeft() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	names := b.left
	b.left = nil
	return names
}

// shred overwrites and removes body files that no row names any more. One that cannot be removed holds up no other: left are those, with
// the first error.
func (b *bodies) shred(names []string, known func(name string) (bool, error)) (left []string, err error) {
	for _, name := range names {
		if e := b.shredOne(name, known); e != nil {
			left = append(left, name)
			if err == nil {
				err = e
			}
		}
	}
	return left, err
}

func (b *bodies) shredOne(name string, known func(name string) (bool, error)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pins[name] > 0 {
		return nil // somebody else is storing the same content
	}
	if used, err := known(name); used || err != nil {
		return err
	}
	path := b.path(name)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.Write(make([]byte, info.Size()))
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		queue.Reach(queue.PointShred)
		err = os.Remove(path)
	}
	if err != nil {
		return err
	}
	b.bytes.Add(-info.Size())
	return nil
}

// bodyKnown says whether a row names a body file. A file is pinned until its unit is answered, and the row may reach the tables
// later: "no" is only believed when nothing waits. It is asked under the lock of bodies, which the writer never takes.
func (s *Store) bodyKnown(name string) (bool, error) {
	ctx := context.Background()
	if used, err := single[bool](ctx, s.db, bodyKnown, name); used || err != nil {
		return used, err
	}
	if err := s.settle(ctx); err != nil {
		return false, err
	}
	return single[bool](ctx, s.db, bodyKnown, name)
}

const bodyKnown = `SELECT EXISTS (SELECT 1 FROM message_body WHERE file = ?1 AND file <> '')
	OR EXISTS (SELECT 1 FROM delivery_body WHERE file = ?1 AND file <> '')
	OR EXISTS (SELECT 1 FROM record WHERE file = ?1 AND file <> '')
	OR EXISTS (SELECT 1 FROM plan_version WHERE file = ?1 AND file <> '')`
