package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/samvirke/samvirke/connectors"
)

// Defaults and bounds of SourceOptions.
const (
	DefaultScanEvery = 5 * time.Second
	DefaultSettle    = 2 * time.Second
	DefaultMaxBody   = 10 << 20
	DefaultMaxFiles  = 1000
	MaxWorkers       = 64
	// maxEntries is how many names of a folder are looked at in one scan.
	maxEntries = 20_000
)

// hintPause is how long a notification may wait for further ones before a scan.
const hintPause = 20 * time.Millisecond

// SourceOptions describe one incoming folder. Dir, Party and Receiver are required.
type SourceOptions struct {
	// Party is whoever may write into Dir; the folder's permissions are the authentication.
	Party    string
	Receiver connectors.Receiver
	// Dir is where files arrive. Sub-folders, links, names with a leading dot and names that end in
	// .tmp, .part, .filepart or ~ are left alone: senders may use these while they write.
	Dir string
	// Work, Done and Errors are made when missing. "" means the folders .work, done and errors in Dir.
	// Done gets one sub-folder a day, so that old ones can be archived.
	Work, Done, Errors string
	// ScanEvery is the time between two scans when no notification comes, 0 means 5 s.
	ScanEvery time.Duration
	// Settle is how long size and time of a file must stay the same before it is taken, 0 means 2 s;
	// negative: at once, for senders that rename finished files into Dir.
	Settle time.Duration
	// MaxBody is the largest file that is handed over whole. Unit: bytes; 0 means 10 MiB.
	MaxBody int64
	// MaxFiles is how many files one scan takes, 0 means 1000; the rest follows with the next scan at once.
	MaxFiles int
	// Workers is how many files are handed over at a time, 0 means 1: then files are kept in order of
	// their names. More are faster, without order. At most 64.
	Workers int
	// Logger may be nil: nothing is logged then. Registerer may be nil: no metrics then.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Now is replaced in tests; nil means time.Now. It only names done folders and reason files.
	Now func() time.Time
}

// Source takes messages out of one folder. Create it with NewSource.
type Source struct {
	opt     SourceOptions
	metrics *metrics
	seen    map[string]sight // by name, of the last scan
	started bool
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	stop    sync.Once
	place   sync.Mutex // finding a free name and taking it
	claims  int64      // claims made; touched by the scanner only
	lastErr string     // of the scanner, so that a trouble is logged when it begins and ends
	// now is when a file was seen; it measures time only.
	clock func() time.Time
}

// sight is what a file looked like.
type sight struct {
	size int64
	mod  time.Time
	// since is when it was first seen like this.
	since time.Time
}

// NewSource checks the options; nothing runs or is made yet.
func NewSource(opt SourceOptions) (*Source, error) {
	if opt.Party == "" || opt.Dir == "" || opt.Receiver == nil {
		return nil, errors.New("folder source needs party, dir and receiver")
	}
	for to, sub := range map[*string]string{&opt.Work: ".work", &opt.Done: "done", &opt.Errors: "errors"} {
		if *to == "" {
			*to = filepath.Join(opt.Dir, sub)
		}
	}
	own := map[string]bool{}
	for _, d := range []string{opt.Dir, opt.Work, opt.Done, opt.Errors} {
		if own[filepath.Clean(d)] {
			return nil, fmt.Errorf("folder of %s: dir, work, done and errors must be four different folders", opt.Party)
		}
		own[filepath.Clean(d)] = true
	}
	if opt.ScanEvery <= 0 {
		opt.ScanEvery = DefaultScanEvery
	}
	if opt.Settle == 0 {
		opt.Settle = DefaultSettle
	}
	if opt.MaxBody <= 0 {
		opt.MaxBody = DefaultMaxBody
	}
	if opt.MaxFiles <= 0 {
		opt.MaxFiles = DefaultMaxFiles
	}
	opt.Workers = min(max(opt.Workers, 1), MaxWorkers)
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Source{opt: opt, metrics: newMetrics(opt.Registerer), clock: time.Now}, nil
}

// Start makes the folders, checks that files can be moved between them, and begins. It returns when
// ready; what a crash left in the work folder is handed over first. A source starts once.
func (s *Source) Start(ctx context.Context) error {
	if s.started {
		return errors.New("folder source was started before")
	}
	for _, d := range []string{s.opt.Dir, s.opt.Work, s.opt.Done, s.opt.Errors} {
		if err := os.MkdirAll(d, 0o750); err != nil {
			return fmt.Errorf("folder of %s: %w", s.opt.Party, err)
		}
	}
	if err := s.probe(); err != nil {
		return fmt.Errorf("folder of %s: files cannot be moved: %w", s.opt.Party, err)
	}
	s.started = true
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	// The watch begins before the first scan, so that nothing falls between the two.
	hints, closeWatch := s.watch()
	s.wg.Go(func() {
		defer closeWatch()
		s.run(run, hints)
	})
	return nil
}

// Stop ends the source and waits for it. A file whose Receive does not return in time stays in the work
// folder for the next start. Calling it twice is harmless.
func (s *Source) Stop() {
	s.stop.Do(func() {
		if s.cancel != nil {
			s.cancel()
		}
	})
	s.wg.Wait()
}

// probe moves an empty file the way that messages go.
func (s *Source) probe() error {
	f, err := os.CreateTemp(s.opt.Dir, tempPrefix+"*"+tempSuffix)
	if err != nil {
		return err
	}
	at := f.Name()
	defer func() { _ = os.Remove(at) }() // an empty file with a leading dot does no harm
	if err := f.Close(); err != nil {
		return err
	}
	for _, d := range []string{s.opt.Work, s.opt.Done, s.opt.Errors} {
		to := filepath.Join(d, filepath.Base(f.Name()))
		if err := os.Rename(at, to); err != nil {
			return err
		}
		at = to
	}
	return nil
}

// watch turns notifications into hints. Without notifications (limits of the system, network
// shares) the scans alone do the work.
func (s *Source) watch() (hints <-chan struct{}, closeWatch func()) {
	w, err := fsnotify.NewWatcher()
	if err == nil {
		if err = w.Add(s.opt.Dir); err != nil {
			_ = w.Close()
		}
	}
	if err != nil {
		s.opt.Logger.Info("no file notifications, scanning only", "party", s.opt.Party, "connector", "folder", "err", err)
		return nil, func() {}
	}
	out := make(chan struct{}, 1)
	var wg sync.WaitGroup
	hint := func() {
		select {
		case out <- struct{}{}:
		default: // a scan is due already
		}
	}
	wg.Go(func() {
		for range w.Events {
			hint()
		}
	})
	wg.Go(func() {
		for range w.Errors { // an overflow, for instance: the scan finds what was missed
			hint()
		}
	})
	return out, func() { _ = w.Close(); wg.Wait() }
}

// run scans until ctx ends.
func (s *Source) run(ctx context.Context, hints <-chan struct{}) {
	s.handle(ctx, s.left())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hints:
			// Many small steps of one writer become one scan.
			if !pause(ctx, hintPause) {
				return
			}
		case <-timer.C:
		}
		ready, again := s.scan()
		s.handle(ctx, ready)
		timer.Reset(again)
	}
}

// scan looks at the folder and claims what is ready. again is when to look next.
func (s *Source) scan() (ready []claim, again time.Duration) {
	again = s.opt.ScanEvery
	entries, fault := readSome(s.opt.Dir, maxEntries)
	seen, more := make(map[string]sight, len(entries)), len(entries) == maxEntries
	for _, e := range entries {
		looked := s.clock() // before the look: what happens to the file between the two counts as a change yet to be seen
		fi, err := e.Info()
		if err != nil {
			continue // gone meanwhile
		}
		now := sight{size: fi.Size(), mod: fi.ModTime(), since: s.clock()}
		if old, ok := s.seen[e.Name()]; ok && old.size == now.size && old.mod.Equal(now.mod) {
			now.since = old.since
		}
		if wait := s.opt.Settle - looked.Sub(now.since); s.opt.Settle > 0 && wait > 0 {
			seen[e.Name()] = now
			again = min(again, wait)
			continue
		}
		if len(ready) == s.opt.MaxFiles {
			seen[e.Name()], more = now, true
			continue
		}
		c, err := s.claim(e.Name())
		switch {
		case err == nil:
			ready = append(ready, c)
		case !errors.Is(err, fs.ErrNotExist): // else another process was faster
			seen[e.Name()], fault = now, err
		}
	}
	s.trouble(fault)
	s.seen = seen
	s.metrics.waiting.WithLabelValues(s.opt.Party).Set(float64(len(seen)))
	if more && len(ready) > 0 {
		again = 0
	}
	return ready, again
}

// takes tells whether a file is a message, by its name and kind.
func takes(e fs.DirEntry) bool {
	n := e.Name()
	if !e.Type().IsRegular() || strings.HasPrefix(n, ".") || strings.HasSuffix(n, "~") {
		return false
	}
	switch strings.ToLower(filepath.Ext(n)) {
	case ".tmp", ".part", ".filepart":
		return false
	}
	return true
}

// readSome reads the names of messages, sorted, and stops at n: a folder with more is worked off
// scan by scan. Entries that are no messages do not count, so that they cannot hide the others.
func readSome(dir string, n int) ([]fs.DirEntry, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []fs.DirEntry
	for len(out) < n && err == nil {
		var some []fs.DirEntry
		some, err = f.ReadDir(1000)
		for _, e := range some {
			if takes(e) {
				out = append(out, e)
			}
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name() < out[j].Name() })
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return out[:min(len(out), n)], err
}

// trouble logs when the folder becomes unreadable and when it is well again, not each scan.
func (s *Source) trouble(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case text != "" && text != s.lastErr:
		s.opt.Logger.Warn("folder cannot be read", "party", s.opt.Party, "connector", "folder", "err", err)
	case text == "" && s.lastErr != "":
		s.opt.Logger.Info("folder can be read again", "party", s.opt.Party, "connector", "folder")
	}
	s.lastErr = text
}

// pause waits; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
