package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// TestBodySyncFails lets a sync of a large body fail, or of its folder, or of the folder of those: the unit is not acknowledged and the
// store is failed for good, also for somebody who stores the same content when the disk is well again.
func TestBodySyncFails(t *testing.T) {
	for _, part := range []string{bodyFile, bodyFolder, bodyRoot} {
		t.Run(part, func(t *testing.T) {
			dir := t.TempDir()
			f := &faultFiles{failBody: map[string]error{part: syscall.EIO}}
			s := open(t, Options{Dir: dir, files: f, InlineLimit: 1000})
			if _, err := s.Commit(t.Context(), acceptUnit("small", []byte("b"))); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Commit(t.Context(), acceptUnit("m", crashBody("m-3"))); !errors.Is(err, queue.ErrFailed) {
				t.Errorf("commit during the fault: %v", err)
			}
			select {
			case <-s.Failed():
			case <-time.After(comes):
				t.Fatal("the store has not failed")
			}
			f.mu.Lock()
			f.failBody = nil
			f.mu.Unlock()
			if _, err := s.bodies.write(crashBody("m-3")); err == nil && part != bodyFile {
				t.Error("the same content is taken for synced after a failed sync")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, Options{Dir: dir, files: f, InlineLimit: 1000})
			if _, err := s.Message(t.Context(), "m"); !errors.Is(err, queue.ErrNotFound) {
				t.Errorf("a refused message: %v", err)
			}
			if _, err := s.Commit(t.Context(), acceptUnit("again", crashBody("m-3"))); err != nil {
				t.Errorf("commit after the restart: %v", err)
			}
		})
	}
}

// TestBodyDiskFull: the disk that is full when a large body is synced is a refusal, and the body is written anew afterwards.
func TestBodyDiskFull(t *testing.T) {
	f := &faultFiles{failBody: map[string]error{bodyFile: syscall.ENOSPC}}
	s := open(t, Options{Dir: t.TempDir(), files: f, InlineLimit: 1000})
	if _, err := s.Commit(t.Context(), acceptUnit("m", crashBody("m-3"))); !errors.Is(err, queue.ErrFull) {
		t.Errorf("commit on a full disk: %v", err)
	}
	f.mu.Lock()
	f.failBody = nil
	f.mu.Unlock()
	if _, err := s.Commit(t.Context(), acceptUnit("m", crashBody("m-3"))); err != nil {
		t.Fatalf("commit after room was made: %v", err)
	}
	if m, err := s.Message(t.Context(), "m"); err != nil || !bytes.Equal(m.Raw, crashBody("m-3")) {
		t.Errorf("%d bytes, %v", len(m.Raw), err)
	}
}

// heldFiles holds up the sync of the folder of body folders.
type heldFiles struct {
	diskFiles
	gate *gate
}

func (h heldFiles) SyncFolder(path string) error {
	if bodyPart(path) == bodyRoot {
		h.gate.pass()
	}
	return h.diskFiles.SyncFolder(path)
}

// TestBodyFolderOfTwo: two write into a new folder, of whom one makes it. The other waits too until its name is synced.
func TestBodyFolderOfTwo(t *testing.T) {
	g := newGate()
	t.Cleanup(g.open)
	s := open(t, Options{Dir: t.TempDir(), files: heldFiles{gate: g}})
	first := []byte("first")
	second := first
	for i := 0; bytes.Equal(second, first) || sumOf(second)[:2] != sumOf(first)[:2]; i++ {
		second = fmt.Append(nil, "second", i)
	}
	write := func(body []byte) chan error {
		done := make(chan error, 1)
		go func() {
			_, err := s.bodies.write(body)
			done <- err
		}()
		return done
	}
	one := write(first)
	select {
	case <-g.came:
	case err := <-one:
		t.Fatalf("the folder of the folders is not synced: %v", err)
	}
	two := write(second)
	select {
	case err := <-two:
		t.Errorf("the second does not wait for the folder: %v", err)
		two <- err
	case <-time.After(100 * time.Millisecond): // it would take some milliseconds
	}
	g.open()
	if err := errors.Join(<-one, <-two); err != nil {
		t.Fatal(err)
	}
}
