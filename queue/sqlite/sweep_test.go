package sqlite

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// TestRemoveAcknowledged removes files that nothing names in the moment after the message was acknowledged whose body is in one: its row
// waits for the tables, and the file stays.
func TestRemoveAcknowledged(t *testing.T) {
	for what, remove := range map[string]func(s *Store, name string) error{
		"sweep": func(s *Store, name string) error {
			// As a crash between file and frame left it: from an earlier life.
			old := s.opened.Add(-time.Hour)
			if err := os.Chtimes(s.bodies.path(name), old, old); err != nil {
				return err
			}
			orphans, err := s.bodies.sweep(s.opened, s.bodyKnown, nil)
			return errors.Join(err, s.shred(t.Context(), orphans))
		},
		"shred": func(s *Store, name string) error { return s.shred(t.Context(), []string{name}) },
	} {
		t.Run(what, func(t *testing.T) {
			s := open(t, Options{Dir: t.TempDir(), InlineLimit: 1000})
			for i := range 20 {
				id := fmt.Sprint("m", i, "-3") // large
				body := crashBody(id)
				if _, err := s.Commit(t.Context(), acceptUnit(id, body)); err != nil {
					t.Fatal(err)
				}
				if err := remove(s, sumOf(body)); err != nil {
					t.Fatal(err)
				}
				if m, err := s.Message(t.Context(), id); err != nil || string(m.Raw) != string(body) {
					t.Fatalf("message %d has %d bytes, %v", i, len(m.Raw), err)
				}
			}
			orphan := crashBody("nobody names 3")
			name, err := s.bodies.write(orphan)
			if err != nil {
				t.Fatal(err)
			}
			s.bodies.unpin(unitFiles{all: []string{name}})
			if err := remove(s, name); err != nil {
				t.Fatal(err)
			}
			if isFile(s.bodies.path(name)) {
				t.Error("a file that no row names is there still")
			}
		})
	}
}

// TestRemoveWhenFull has no room to write the rows that wait: whether they name a file cannot be told, so it stays.
func TestRemoveWhenFull(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, InlineLimit: 1000, maxPages: 100})
	var stored []string
	for refused := 0; refused < 5; {
		id := fmt.Sprint("m", len(stored), "-3")
		u := acceptUnit(id, crashBody(id))
		u.Message = &queue.MessageStep{ID: id, Envelope: make([]byte, 5000)}
		switch _, err := s.Commit(t.Context(), u); {
		case err == nil:
			stored = append(stored, id)
		case errors.Is(err, queue.ErrFull):
			refused++
		default:
			t.Fatal(err)
		}
	}
	waits := 0
	for _, id := range stored {
		switch _, err := s.bodies.shred([]string{sumOf(crashBody(id))}, s.bodyKnown); {
		case errors.Is(err, queue.ErrFull):
			waits++
		case err != nil:
			t.Fatal(err)
		}
	}
	if waits == 0 {
		t.Error("every row stands in the tables: the test shows nothing")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir, InlineLimit: 1000})
	for _, id := range stored {
		if m, err := s.Message(t.Context(), id); err != nil || string(m.Raw) != string(crashBody(id)) {
			t.Fatalf("%s has %d bytes, %v", id, len(m.Raw), err)
		}
	}
}
