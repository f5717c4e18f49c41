package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// usable gives nil while units are taken, otherwise why not.
func (s *Store) usable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return queue.ErrFailed
	case s.closed:
		return queue.ErrClosed
	}
	return nil
}

// usableErr is usable, and err when it is.
func (s *Store) usableErr(err error) error {
	if s.broken() {
		return queue.ErrFailed
	}
	return err
}

func (s *Store) broken() bool { return s.Err() != nil }

// fail ends the store: nothing is taken any more, and everybody who waits is told.
func (s *Store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.err = errors.Join(queue.ErrFailed, err)
	close(s.failed)
	if !s.stopped {
		s.stopped = true
		close(s.stop)
	}
	s.opts.Logger.Error("store failed, the gateway must be restarted", "err", err)
}

// Failed is closed when the store has failed; see queue.Store.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err tells why the store has failed, nil while it has not.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the store; see queue.Store. Units that wait are answered with queue.ErrClosed, those in the
// running group with their outcome.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		<-s.closing
		return nil
	}
	s.closed = true
	if !s.stopped {
		s.stopped = true
		close(s.stop)
	}
	w := s.writer
	s.mu.Unlock()
	defer close(s.closing)

	<-s.writerDone
	s.others.Wait()
	queue.Reach(queue.PointClose)
	s.lanes.stop()
	s.subs.Close()
	s.meters.close(s.opts.Registerer)
	err := s.reader.close()
	if !s.broken() {
		s.journal.trim()
	}
	s.journal.close()
	w.close() // the last connection: SQLite copies the log into the database and removes it
	if e := s.lock.Close(); err == nil {
		err = e
	}
	return err
}

// Subscribe gives committed events in order; see queue.Store. Close of the store closes the channel too.
func (s *Store) Subscribe(buffer int) (<-chan samvirke.Event, func()) { return s.subs.Add(buffer) }

func isFile(path string) bool {
	info, err := os.Stat(filepath.Clean(path))
	return err == nil && info.Mode()&fs.ModeType == 0
}

// Stats gives the totals; see queue.Reader.
func (r *reader) Stats(ctx context.Context) (queue.Stats, error) {
	st := queue.Stats{Messages: map[samvirke.MessageStatus]int64{},
		Deliveries:    map[string]map[samvirke.DeliveryState]int64{},
		OldestWaiting: map[string]time.Time{}, ReceiptsAwaited: map[string]int64{}}
	if r.totals != nil {
		r.totals(&st)
	} else if err := r.storedStats(ctx, &st); err != nil {
		return st, err
	}
	if err := r.wait(ctx); err != nil {
		return st, err
	}
	return st, r.oldest(ctx, &st)
}
