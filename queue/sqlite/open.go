package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	modernc "modernc.org/sqlite"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/press"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrLocked says that another process has the store open.
var ErrLocked = errors.New("store is in use by another process")

// minVersion is the first SQLite without the corruption at WAL reset.
var minVersion = [3]int{3, 51, 3}

// fileName is the database inside the folder.
const fileName = "samvirke.db"

// Store is an open store; see the package comment.
type Store struct {
	*reader
	opts    Options
	path    string
	lock    *os.File
	bodies  *bodies
	journal *journal
	lanes   *lanes
	feed    *feed
	totals  *totals
	subs    *queue.Subscribers
	meters  *meters

	writer *writer
	opened time.Time
	clock  clockWatch

	// held is the newest spot known to be in the tables for good; tidyNow asks for a look at the segments.
	held    atomic.Pointer[spot]
	tidyNow chan struct{}
	// applies counts the transactions of the tables.
	applies atomic.Int64

	in         chan *request
	stop       chan struct{} // closed when the store closes or fails
	writerDone chan struct{}
	others     sync.WaitGroup // checkpoints, verification

	mu      sync.Mutex
	err     error // why it failed
	closed  bool
	stopped bool
	failed  chan struct{}
	closing chan struct{} // closed when Close has finished
	size    atomic.Int64  // on disk
	free    atomic.Int64  // of that, what the database holds for what comes next
	discord atomic.Int64

	// salt keys the hashes of what was erased; erasedAny says that there are some.
	salt      []byte
	erasedAny atomic.Bool
	// erasing is held by who erases or wipes.
	erasing chan struct{}
	// wiped are segments whose changes are all gone, bodyCounts how many bodies are in those that were left. wiping is the
	// lock of both and of everything that changes segments that were left or removes body files; who holds it has a place in it.
	wiped      map[uint32]bool
	bodyCounts map[uint32]int64
	spared     spared
	// sparedAny says that there are some that are spared.
	sparedAny atomic.Bool
	// asideWaited says that somebody waits for the end of an aside job; for loose jobs nobody waits.
	asideWaited atomic.Bool
	// droppedAny says that a walk of DropPayloads has taken something.
	droppedAny atomic.Bool
	wiping     chan struct{}
	// trimmed says that the aged segment ends where its table says; under wiping too.
	trimmed bool
	// damaged is how many bodies the check of integrity could not read.
	damaged  atomic.Int64
	checking sync.Mutex
	// pressedFrom and pressedTo count the bytes that were pressed and what became of them.
	pressedFrom, pressedTo atomic.Int64
	// press makes bodies smaller that have aged.
	press    func() (*press.Press, error)
	verified sync.Once
	// dirty says which erasures of an earlier life have to be wiped out of the files still, 0: none.
	dirty int64
}

var _ queue.Store = (*Store)(nil)

// Open opens the store in opts.Dir and makes it when it is not there. It returns queue.ErrNewer for one
// written by a newer version, ErrLocked while another process has it, and ErrRestoring when a restore was interrupted.
//
// It returns as soon as units can be committed; open deliveries and received messages of an earlier
// life are read in the background, and Lease and Received wait for them.
func Open(ctx context.Context, opts Options) (s *Store, err error) {
	if err := opts.defaults(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make store folder: %w", err)
	}
	s = &Store{opts: opts, path: filepath.Join(opts.Dir, fileName),
		in: make(chan *request, maxGroup), stop: make(chan struct{}), writerDone: make(chan struct{}),
		tidyNow: make(chan struct{}, 1),
		failed:  make(chan struct{}), closing: make(chan struct{}),
		// Tokens of an earlier life must never fit: they begin at the clock.
		lanes: newLanes(time.Now().UnixNano()), feed: newFeed(), totals: &totals{n: map[tallyKey]int64{}},
		subs: queue.NewSubscribers(), erasing: make(chan struct{}, 1), wiping: make(chan struct{}, 1), wiped: map[uint32]bool{}, bodyCounts: map[uint32]int64{}}
	lock, err := lockFolder(filepath.Join(opts.Dir, "lock"))
	if err != nil {
		return nil, err
	}
	s.lock = lock
	defer func() {
		if err != nil {
			lock.Close()
		}
	}()
	if err = restored(opts.Dir); err != nil {
		return nil, err
	}
	if s.bodies, err = openBodies(filepath.Join(opts.Dir, "bodies"), opts.InlineLimit, opts.files); err != nil {
		return nil, err
	}
	if s.meters, err = newMeters(opts.Registerer, s); err != nil {
		return nil, err
	}
	m := s.meters
	defer func() {
		if err != nil {
			m.close(opts.Registerer)
		}
	}()
	s.opened = time.Now()
	s.clock.back(opts.Now(), 0)
	w, err := s.openWriter(ctx)
	if err != nil {
		return nil, err
	}
	s.writer = w
	if err = syncFolder(opts.Dir); err != nil { // the entry of a database just made
		s.journal.close()
		w.close()
		return nil, err
	}
	if s.reader, err = openReader(s.path, s.opts.vfs, s.opts.Readers, s.bodies, newSegments(s.journalDir())); err != nil {
		s.journal.close()
		w.close()
		return nil, err
	}
	s.press = s.reader.places.press
	s.reader.settled, s.reader.settle = s.settled, s.settle
	s.reader.leased = s.lanes.leased
	s.reader.totals = s.liveStats
	s.measureFirst(ctx)
	go w.loop()
	s.others.Go(s.checkpoints)
	s.others.Go(s.tidying)
	s.others.Go(s.ages)
	if !s.opts.unchecked {
		s.others.Go(s.checks)
	}
	s.others.Go(s.verify)
	return s, nil
}

// busyTimeout is how long the writer waits for a lock, in milliseconds.
const busyTimeout = "10000"

// openWriter opens the writing connection, brings the schema up to date and reads the last numbers.
func (s *Store) openWriter(ctx context.Context) (_ *writer, err error) {
	pragmas := []string{"busy_timeout(" + busyTimeout + ")", "page_size(4096)", "journal_mode(WAL)", "synchronous(NORMAL)",
		"wal_autocheckpoint(32000)", "temp_store(MEMORY)", "cache_size(-" + strconv.Itoa(pageCacheLeast) + ")", "foreign_keys(OFF)", "secure_delete(ON)",
		"journal_size_limit(" + strconv.Itoa(s.opts.logLimit) + ")"}
	if s.opts.maxPages > 0 {
		pragmas = append(pragmas, "max_page_count("+strconv.Itoa(s.opts.maxPages)+")")
	}
	address := dsn(s.path, s.opts.vfs, pragmas...)
	if err := migrate(ctx, address, s.opts); err != nil {
		return nil, err
	}
	log, err := newLogBuffer(s.opts.vfs)
	if err != nil {
		return nil, err
	}
	db, err := dial(dsn(s.path, log.name, pragmas...))
	if err != nil {
		log.close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	w := &writer{s: s, db: db, log: log, cache: newRowCache(), order: newOrder(s.lanes.key), ended: make(chan error, 1), pageCache: pageCacheLeast}
	defer func() {
		if err != nil {
			w.close()
			if s.journal != nil {
				s.journal.close()
			}
		}
	}()
	if err = w.st.prepare(db); err != nil {
		return nil, err
	}
	if w.asking, err = dial(dsn(s.path, s.opts.vfs, "busy_timeout(10000)", "query_only(1)", "temp_store(MEMORY)", "cache_size(-2000)")); err != nil {
		return nil, fmt.Errorf("open database for lookups: %w", err)
	}
	if err = w.look.prepare(w.asking); err != nil {
		return nil, err
	}
	w.waiting = newWaiting()
	w.waiting.gen, w.cache.gen = 1, 1
	if err = w.recover(); err != nil {
		return nil, err
	}
	queue.Reach(queue.PointRecovered)
	if err = w.readSequences(); err != nil {
		return nil, err
	}
	if s.dirty, err = w.readErasure(); err != nil {
		return nil, err
	}
	if err = w.readTallies(); err != nil {
		return nil, err
	}
	if s.totals.n[tallyKey{tallyMessage, "", string(samvirke.MessageReceived)}] == 0 {
		w.order.learnt(0, true)
	}
	parties, err := w.readParties()
	if err != nil {
		return nil, err
	}
	s.lanes.await(parties)
	if w.load, err = newLoader(db, w.seqs.message, parties, s.totals.n); err != nil {
		return w, err
	}
	if w.load.back, err = w.behind(); w.load.back > 0 {
		s.opts.Logger.Warn("the clock is behind the last event of the store: what waits is tried as long after its last attempt as before", "by", w.load.back)
	}
	return w, err
}

func (w *writer) close() {
	w.look.close()
	if w.asking != nil {
		_ = w.asking.close()
	}
	w.st.close()
	w.load.close()
	_ = w.db.close()
	w.log.close()
}

// journalDir is the folder of the journal.
func (s *Store) journalDir() string { return filepath.Join(s.opts.Dir, "journal") }

// migrate refuses what is too old or too new and applies what is missing.
func migrate(ctx context.Context, address string, opts Options) error {
	connector, err := modernc.NewConnector(address)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(1)
	var version string
	if err := db.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&version); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if err := checkVersion(version); err != nil {
		return err
	}
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, folder, goose.WithDisableGlobalRegistry(true),
		goose.WithTableName("schema_version"), goose.WithSlog(opts.Logger))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if have > want {
		return fmt.Errorf("schema %d, this version knows %d: %w", have, want, queue.ErrNewer)
	}
	if have == want {
		return nil
	}
	if have > 0 {
		// What is sorted for an index of a full store may be more than fits in memory: it goes to files of the system's folder for those.
		// There is one connection, so that it holds for the migrations.
		if _, err := db.ExecContext(ctx, `PRAGMA temp_store = FILE`); err != nil {
			return fmt.Errorf("sort in files: %w", err)
		}
	}
	queue.Reach(queue.PointMigrate)
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate schema from %d to %d: %w", have, want, err)
	}
	queue.Reach(queue.PointMigrated)
	return nil
}

func checkVersion(version string) error {
	var v [3]int
	for i, part := range strings.SplitN(version, ".", 3) {
		v[i], _ = strconv.Atoi(part)
	}
	for i := range v {
		if v[i] != minVersion[i] {
			if v[i] < minVersion[i] {
				return fmt.Errorf("SQLite %s can damage the log, at least %d.%d.%d is needed", version,
					minVersion[0], minVersion[1], minVersion[2])
			}
			return nil
		}
	}
	return nil
}

func (w *writer) readSequences() error {
	q := &w.seqs
	s, err := w.db.prepare(`SELECT
		coalesce((SELECT max(seq) FROM message), 0), coalesce((SELECT max(seq) FROM delivery), 0),
		coalesce((SELECT max(seq) FROM event_run), 0), coalesce((SELECT max(seq) FROM receipt), 0),
		coalesce((SELECT max(seq) FROM record), 0), coalesce((SELECT max(seq) FROM plan_version), 0),
		(SELECT seq FROM audit_head), (SELECT hash FROM audit_head),
		coalesce((SELECT max(id) FROM message), ''), coalesce((SELECT max(id) FROM delivery), '')`)
	if err != nil {
		return err
	}
	defer s.close()
	row, err := s.row()
	if err != nil {
		return fmt.Errorf("read last numbers: %w", err)
	}
	for i, to := range []*int64{&q.message, &q.delivery, &q.event, &q.receipt, &q.record, &q.plan, &q.audit} {
		*to = row[i].(int64)
	}
	q.auditHash, w.lastMessage, w.lastDelivery = row[7].(string), row[8].(string), row[9].(string)
	return nil
}

// readTallies reads the totals.
func (w *writer) readTallies() error {
	s, err := w.db.prepare(`SELECT kind, party, state, n FROM tally`)
	if err != nil {
		return err
	}
	defer s.close()
	return s.each(func(row []driver.Value) error {
		w.s.totals.n[tallyKey{row[0].(string), row[1].(string), row[2].(string)}] = row[3].(int64)
		return nil
	})
}

// readParties lists who has deliveries, by one seek for each party.
func (w *writer) readParties() (parties []string, err error) {
	s, err := w.db.prepare(nextParty)
	if err != nil {
		return nil, err
	}
	defer s.close()
	for last := ""; ; {
		row, err := s.row(last)
		if err != nil || row == nil {
			return parties, err
		}
		last = row[0].(string)
		parties = append(parties, last)
	}
}

const nextParty = `SELECT party FROM delivery WHERE party > ? ORDER BY party LIMIT 1`
