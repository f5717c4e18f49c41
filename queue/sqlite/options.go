package sqlite

import (
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bounds and defaults of the engine.
const (
	// DefaultInlineLimit is the largest body kept inside the database, in bytes.
	DefaultInlineLimit = 256 << 10
	// DefaultCheckpointEvery is how often the write-ahead log is copied into the database.
	DefaultCheckpointEvery = 250 * time.Millisecond
	// DefaultSegmentBytes is the size at which a segment of the journal is left for a new one.
	DefaultSegmentBytes = 64 << 20
	// DefaultReaders is how many connections read at the same time.
	DefaultReaders = 4
	// DefaultLease is how long a lease lasts when Lease is not told.
	DefaultLease = time.Minute
	// DefaultAgeAfter is how long bodies are kept as they came.
	DefaultAgeAfter = 24 * time.Hour
	// DefaultAgeRate is how many bytes of what has aged are read in a second at most.
	DefaultAgeRate = 8 << 20
	// maxLeases bounds what one Lease or Received gives.
	maxLeases = 1000
	// maxGroup bounds the units of one transaction, maxGroupBytes the bodies in it.
	maxGroup      = 1024
	maxGroupBytes = 32 << 20
	// maxHeldRaw bounds the raw bytes of received messages kept in memory for the next
	// Received, maxHeldOne those of one message; the rest is read from disk again.
	maxHeldRaw = 4 << 20
	maxHeldOne = 64 << 10
	// maxFresh bounds what is kept of new deliveries for their first lease.
	maxFresh = 4 << 20
	// logLimit is the length to which the log is cut when it begins anew: a long reader, as a backup is, lets it grow.
	logLimit = 32 << 20
	// maxSegment bounds a segment: a place in it has four bytes.
	maxSegment = 2 << 30
)

// Options open a store.
type Options struct {
	// Dir is the folder of the store; it is made (0700) when it is not there. Required.
	Dir string
	// Logger gets what an admin must know; nil means slog.Default().
	Logger *slog.Logger
	// Now is the clock that decides whether a delivery is due; nil means time.Now. Times that are stored
	// come from the unit, not from here.
	Now func() time.Time
	// DiskBudget is the size of the folder in bytes above which no new message is accepted (queue.ErrFull); what is inside still
	// moves, and receipts have a sixteenth more (queue.Unit.Reserve). Room in the database that became free counts as free. 0
	// means no limit. The size is looked at with each checkpoint, so leave room for what can arrive in between.
	DiskBudget int64
	// InlineLimit is the largest body kept inside the database, in bytes; 0 means 256 KB.
	InlineLimit int
	// CheckpointEvery is how often the log is copied into the database; 0 means 250 ms.
	CheckpointEvery time.Duration
	// SegmentBytes is the size at which a segment of the journal is left for a new one, at most 2 GB; 0 means 64 MB.
	SegmentBytes int64
	// Readers is how many connections read at the same time; 0 means 4.
	Readers int
	// AgeAfter is how long bodies, records, plans and envelopes are kept as they came; then they are pressed, which takes a
	// fifth of the room. 0 means a day.
	AgeAfter time.Duration
	// AgeRate is how many bytes of what has aged are read in a second at most; 0 means 8 MB.
	AgeRate int64
	// Memory is the limit in bytes that somebody set for what the process itself allocates; 0: nobody did. With 80 MB or more the page
	// cache, which is beside that, may take half as much again.
	Memory int64
	// Registerer gets the metrics of the store; nil means none.
	Registerer prometheus.Registerer

	// logLimit is the length in bytes to which the log is cut when it begins anew; 0 means the constant; for tests.
	logLimit int
	// maxPages is PRAGMA max_page_count, vfs the name of a SQLite VFS; for tests.
	maxPages int
	vfs      string
	files    storeFiles // the file system of the journal and of large bodies; for tests
	// unchecked lets nobody look at stored bodies, which the writer notes; for tests that hold it up.
	unchecked bool
}

func (o *Options) defaults() error {
	if o.Dir == "" {
		return errors.New("sqlite: the folder of the store is not set")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.InlineLimit <= 0 {
		o.InlineLimit = DefaultInlineLimit
	}
	if o.CheckpointEvery <= 0 {
		o.CheckpointEvery = DefaultCheckpointEvery
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	o.SegmentBytes = min(o.SegmentBytes, maxSegment)
	if o.AgeAfter <= 0 {
		o.AgeAfter = DefaultAgeAfter
	}
	if o.AgeRate <= 0 {
		o.AgeRate = DefaultAgeRate
	}
	if o.files == nil {
		o.files = diskFiles{}
	}
	if o.logLimit <= 0 {
		o.logLimit = logLimit
	}
	if o.Readers <= 0 {
		o.Readers = DefaultReaders
	}
	return nil
}
