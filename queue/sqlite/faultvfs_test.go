package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// faultVFS is SQLite's own file layer with a spy between: it knows which writes are synced, can make a
// sync or write fail, and keeps a copy of each file as it was at its last sync - what a power cut leaves.
//
// It is for tests only: it works on the transpiled C structures, because the driver has no
// writable VFS of its own.
type faultVFS struct {
	name   string
	shadow string // folder of the synced copies, "" to keep none

	mu        sync.Mutex
	methods   map[uintptr]lib.Tsqlite3_io_methods // open file -> its original ones; another layer may replace ours
	ours      map[uintptr]uintptr                 // original -> ours
	paths     map[uintptr]string                  // open file -> its path
	dirty     map[string]bool                     // written since its last sync
	syncs     map[string]int
	writes    int    // to logs
	failSync  string // suffix of files whose sync fails
	failWrite string // suffix of files whose writes fail
	failFrom  int    // the number of writes to logs before they do
	cut       bool   // the power is off: nothing reaches the disk any more
	gate      *gate  // when set, writes to logs wait for it
	full      bool   // there is no room for a log
	failOpen  bool   // no database can be opened
	keep      []any  // functions that only C memory points to
}

// cFunc gives a Go function the form the transpiled code calls.
func (f *faultVFS) cFunc(fn any) uintptr {
	f.keep = append(f.keep, fn)
	type iface struct{ _, data uintptr }
	return (*iface)(unsafe.Pointer(&fn)).data
}

type (
	openFunc   = func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32
	deleteFunc = func(*libc.TLS, uintptr, uintptr, int32) int32
	closeFunc  = func(*libc.TLS, uintptr) int32
	writeFunc  = func(*libc.TLS, uintptr, uintptr, int32, int64) int32
	syncFunc   = func(*libc.TLS, uintptr, int32) int32
)

// at gives what lies at an address of C memory.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// goFunc is the way back.
func goFunc[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&struct{ uintptr }{p})) }

func newFaultVFS(t *testing.T, shadow string) *faultVFS {
	t.Helper()
	f := &faultVFS{shadow: shadow, methods: map[uintptr]lib.Tsqlite3_io_methods{}, ours: map[uintptr]uintptr{},
		paths: map[uintptr]string{}, dirty: map[string]bool{}, syncs: map[string]int{}}
	f.name = fmt.Sprintf("fault-%p", f)
	tls := libc.NewTLS()
	t.Cleanup(tls.Close)
	real := lib.Xsqlite3_vfs_find(tls, 0)
	if real == 0 {
		t.Fatal("SQLite has no default file layer")
	}
	name, err := libc.CString(f.name)
	if err != nil {
		t.Fatal(err)
	}
	mem := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(lib.Tsqlite3_vfs{})))
	v := at[lib.Tsqlite3_vfs](mem)
	*v = *at[lib.Tsqlite3_vfs](real)
	v.FpNext, v.FzName = 0, name
	open := goFunc[openFunc](v.FxOpen)
	v.FxOpen = f.cFunc(func(tls *libc.TLS, vfs, path, file uintptr, flags int32, out uintptr) int32 {
		if flags&lib.SQLITE_OPEN_MAIN_DB != 0 && f.refused() {
			at[lib.Tsqlite3_file](file).FpMethods = 0
			return lib.SQLITE_CANTOPEN
		}
		rc := open(tls, real, path, file, flags, out)
		if rc == lib.SQLITE_OK && path != 0 {
			f.opened(tls, file, libc.GoString(path))
		}
		return rc
	})
	remove := goFunc[deleteFunc](v.FxDelete)
	v.FxDelete = f.cFunc(func(tls *libc.TLS, vfs, path uintptr, syncFolder int32) int32 {
		rc := remove(tls, real, path, syncFolder)
		f.removed(libc.GoString(path))
		return rc
	})
	if rc := lib.Xsqlite3_vfs_register(tls, mem, 0); rc != lib.SQLITE_OK {
		t.Fatalf("register file layer: %d", rc)
	}
	t.Cleanup(func() {
		lib.Xsqlite3_vfs_unregister(tls, mem)
		runtime.KeepAlive(f) // until now only C memory pointed to its functions
	})
	return f
}

// refuse lets opens of a database fail from now on, or no more.
func (f *faultVFS) refuse(all bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failOpen = all
}

func (f *faultVFS) refused() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failOpen
}

// opened puts the spy's methods into a file just opened.
func (f *faultVFS) opened(tls *libc.TLS, file uintptr, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paths[file] = path
	h := at[lib.Tsqlite3_file](file)
	f.methods[file] = *at[lib.Tsqlite3_io_methods](h.FpMethods)
	if f.ours[h.FpMethods] == 0 {
		original := *at[lib.Tsqlite3_io_methods](h.FpMethods)
		mem := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(original)))
		m := at[lib.Tsqlite3_io_methods](mem)
		*m = original
		m.FxWrite, m.FxSync, m.FxClose = f.cFunc(f.write), f.cFunc(f.sync), f.cFunc(f.close)
		f.ours[h.FpMethods] = mem
	}
	h.FpMethods = f.ours[h.FpMethods]
}

// removed takes a deleted file out of the copies: SQLite syncs the folder when it deletes.
func (f *faultVFS) removed(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.dirty, path)
	if f.shadow != "" && !f.cut {
		_ = os.Remove(filepath.Join(f.shadow, filepath.Base(path)))
	}
}

func (f *faultVFS) original(file uintptr) lib.Tsqlite3_io_methods {
	return f.methods[file]
}

func (f *faultVFS) write(tls *libc.TLS, file, data uintptr, n int32, at int64) int32 {
	f.mu.Lock()
	path, original := f.paths[file], f.original(file)
	fails := f.failWrite != "" && strings.HasSuffix(path, f.failWrite) && f.writes >= f.failFrom
	f.dirty[path] = true
	var g *gate
	if strings.HasSuffix(path, "-wal") {
		f.writes++
		g = f.gate
	}
	f.mu.Unlock()
	g.pass()
	if strings.HasSuffix(path, "-wal") && f.filled() {
		return lib.SQLITE_FULL
	}
	if fails {
		return lib.SQLITE_IOERR_WRITE
	}
	return goFunc[writeFunc](original.FxWrite)(tls, file, data, n, at)
}

func (f *faultVFS) sync(tls *libc.TLS, file uintptr, flags int32) int32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := f.paths[file]
	if f.failSync != "" && strings.HasSuffix(path, f.failSync) {
		return lib.SQLITE_IOERR_FSYNC
	}
	rc := goFunc[syncFunc](f.original(file).FxSync)(tls, file, flags)
	if rc != lib.SQLITE_OK {
		return rc
	}
	f.syncs[path]++
	f.dirty[path] = false
	if f.shadow != "" && !f.cut {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(f.shadow, filepath.Base(path)), data, 0o600)
		}
		if err != nil {
			panic(err)
		}
	}
	return rc
}

func (f *faultVFS) close(tls *libc.TLS, file uintptr) int32 {
	f.mu.Lock()
	original := f.original(file)
	delete(f.paths, file)
	f.mu.Unlock()
	return goFunc[closeFunc](original.FxClose)(tls, file)
}

// gate holds up whoever comes to it until it opens.
type gate struct {
	once, opened sync.Once
	came, closed chan struct{}
}

func newGate() *gate { return &gate{came: make(chan struct{}), closed: make(chan struct{})} }

// open lets all through, now and later.
func (g *gate) open() { g.opened.Do(func() { close(g.closed) }) }

func (g *gate) pass() {
	if g != nil {
		g.once.Do(func() { close(g.came) })
		<-g.closed
	}
}

// fill takes the room for logs away, or gives it back.
func (f *faultVFS) fill(full bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = full
}

func (f *faultVFS) filled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.full
}

// hold lets writes to logs wait from now on, until the gate is opened or the test ends: a store that is to be closed then waits for
// them. Nothing else may ask the writer meanwhile: see Options.unchecked.
func (f *faultVFS) hold(t *testing.T) *gate {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gate = newGate()
	t.Cleanup(f.gate.open)
	return f.gate
}

// set changes what fails.
func (f *faultVFS) set(failSync, failWrite string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failSync, f.failWrite = failSync, failWrite
}

// failAfter lets writes fail after n more of them.
func (f *faultVFS) failAfter(suffix string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failWrite, f.failFrom = suffix, f.writes+n
}

// logWrites counts the writes to logs.
func (f *faultVFS) logWrites() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}
