package sqlite

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// faultFiles is the file system of the journal and of large bodies with a spy between: it knows what is synced, can make writes and syncs fail, and keeps
// a copy of what was synced - what a power cut leaves.
type faultFiles struct {
	shadow string // folder of the synced copies of the journal, "" to keep none; large bodies are kept in memory, see leaveBodies

	mu        sync.Mutex
	syncs     int
	unsynced  int
	failSync  error
	failWrite error
	room      int64 // bytes that may still be written, when full is set
	full      bool
	cut       bool // the power is off: nothing reaches the disk any more
	// forgetSync and forgetFolder leave a sync out, as an engine would that does not sync: what was written is not in the shadow.
	forgetSync, forgetFolder bool

	bodies     faultBodies
	forgetBody string           // which sync of large bodies is left out
	failBody   map[string]error // which fail
}

type faultFile struct {
	journalFile
	fs      *faultFiles
	path    string
	pending []pendingWrite
	body    *faultBody // when it is a large body
}

type pendingWrite struct {
	at   int64
	data []byte
	cut  bool // a truncation to at
}

func (f *faultFiles) Open(path string, create bool) (journalFile, error) {
	file, err := diskFiles{}.Open(path, create)
	if err != nil {
		return nil, err
	}
	made := &faultFile{journalFile: file, fs: f, path: path}
	if bodyPart(path) == bodyFile {
		f.mu.Lock()
		defer f.mu.Unlock()
		made.body = &faultBody{}
		f.bodies.name(path, made.body)
	}
	return made, nil
}

// SyncFolder makes new files last: from then on they are there after a power cut.
func (f *faultFiles) SyncFolder(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if bodyPart(path) != "" {
		return f.syncBodies(path)
	}
	if f.failSync != nil {
		return f.failSync
	}
	if f.forgetFolder {
		return nil
	}
	if f.shadow != "" && !f.cut {
		list, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		for _, e := range list {
			file, err := os.OpenFile(filepath.Join(f.shadow, e.Name()), os.O_CREATE|os.O_RDWR, 0o600)
			if err != nil {
				return err
			}
			if err := file.Close(); err != nil {
				return err
			}
		}
	}
	return diskFiles{}.SyncFolder(path)
}

func (f *faultFile) WriteAt(b []byte, at int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.fs.failWrite != nil {
		return 0, f.fs.failWrite
	}
	if f.fs.full {
		if int64(len(b)) > f.fs.room {
			n, _ := f.journalFile.WriteAt(b[:f.fs.room], at)
			return n, syscall.ENOSPC
		}
		f.fs.room -= int64(len(b))
	}
	if f.body != nil {
		return f.journalFile.WriteAt(b, at)
	}
	f.fs.unsynced++
	f.pending = append(f.pending, pendingWrite{at: at, data: append([]byte(nil), b...)})
	return f.journalFile.WriteAt(b, at)
}

func (f *faultFile) Truncate(n int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.pending = append(f.pending, pendingWrite{at: n, cut: true})
	return f.journalFile.Truncate(n)
}

func (f *faultFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.body != nil {
		return f.syncBody()
	}
	if f.fs.failSync != nil {
		return f.fs.failSync
	}
	if f.fs.forgetSync {
		return nil
	}
	if err := f.journalFile.Sync(); err != nil {
		return err
	}
	f.fs.syncs++
	f.fs.unsynced = 0
	pending := f.pending
	f.pending = nil
	if f.fs.shadow == "" || f.fs.cut {
		return nil
	}
	return writeShadow(filepath.Join(f.fs.shadow, filepath.Base(f.path)), pending, -1)
}

// writeShadow writes the first limit bytes of writes, all when limit is negative. A file whose folder was never synced is not there.
func writeShadow(path string, pending []pendingWrite, limit int) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, p := range pending {
		if p.cut {
			err = file.Truncate(p.at)
		} else {
			if limit >= 0 {
				p.data = p.data[:min(limit, len(p.data))]
				limit -= len(p.data)
			}
			_, err = file.WriteAt(p.data, p.at)
		}
		if err != nil {
			break
		}
	}
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

// set changes what fails.
func (f *faultFiles) set(failSync, failWrite error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failSync, f.failWrite = failSync, failWrite
}

// leave lets n more bytes be written, all of them when n is negative.
func (f *faultFiles) leave(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full, f.room = n >= 0, n
}
