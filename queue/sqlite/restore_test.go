package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// backedUp gives a backup of a store with one message.
func backedUp(t *testing.T) (to string) {
	t.Helper()
	dir, to := t.TempDir(), t.TempDir()
	s := open(t, Options{Dir: dir})
	if _, err := s.Commit(t.Context(), acceptUnit("m", []byte("body"))); err != nil {
		t.Fatal(err)
	}
	if _, err := Backup(t.Context(), dir, to); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestRestoreRefusesLeftovers: what is left of another store would be read into the restored one.
func TestRestoreRefusesLeftovers(t *testing.T) {
	to := backedUp(t)
	for _, name := range []string{fileName, fileName + "-wal", fileName + "-shm", "journal/00000001.seg", "journal/00000007.seg", "bodies/ab/abc", restoringFile} {
		dir := t.TempDir()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(t.Context(), to, dir); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("%s: %v", name, err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "left" {
			t.Errorf("%s is %q, %v", name, text, err)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"journal", "bodies"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Restore(t.Context(), to, dir); err != nil {
		t.Errorf("empty folders: %v", err)
	}
	crashOpens(t, dir, "m")
}

// crashOpens opens a store and looks for messages.
func crashOpens(t *testing.T, dir string, ids ...string) {
	t.Helper()
	s := open(t, Options{Dir: dir})
	for _, id := range ids {
		if _, err := s.Message(t.Context(), id); err != nil {
			t.Errorf("message %s: %v", id, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRestoreInterrupted: half a restore is neither opened nor restored over, also when its database was copied.
func TestRestoreInterrupted(t *testing.T) {
	to := backedUp(t)
	loop := filepath.Join(to, "bodies", "loop")
	if err := os.MkdirAll(filepath.Dir(loop), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop", loop); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	dir := t.TempDir()
	if _, err := Restore(t.Context(), to, dir); err == nil {
		t.Fatal("a file that cannot be read was restored")
	}
	if err := os.Remove(loop); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), to, dir); !errors.Is(err, ErrNotEmpty) || !errors.Is(err, ErrRestoring) {
		t.Errorf("restore over half a restore: %v", err)
	}
	for range 2 {
		if _, err := Open(t.Context(), Options{Dir: dir, Logger: quiet()}); !errors.Is(err, ErrRestoring) {
			t.Errorf("half a restore opens: %v", err)
		}
		if _, err := OpenReader(dir); !errors.Is(err, ErrRestoring) {
			t.Errorf("half a restore is read: %v", err)
		}
		if err := os.WriteFile(filepath.Join(dir, fileName), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBackupOfKilled copies a store whose tables stand behind its journal, with a torn frame at the end, and nobody runs who brings
// them up to date: all that was acknowledged is in the backup.
func TestBackupOfKilled(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	var ids []string
	var early []byte
	var last string
	for round := range 2 {
		s := open(t, Options{Dir: dir, SegmentBytes: 2000, CheckpointEvery: time.Hour})
		for i := range 20 {
			id := fmt.Sprintf("k%d-%d", round, i)
			if _, err := s.Commit(t.Context(), acceptUnit(id, crashBody(id))); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		last = segmentPath(s.journalDir(), s.journal.seg)
		if round == 0 {
			var err error
			if early, err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(path, early, 0o600); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	torn := slices.Concat(whole, whole[:min(len(whole), 50)])
	if err := os.WriteFile(last, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	to, restored := t.TempDir(), t.TempDir()
	info, err := Backup(t.Context(), dir, to)
	if err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(last); err != nil || len(after) != len(torn) {
		t.Errorf("the store was changed: %d of %d bytes, %v", len(after), len(torn), err)
	}
	if info.Frame != uint64(len(ids))+1 || filepath.Base(segmentPath("", info.Segment)) != filepath.Base(last) || info.Offset != int64(len(whole)) {
		t.Errorf("the backup ends at %+v", info)
	}
	if _, err := Restore(t.Context(), to, restored); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(restored) // what only the journal had is read without a start
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if _, err := r.Message(t.Context(), id); err != nil {
			t.Errorf("message %s before a start: %v", id, err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	crashOpens(t, restored, ids...)

	// A frame that was acknowledged and cannot be read is no backup.
	for i := range whole[:40] {
		whole[i] ^= 0x40
	}
	harmed := segmentPath(filepath.Dir(last), info.Segment-1) // behind what the tables hold
	if err := os.WriteFile(harmed, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Backup(t.Context(), dir, t.TempDir()); !errors.Is(err, queue.ErrDamaged) {
		t.Errorf("a damaged journal: %v", err)
	}
}

// TestBackupWaitsForTidying: the gateway holds the segments for a moment, which is no other backup.
func TestBackupWaitsForTidying(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), CheckpointEvery: time.Hour})
	leave, err := s.noBackup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, leave)
	if _, err := Backup(t.Context(), s.opts.Dir, t.TempDir()); err != nil {
		t.Error(err)
	}
}
