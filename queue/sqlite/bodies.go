package sqlite

import (
	"crypto/rand"
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

	"github.com/samvirke/samvirke/queue"
)

// bodies keeps large bodies as files named by the SHA-256 of their content, in 256 folders.
//
// A file and its folder are synced before the unit that names it is committed, so a committed
// name always has its file. The other way round, a crash leaves files that nothing names:
// sweep removes them at the next start.
type bodies struct {
	dir   string
	limit int
	files storeFiles
	bytes atomic.Int64

	// made are folders that are there after a power cut too; making is the lock of it and of syncs of dir, syncing those of syncs of
	// the folders. unsynced is the first of those that failed.
	making   sync.Mutex
	made     map[string]bool
	syncing  [256]sync.Mutex
	unsynced atomic.Pointer[fatalError]

	mu sync.Mutex
	// pins are files of units that are not committed yet; shred leaves them alone.
	pins map[string]int
	// left are files that are to go and could not.
	left []string
}

// storeFiles is the file system below the journal and large bodies, so that tests can cut the power or let it fail.
type storeFiles interface {
	journalFiles
	Mkdir(path string) error
	Rename(from, to string) error
}

func (diskFiles) Mkdir(path string) error { return os.Mkdir(path, 0o700) }

func (diskFiles) Rename(from, to string) error { return os.Rename(from, to) }

// unitFiles are the files of one unit; "" stands for a body that is kept in the database. A slice is nil
// when none of its bodies is large.
type unitFiles struct {
	raw, plan           string
	records, deliveries []string
	plans               []string
	all                 []string
}

// openBodies makes the folder, or syncs what an earlier life may have left in it without that.
func openBodies(dir string, limit int, files storeFiles) (*bodies, error) {
	b := &bodies{dir: dir, limit: limit, files: files, made: map[string]bool{}, pins: map[string]int{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make body folder: %w", err)
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read body folder: %w", err)
	}
	for _, e := range list {
		b.made[filepath.Join(dir, e.Name())] = e.IsDir()
	}
	if len(list) == 0 {
		return b, nil
	}
	return b, b.syncFolder(dir)
}

// put writes the large bodies of a unit and pins them until unpin.
func (b *bodies) put(u *queue.Unit) (f unitFiles, err error) {
	defer func() {
		if err != nil {
			b.unpin(f)
		}
	}()
	one := func(body []byte) string {
		if err != nil || len(body) <= b.limit {
			return ""
		}
		var name string
		if name, err = b.write(body); err == nil {
			f.all = append(f.all, name)
		}
		return name
	}
	if u.Accept != nil {
		f.raw = one(u.Accept.Raw)
	}
	for i := range u.Records {
		if name := one(u.Records[i].Body); name != "" {
			f.records = setAt(f.records, len(u.Records), i, name)
		}
	}
	if u.Plan != nil {
		f.plan = one(u.Plan.Body)
	}
	for i := range u.Plans {
		if name := one(u.Plans[i].Body); name != "" {
			f.plans = setAt(f.plans, len(u.Plans), i, name)
		}
	}
	for i := range u.Deliveries {
		d := &u.Deliveries[i]
		if d.Original && d.MessageID != "" {
			continue
		}
		if name := one(d.Body); name != "" {
			f.deliveries = setAt(f.deliveries, len(u.Deliveries), i, name)
		}
	}
	return f, err
}

func setAt(list []string, n, i int, name string) []string {
	if list == nil {
		list = make([]string, n)
	}
	list[i] = name
	return list
}

func (b *bodies) path(name string) string { return filepath.Join(b.dir, name[:2], name) }

// write makes a body durable under its name and pins it.
func (b *bodies) write(body []byte) (string, error) {
	name := sumOf(body)
	b.mu.Lock()
	b.pins[name]++
	b.mu.Unlock()
	if err := b.writeFile(name, body); err != nil {
		b.unpin(unitFiles{all: []string{name}})
		return "", err
	}
	return name, nil
}

func (b *bodies) writeFile(name string, body []byte) error {
	path := b.path(name)
	folder := filepath.Dir(path)
	if info, err := os.Stat(path); err == nil && info.Size() == int64(len(body)) {
		// Written before, but perhaps by a unit that has not synced the folder yet.
		return b.syncNamed(name)
	}
	if err := b.makeFolder(name); err != nil {
		return err
	}
	temporary := filepath.Join(folder, rand.Text()+".tmp")
	t, err := b.files.Open(temporary, true)
	if err != nil {
		return err
	}
	defer os.Remove(temporary) // gone already when all went well
	_, err = t.WriteAt(body, 0)
	if err == nil {
		// What is not on disk yet may find it full here; then nothing is named. Any other error ends the store.
		if err = t.Sync(); err != nil && !isFull(err) {
			err = &fatalError{fmt.Errorf("sync a large body: %w", err)}
		}
	}
	if e := t.Close(); err == nil {
		err = e
	}
	if err == nil {
		queue.Reach(queue.PointBody)
		err = b.files.Rename(temporary, path)
	}
	if err != nil {
		return err
	}
	queue.Reach(queue.PointBodyNamed)
	b.bytes.Add(int64(len(body)))
	return b.syncNamed(name)
}

// makeFolder makes the folder of a body, and returns when it is there after a power cut too, whoever made it.
func (b *bodies) makeFolder(name string) error {
	b.making.Lock()
	defer b.making.Unlock()
	folder := filepath.Dir(b.path(name))
	if b.made[folder] {
		return nil
	}
	if err := b.files.Mkdir(folder); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := b.syncFolder(b.dir); err != nil {
		return err
	}
	b.made[folder] = true
	return nil
}

// syncNamed syncs the folder of a body. Of two at once the second begins when it is known what came of the first.
func (b *bodies) syncNamed(name string) error {
	first, err := strconv.ParseUint(name[:2], 16, 8)
	if err != nil {
		return err
	}
	one := &b.syncing[first]
	one.Lock()
	defer one.Unlock()
	return b.syncFolder(filepath.Dir(b.path(name)))
}

// syncFolder makes the names in a folder last. After a failed sync nobody knows which are on disk, and another one may succeed without
// having written them: none is tried, for anybody. The caller holds the lock of the folder.
func (b *bodies) syncFolder(path string) error {
	if err := b.unsynced.Load(); err != nil {
		return err
	}
	if err := b.files.SyncFolder(path); err != nil {
		b.unsynced.Store(&fatalError{fmt.Errorf("sync a folder of large bodies: %w", err)})
		return b.unsynced.Load()
	}
	return nil
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

func (b *bodies) unpin(f unitFiles) {
	if len(f.all) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range f.all {
		if b.pins[name]--; b.pins[name] <= 0 {
			delete(b.pins, name)
		}
	}
}

// read gives a body and checks that it is the one its name promises.
func (b *bodies) read(name string) ([]byte, error) {
	if !validName(name) {
		return nil, fmt.Errorf("body file has no valid name")
	}
	body, err := os.ReadFile(b.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("body file %s is not there: %w", name, queue.ErrDamaged)
	}
	if err != nil {
		return nil, fmt.Errorf("read large body: %w", err)
	}
	if sumOf(body) != name {
		return nil, fmt.Errorf("body file %s has another checksum: %w", name, queue.ErrDamaged)
	}
	return body, nil
}

// sweep counts the files, removes temporary ones and gives those that no row names, not even one that waits for the tables: known tells.
// Whoever removes them asks again, alone. Files younger than before belong to this run and are left to the next one.
func (b *bodies) sweep(before time.Time, known func(name string) (bool, error), stop <-chan struct{}) (orphans []string, err error) {
	err = filepath.WalkDir(b.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		select {
		case <-stop:
			return fs.SkipAll
		default:
		}
		if e.IsDir() {
			return nil
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if !info.ModTime().Before(before) {
			return nil
		}
		name := e.Name()
		if !validName(name) { // temporary, which no backup takes
			if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		}
		b.bytes.Add(info.Size())
		used, err := known(name)
		if err == nil && !used {
			orphans = append(orphans, name)
		}
		return err
	})
	return orphans, err
}

// validName says whether a name can be that of a body.
func validName(name string) bool { return len(name) == 64 && !strings.ContainsAny(name, `/\.`) }
