package addressbook

import (
	"os"
	"sync"
	"time"
)

// Options says how a Cache keeps a book.
type Options struct {
	// Every is the least time between two looks at whether the file changed; 0 means 10 s.
	Every time.Duration
	// MaxAge is how old the file may be before nothing in it is trusted; 0 means any age.
	MaxAge time.Duration
	// Now is replaced in tests; nil: the clock.
	Now func() time.Time
	// Changed is told when the file was read again: with the new number of entries, or with what is wrong
	// with it. The old book then stays in use. nil: nobody is told.
	// It must not ask the cache.
	Changed func(entries int, problems []Problem)
}

// Cache is a book that follows its file. It is safe for concurrent use.
type Cache struct {
	path string
	o    Options

	mu     sync.Mutex
	book   *Book
	looked time.Time
	seen   stamp // of the file that was read last, well or badly
}

// stamp tells one state of a file from another.
type stamp struct {
	changed time.Time
	size    int64
}

// Open reads the file; mistakes in it are all given at once and there is no cache then.
func Open(path string, o Options) (*Cache, []Problem) {
	if o.Every <= 0 {
		o.Every = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Cache{path: path, o: o, seen: stampOf(path)}
	book, problems := Load(path)
	if len(problems) > 0 {
		return nil, problems
	}
	c.book, c.looked = book, o.Now()
	return c, nil
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

// Lookup finds a HER-id now.
func (c *Cache) Lookup(her string) (Entry, Status) {
	now := c.o.Now()
	b := c.current(now)
	e, status := b.Lookup(her, now)
	if status == Listed && c.o.MaxAge > 0 && now.Sub(b.Changed) > c.o.MaxAge {
		status = Stale
	}
	return e, status
}

// Len is the number of entries in use.
func (c *Cache) Len() int { return c.current(c.o.Now()).Len() }

// Refresh looks at the file at once, whatever Every says: an address or certificate that fails is a reason.
func (c *Cache) Refresh() {
	c.mu.Lock()
	c.looked = time.Time{}
	c.mu.Unlock()
	c.current(c.o.Now())
}

// current gives the book, read again when the file changed. A file that is gone or has mistakes leaves
// the old book in use; it is read again when it changes once more.
func (c *Cache) current(now time.Time) *Book {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.looked) < c.o.Every {
		return c.book
	}
	c.looked = now
	s := stampOf(c.path)
	if s == c.seen {
		return c.book
	}
	c.seen = s
	book, problems := Load(c.path)
	if len(problems) == 0 {
		c.book = book
	}
	if c.o.Changed != nil {
		c.o.Changed(c.book.Len(), problems)
	}
	return c.book
}
