package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// lines counts the lines with a text that are written to it.
type lines struct {
	text string
	n    atomic.Int64
}

func (l *lines) Write(b []byte) (int, error) {
	if strings.Contains(string(b), l.text) {
		l.n.Add(1)
	}
	return len(b), nil
}

// TestCheckpointsAgain: the connection for checkpoints cannot be opened for a while. It is tried again, and meanwhile the size is looked at.
func TestCheckpointsAgain(t *testing.T) {
	v, told := newFaultVFS(t, ""), &lines{text: "no checkpoints"}
	s := open(t, Options{Dir: t.TempDir(), vfs: v.name, CheckpointEvery: time.Hour, unchecked: true, Logger: slog.New(slog.NewTextHandler(told, nil))})
	v.refuse(true)
	s.size.Store(0)
	s.others.Go(s.checkpoints) // those that began with the store wait for an hour
	for deadline := time.Now().Add(comes); told.n.Load() < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is not tried again")
		}
	}
	v.refuse(false)
	if s.size.Load() == 0 {
		t.Error("nobody has looked at the size meanwhile")
	}
}

// TestDiskBudgetFreed fills a store over its budget and takes away what can go: new messages are taken again, although the file of the
// database is as long as before.
func TestDiskBudgetFreed(t *testing.T) {
	for name, take := range map[string]func(ctx context.Context, s *Store) error{
		"dropped": func(ctx context.Context, s *Store) error {
			for after := int64(0); ; {
				_, next, err := s.DropPayloads(ctx, time.Now().Add(time.Hour), after, 100)
				if after = next; err != nil || after == 0 {
					return err
				}
			}
		},
		"erased": func(ctx context.Context, s *Store) error {
			_, err := s.Erase(ctx, queue.Erasure{Patients: []string{"urn:test|one"}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{Dir: t.TempDir(), DiskBudget: 6 << 20, CheckpointEvery: 5 * time.Millisecond, SegmentBytes: 200_000, InlineLimit: 100_000})
			unit := func(id string) *queue.Unit {
				const one = "urn:test|one"
				u := acceptUnit(id, make([]byte, 20_000))
				u.Accept.Patient = one
				u.Message = &queue.MessageStep{ID: id, To: samvirke.MessageProcessed, Patient: one}
				if name == "erased" {
					u.Records = []queue.Record{{Key: id, Hash: "h", Patient: one, MessageID: id, ReceivedAt: time.Now(), Body: make([]byte, 50_000)}}
				}
				return u
			}
			n := 0
			for err := error(nil); !errors.Is(err, queue.ErrFull); n++ {
				if _, err = s.Commit(t.Context(), unit(fmt.Sprint("m", n))); err != nil && !errors.Is(err, queue.ErrFull) || n > 10_000 {
					t.Fatalf("message %d: %v", n, err)
				}
			}
			if name == "erased" { // what is inside grows still, until the database alone is over the budget
				for i := 0; bytesOf(t, s.path) <= s.opts.DiskBudget && i < 1000; i++ {
					u := &queue.Unit{Now: time.Now(), Records: unit(fmt.Sprint("r", i)).Records}
					u.Records[0].MessageID = "m0"
					if _, err := s.Commit(t.Context(), u); err != nil {
						t.Fatal(err)
					}
				}
				defer func() {
					if n := bytesOf(t, s.path); n <= s.opts.DiskBudget {
						t.Errorf("the database has %d bytes, so this shows nothing", n)
					}
				}()
			}
			if err := take(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
				_, err := s.Commit(t.Context(), unit("again"))
				if err == nil {
					break
				}
				if !errors.Is(err, queue.ErrFull) || time.Now().After(deadline) {
					t.Fatalf("%d bytes, %d of them free: %v", s.size.Load(), s.free.Load(), err)
				}
			}
			t.Logf("%d messages, then %d bytes, %d of them free", n, s.size.Load(), s.free.Load())
		})
	}
}

func bytesOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestLogShrinks lets a reader keep the log from being copied while much is written: when the reader is gone, the log begins anew and is
// cut.
func TestLogShrinks(t *testing.T) {
	const limit = 1 << 20
	s := open(t, Options{Dir: t.TempDir(), CheckpointEvery: 5 * time.Millisecond, logLimit: limit})
	write := func(id string) int64 {
		u := acceptUnit(id, nil)
		u.Message = &queue.MessageStep{ID: id, To: samvirke.MessageProcessed, Envelope: make([]byte, 50_000)}
		if _, err := s.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if err := s.settled(t.Context()); err != nil {
			t.Fatal(err)
		}
		return bytesOf(t, s.path+"-wal")
	}
	write("before")
	tx, err := s.db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`SELECT count(*) FROM message`); err != nil {
		t.Fatal(err)
	}
	n, size := 0, int64(0)
	for ; size < 3*limit; n++ {
		size = write(fmt.Sprint("m", n))
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(comes); size > limit; n++ {
		if size = write(fmt.Sprint("m", n)); time.Now().After(deadline) {
			t.Fatalf("the log has %d bytes still", size)
		}
		time.Sleep(5 * time.Millisecond) // for a checkpoint
	}
}
