package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/samvirke/samvirke/queue"
)

// Store is an open store; see the package comment.
type Store struct {
	*reader
	opts  Options
	owner string // this life of the gateway

	claims *pgxpool.Pool // for claiming work: commits do not wait for the sync
	slow   *pgxpool.Pool // for pressing and checking bodies, so that neither readers nor claims wait for those
	desks  *desks
	inbox  *inbox
	feed   *feed
	meters *meters
	writer *writer
	salt   []byte
	// erasures is what is known of erased people.
	erasures erasures
	rumours  rumours

	in         chan *request
	stop       chan struct{} // closed when the store closes or fails
	writerDone chan struct{}
	others     sync.WaitGroup

	mu      sync.Mutex
	err     error // why it failed
	closed  bool
	stopped bool
	failed  chan struct{}
	closing chan struct{} // closed when Close has finished
	// size is that of the tables on disk, reusable how much of it stands empty; both as last looked at.
	size, reusable atomic.Int64
	// unaccounted is the conservation figure, gateways how many are alive; both as last looked at.
	unaccounted, gateways atomic.Int64
	// damaged are the bodies that could not be read, as last looked at; pressedFrom and pressedTo the bytes that this gateway
	// has pressed, and what became of them.
	damaged, pressedFrom, pressedTo atomic.Int64
	// alone says that no other gateway was alive at the last sign of life: nobody has to be woken.
	alone atomic.Bool
	// heard counts what others have said, see nobodyElse.
	heard atomic.Int64
}

var _ queue.Store = (*Store)(nil)

// Open opens the store in a database and makes its tables when they are not there. It returns queue.ErrNewer for
// tables that this version must not touch, and ErrUnavailable when the database cannot be reached.
func Open(ctx context.Context, opts Options) (s *Store, err error) {
	if err := opts.defaults(); err != nil {
		return nil, err
	}
	if err := migrate(ctx, opts); err != nil {
		return nil, err
	}
	s = &Store{opts: opts, owner: newOwner(), in: make(chan *request, maxGroup), stop: make(chan struct{}),
		writerDone: make(chan struct{}), failed: make(chan struct{}), closing: make(chan struct{}), erasures: erasures{began: time.Now()}}
	s.desks, s.inbox = newDesks(opts.Ahead), newInbox()
	var open []func()
	defer func() {
		if err != nil {
			for _, f := range open {
				f()
			}
		}
	}()
	if s.reader, err = openReader(ctx, opts, opts.Readers); err != nil {
		return nil, err
	}
	open = append(open, s.reader.pool.Close)
	s.reader.usable = s.usable
	if s.claims, err = newPool(ctx, opts, claimers, hot(map[string]string{"synchronous_commit": "off"})); err != nil {
		return nil, err
	}
	open = append(open, s.claims.Close)
	if s.slow, err = newPool(ctx, opts, helpers, hot(map[string]string{"synchronous_commit": "off"})); err != nil {
		return nil, err
	}
	open = append(open, s.slow.Close)
	s.writer = &writer{s: s}
	if err = s.writer.begin(ctx); err != nil {
		return nil, err
	}
	open = append(open, s.writer.hangUp)
	if s.feed, err = newFeed(ctx, s); err != nil {
		return nil, err
	}
	if s.meters, err = newMeters(opts.Registerer, s); err != nil {
		return nil, err
	}
	if err = s.sign(ctx); err != nil {
		s.meters.close(opts.Registerer)
		return nil, err
	}
	if !s.alone.Load() {
		// Those who believe themselves alone learn of this one at once, and not with their next sign of life.
		_, _ = s.claims.Exec(ctx, `SELECT pg_notify($1, $2)`, s.channel(), s.owner+" 0 -")
	}
	if err = s.measureSize(ctx); err != nil {
		s.meters.close(opts.Registerer)
		return nil, err
	}
	go s.writer.loop()
	s.others.Go(s.signs)
	s.others.Go(s.feed.listen)
	s.others.Go(s.feed.run)
	s.others.Go(s.ages)
	s.others.Go(s.checks)
	return s, nil
}

// newPool makes a pool; connections are made when they are needed.
func newPool(ctx context.Context, o Options, size int, params map[string]string) (*pgxpool.Pool, error) {
	c, err := o.config(params)
	if err != nil {
		return nil, err
	}
	pc, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, err
	}
	pc.ConnConfig, pc.MaxConns, pc.MinConns = c, int32(min(size, 1000)), 0
	pc.MaxConnIdleTime = 10 * time.Minute
	p, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", hidden(err))
	}
	return p, nil
}

// hidden keeps an address with its password out of a text.
func hidden(err error) error {
	if code := sqlState(err); code != "" {
		return err // an answer of the server quotes no password
	}
	return fmt.Errorf("%w: %s", ErrUnavailable, cause(err))
}

// cause is the innermost text: those around it quote the address.
func cause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			if many, ok := err.(interface{ Unwrap() []error }); ok && len(many.Unwrap()) > 0 { //nolint:errorlint // walked on purpose
				next = many.Unwrap()[len(many.Unwrap())-1]
			} else {
				return err.Error()
			}
		}
		err = next
	}
}

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

// Close ends the store; see queue.Store. What this gateway has in hand is given back, so that others, or its next
// life, take it at once.
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
	s.mu.Unlock()
	defer close(s.closing)

	<-s.writerDone
	s.others.Wait()
	s.feed.close()
	s.meters.close(s.opts.Registerer)
	queue.Reach(queue.PointPgClose)
	s.giveBack()
	s.writer.hangUp()
	s.claims.Close()
	s.slow.Close()
	s.reader.pool.Close()
	return nil
}

// giveBackTime is how long giving back may take: a gateway that ends has half a minute, and what is not given back stands still until
// its time is over.
const giveBackTime = 15 * time.Second

// giveBack lets go of messages and leases. When it does not succeed they are taken over after their time.
func (s *Store) giveBack() {
	ctx, cancel := context.WithTimeout(context.Background(), giveBackTime)
	defer cancel()
	s.endClaims(ctx)
	b := &pgx.Batch{}
	b.Queue(`BEGIN`)
	b.Queue(`SELECT one FROM head FOR UPDATE`) // so that no group waits for us while we wait for it
	b.Queue(`UPDATE open_message SET owner = '' WHERE owner = $1`, s.owner)
	b.Queue(`UPDATE lane SET leased = 0, token = 0, owner = '', due = head_due WHERE owner = $1`, s.owner)
	b.Queue(`DELETE FROM leader WHERE owner = $1`, s.owner)
	b.Queue(`DELETE FROM gateway WHERE owner = $1`, s.owner)
	b.Queue(`SELECT pg_notify($1, $2)`, s.channel(), s.owner+" 0 * *")
	b.Queue(`COMMIT`)
	if err := s.claims.SendBatch(ctx, b).Close(); err != nil {
		s.opts.Logger.Warn("work in hand could not be given back, it is taken over after its time", "err", cause(err))
	}
}

// endClaims waits for the claims under way, and lets nobody claim any more.
func (s *Store) endClaims(ctx context.Context) {
	ones := []chan struct{}{s.inbox.one}
	s.desks.mu.Lock()
	for _, d := range s.desks.party {
		ones = append(ones, d.one)
	}
	s.desks.mu.Unlock()
	for _, one := range ones {
		select {
		case one <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}
