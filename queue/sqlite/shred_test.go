package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// goneSoon waits until a file is gone.
func goneSoon(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(comes); isFile(path); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s is there still", path)
		}
	}
}

// acceptLarge stores a processed message with a large body and gives its file.
func acceptLarge(t *testing.T, s *Store, id string) (path string) {
	t.Helper()
	u := acceptUnit(id, crashBody(id))
	u.Accept.Patient = id
	u.Message = &queue.MessageStep{ID: id, To: samvirke.MessageProcessed, Patient: id}
	if _, err := s.Commit(t.Context(), u); err != nil {
		t.Error(err) // also beside the test's goroutine
	}
	return s.bodies.path(sumOf(crashBody(id)))
}

// TestShredWaitsForBackup: while a backup is under way, which may have copied a row and not yet its file, no file goes, whoever wants it
// gone and however long; when the caller does not wait for it, or the store ends, it goes later by itself.
func TestShredWaitsForBackup(t *testing.T) {
	drop := func(ctx context.Context, s *Store, _ string) error {
		_, _, err := s.DropPayloads(ctx, time.Now().Add(time.Hour), 0, 10)
		return err
	}
	erase := func(ctx context.Context, s *Store, id string) error {
		_, err := s.Erase(ctx, queue.Erasure{Patients: []string{id}})
		return err
	}
	unwiped := func(ctx context.Context, s *Store, id string) error {
		_, err := s.Erase(ctx, queue.Erasure{Patients: []string{id}, Unwiped: true})
		return err
	}
	for name, f := range map[string]func(context.Context, *Store, string) error{"drop": drop, "erase": erase, "unwiped": unwiped} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o := Options{Dir: dir, InlineLimit: 1000, CheckpointEvery: 3 * time.Millisecond}
			s := open(t, o)
			path := acceptLarge(t, s, "m-3")
			keep, err := keepAll(t.Context(), filepath.Join(dir, keepFile))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := f(ctx, s, "m-3"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("it ended with %v during a backup", err)
			}
			if body, err := os.ReadFile(path); err != nil || !bytes.Equal(body, crashBody("m-3")) {
				t.Fatalf("the file is changed during a backup: %v", err)
			}
			if m, err := s.Message(t.Context(), "m-3"); err != nil || len(m.Raw) != 0 {
				t.Fatalf("the row is not gone, so this shows nothing: %d bytes, %v", len(m.Raw), err)
			}
			if err := keep.Close(); err != nil {
				t.Fatal(err)
			}
			goneSoon(t, path)

			// The same with a start in between.
			path = acceptLarge(t, s, "n-3")
			if keep, err = keepAll(t.Context(), filepath.Join(dir, keepFile)); err != nil {
				t.Fatal(err)
			}
			ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := f(ctx, s, "n-3"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("it ended with %v during a backup", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			old := time.Now().Add(-time.Hour)
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
			open(t, o)
			time.Sleep(300 * time.Millisecond) // it would be gone in some milliseconds
			if !isFile(path) {
				t.Fatal("a start removes the file during a backup")
			}
			if err := keep.Close(); err != nil {
				t.Fatal(err)
			}
			goneSoon(t, path)
		})
	}
}

// TestShredHoldsUpNoOther: a file that cannot be removed is told and tried again, and the others go.
func TestShredHoldsUpNoOther(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), InlineLimit: 1000})
	var paths []string
	for i := range 3 {
		paths = append(paths, acceptLarge(t, s, fmt.Sprint("m", i, "-3")))
	}
	if err := errors.Join(os.Remove(paths[0]), os.MkdirAll(filepath.Join(paths[0], "in the way"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.DropPayloads(t.Context(), time.Now().Add(time.Hour), 0, 10); err == nil {
		t.Error("a file that stays is not told")
	}
	if isFile(paths[1]) || isFile(paths[2]) {
		t.Error("it holds up the others")
	}
	if err := errors.Join(os.RemoveAll(paths[0]), os.WriteFile(paths[0], []byte("content"), 0o600)); err != nil {
		t.Fatal(err)
	}
	s.askTidy()
	goneSoon(t, paths[0])
}
