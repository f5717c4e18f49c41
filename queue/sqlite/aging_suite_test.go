package sqlite

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

func TestAging(t *testing.T) {
	a := queuetest.Aging{
		Engine: queuetest.Engine{Open: func(t testing.TB, dir string) queue.Store {
			s, err := Open(context.Background(), Options{Dir: dir, Logger: quiet(), SegmentBytes: 200_000, CheckpointEvery: 3 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}},
		Settle: func(t testing.TB, s queue.Store) { settleHeld(t, s.(*Store)) },
		Step: func(ctx context.Context, s queue.Store, before time.Time) (int64, error) {
			return s.(*Store).Age(ctx, before)
		},
		Check: func(ctx context.Context, s queue.Store) error {
			_, err := s.(*Store).Check(ctx)
			return err
		},
		Integrity: func(ctx context.Context, s queue.Store) (queue.Integrity, error) { return s.(*Store).Integrity(ctx) },
		NextRound: func(t testing.TB, dir string) { alter(t, dir, `UPDATE integrity SET ended = 1`) },
		Hurt:      hurtBody,
	}
	if punches(t, t.TempDir()) {
		a.Room = func(t testing.TB, s queue.Store, dir string) int64 {
			waitSegments(t, s.(*Store), 2)
			if err := s.(*Store).cutLog(t.Context()); err != nil {
				t.Fatal(err)
			}
			return diskOf(t, dir)
		}
	}
	queuetest.RunAging(t, a)
}

// hurtBody changes a byte of a stored body of a message, wherever it stands.
func hurtBody(t testing.TB, dir, id string) {
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b []byte
	if err := r.db.QueryRow(`SELECT place FROM message WHERE id = ?`, id).Scan(&b); err != nil {
		t.Fatal(err)
	}
	p, ok := placeOf(b)
	if !ok {
		t.Fatal("the body has no place")
	}
	f, err := os.OpenFile(segmentPath(filepath.Join(dir, "journal"), p.seg), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	at := int64(p.at) + int64(p.n)/2
	if _, err = f.ReadAt(one, at); err == nil {
		one[0] ^= 0xff
		_, err = f.WriteAt(one, at)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		t.Fatal(err)
	}
}

// diskOf is what the files of a store take on disk.
func diskOf(t testing.TB, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if os.IsNotExist(err) {
			return nil
		}
		if err == nil {
			n += onDisk(info)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// punches says whether the file system gives room in a file back.
func punches(t testing.TB, dir string) bool {
	t.Helper()
	file, err := os.CreateTemp(dir, "punch")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(1 << 20); err != nil {
		t.Fatal(err)
	}
	p, can := any(diskFile{file}).(interface{ Punch(at, n int64) error })
	return can && p.Punch(0, 1<<19) == nil
}
