package postgres

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// Bounds and defaults of the engine.
const (
	// DefaultSchema is the schema of the tables.
	DefaultSchema = "samvirke"
	// DefaultReaders is how many connections read at the same time.
	DefaultReaders = 4
	// DefaultLease is how long a lease lasts when Lease is not told.
	DefaultLease = time.Minute
	// DefaultAlive is how long a gateway counts as alive after it last said so.
	DefaultAlive = 15 * time.Second
	// DefaultPoll is how often a waiting call looks for itself.
	DefaultPoll = time.Second
	// DefaultPatience is how long a unit waits for a database that cannot be reached.
	DefaultPatience = 30 * time.Second
	// DefaultAgeAfter is how long bodies are kept as they came.
	DefaultAgeAfter = 24 * time.Hour
	// DefaultAgeRate is how many bytes of what has aged are read in a second at most.
	DefaultAgeRate = 8 << 20
	// helpers is how many connections press and check bodies.
	helpers = 2
	// claimers is how many connections claim work at the same time.
	claimers = 2
	// DefaultAhead suits a gateway: a few times what it sends to a party at once.
	DefaultAhead = 64
	// maxLeases bounds what one Lease or Received gives.
	maxLeases = 1000
	// maxGroup bounds the units of one transaction, maxGroupBytes the bodies in it.
	maxGroup      = 1024
	maxGroupBytes = 32 << 20
	// roundTrip bounds one round trip of the writer; a network that swallows everything shows by it.
	roundTrip = 30 * time.Second
	// markDays is how many days the mark of a gateway that is gone is kept.
	markDays = 7
)

// Options open a store.
type Options struct {
	// URL is the address, postgres://user@host:port/database?sslmode=..., or a list of key=value. Several hosts with
	// target_session_attrs=read-write follow a failover. Required.
	URL string
	// Password goes with URL when that has none.
	Password string
	// Schema holds the tables; it is made when it is not there. "" means "samvirke".
	Schema string
	// Logger gets what an admin must know; nil means slog.Default().
	Logger *slog.Logger
	// DiskBudget is the size of the tables in bytes above which no new message is accepted (queue.ErrFull); what is inside still
	// moves, and receipts have a sixteenth more (queue.Unit.Reserve). 0 means no limit. The size is looked at with every third sign
	// of life. Room in the files that what was deleted has left, and a VACUUM has cleared, does not count: the next rows go there.
	DiskBudget int64
	// Readers is how many connections read at the same time; 0 means 4. A store has six more.
	Readers int
	// Alive is how long this gateway counts as alive after its last sign; it gives three signs in that time. Messages
	// that a killed gateway was processing are taken over after it. 0 means 15 s.
	Alive time.Duration
	// Poll is how often a call that waits for work looks for itself; 0 means 1 s.
	Poll time.Duration
	// Patience is how long a unit waits for a database that cannot be reached; 0 means 30 s.
	Patience time.Duration
	// LockPatience is for how long the schema is tried to be brought up to date while others hold its tables (ErrLocked); the gateways
	// that run go on meanwhile. 0 means half an hour.
	LockPatience time.Duration
	// AgeAfter is how long bodies, records, plans and envelopes are kept as they came; then they are pressed, which takes a
	// fifth of the room. 0 means a day.
	AgeAfter time.Duration
	// AgeRate is how many bytes of what has aged are read in a second at most, by the one gateway that does it for all; 0 means 8 MB.
	AgeRate int64
	// Ahead is how many due deliveries of a party are kept ready for callers of Lease who are not there yet, as long as somebody
	// came within the last second. They are leased: other gateways get them only when they are given back, which is after
	// a third of Alive to two thirds when nobody comes any more, or when this one closes. When this one dies, up to so many lanes of
	// each party stand until their leases end, besides those whose deliveries were just being sent; so they do when the database
	// cannot be reached to give them back. Twice as many when older ones come from the database. 0 means none.
	Ahead int
	// Registerer gets the metrics of the store; nil means none.
	Registerer prometheus.Registerer

	// at is called at the boundaries of a group, with the name of each; for tests that fail just there.
	at func(point string)
}

// The boundaries of a group.
const (
	pointRead      = "read"      // looked up and locked, nothing written
	pointWrite     = "write"     // everything is about to be sent, with the commit
	pointCommitted = "committed" // committed, nobody was told
)

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,40}$`)

func (o *Options) defaults() error {
	if o.URL == "" {
		return errors.New("postgres: the address of the database is not set")
	}
	if o.Schema == "" {
		o.Schema = DefaultSchema
	}
	if !schemaName.MatchString(o.Schema) {
		return fmt.Errorf("postgres: %q is no name for a schema: small letters, digits and _", o.Schema)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Readers <= 0 {
		o.Readers = DefaultReaders
	}
	for _, d := range []struct {
		to        *time.Duration
		otherwise time.Duration
	}{{&o.Alive, DefaultAlive}, {&o.Poll, DefaultPoll}, {&o.Patience, DefaultPatience}, {&o.AgeAfter, DefaultAgeAfter},
		{&o.LockPatience, DefaultLockPatience}} {
		if *d.to <= 0 {
			*d.to = d.otherwise
		}
	}
	if o.AgeRate <= 0 {
		o.AgeRate = DefaultAgeRate
	}
	if o.at == nil {
		o.at = func(string) {}
	}
	return nil
}

// config reads the address. Settings that the store relies on are those of each connection, whatever the server says.
func (o *Options) config(more map[string]string) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, errors.New("the address of the database cannot be read") // err would quote a password
	}
	if c.Password == "" {
		c.Password = o.Password // of all hosts of the address
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	for k, v := range map[string]string{
		"application_name": "samvirke", "search_path": o.Schema, "timezone": "UTC", "jit": "off",
		// A gateway that is cut off in the middle of a group must not hold up the others.
		"idle_in_transaction_session_timeout": "10s", "tcp_keepalives_idle": "5", "tcp_keepalives_interval": "3",
		"tcp_keepalives_count": "3", "tcp_user_timeout": "10s",
	} {
		c.RuntimeParams[k] = v
	}
	for k, v := range more {
		c.RuntimeParams[k] = v
	}
	return c, nil
}

// hot are the settings for statements of the path of a message: the tables change faster than their statistics, and
// the right plan is always the index.
func hot(more map[string]string) map[string]string {
	out := map[string]string{"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
		"enable_bitmapscan": "off", "enable_material": "off", "plan_cache_mode": "force_generic_plan"}
	for k, v := range more {
		out[k] = v
	}
	return out
}

// newOwner names one life of a gateway.
func newOwner() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
