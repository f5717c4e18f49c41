package sqlite

import (
	"errors"
	"fmt"
	"math/bits"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// logBufferBytes is how much of the log is gathered before it is written: about thirty pages. It is below the
// 128 KB that SQLite writes at most by one call.
const logBufferBytes = 124 << 10

// logBuffer is a file layer of SQLite between the writer's connection and the system's own. SQLite writes
// each page of the log by two calls, its head and its content, and a group has a hundred pages; this
// gathers what follows on and writes it in one call, which is a fifth of the writer's work.
//
// Nothing is put off beyond the commit: the page whose head marks the end of a transaction writes out what is gathered, before
// SQLite shows the commit to anybody, and so do that head when it is written anew, sync, read, size, truncate and close. A write that
// fails then shows as the failure of that call, which ends the commit in the same way.
//
// The driver has no writable file layer of its own, so this works on the transpiled C structures: its version is
// pinned, and TestLogBuffer, TestSyncBeforeAnswer and TestPowerCut run through it. It belongs to one connection,
// which one goroutine uses at a time.
type logBuffer struct {
	name string
	tls  *libc.TLS
	real uintptr // the file layer below
	// ours is C memory: our file layer, its name, our methods of a log and the buffer.
	ours, cname, methods, buffer uintptr

	below lib.Tsqlite3_io_methods // the methods of the open log
	file  uintptr                 // the open log, 0 when there is none
	at    int64                   // where in the log the buffer begins
	n     int32                   // bytes gathered
	// last is where the content of the last page of a transaction is to come, 0: nowhere. far is how far the log was written: what
	// comes before it is written anew.
	last, far int64
	// written are the pages whose heads came by.
	written writtenPages

	// keep are the functions that only C memory points to.
	keep []any
}

// The functions of a file layer that are called or replaced here.
type (
	vfsOpen  = func(tls *libc.TLS, vfs, path, file uintptr, flags int32, out uintptr) int32
	fileEnd  = func(tls *libc.TLS, file uintptr) int32
	fileMove = func(tls *libc.TLS, file, data uintptr, n int32, at int64) int32
	fileCut  = func(tls *libc.TLS, file uintptr, size int64) int32
	fileSync = func(tls *libc.TLS, file uintptr, flags int32) int32
	fileSize = func(tls *libc.TLS, file, out uintptr) int32
)

// newLogBuffer registers a file layer above the named one, "" for the system's own.
func newLogBuffer(below string) (b *logBuffer, err error) {
	b = &logBuffer{tls: libc.NewTLS(), written: writtenPages{all: true}}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	b.name = fmt.Sprintf("samvirke-%p", b)
	var named uintptr
	if below != "" {
		if named, err = libc.CString(below); err != nil {
			return nil, err
		}
		defer libc.Xfree(b.tls, named)
	}
	if b.real = lib.Xsqlite3_vfs_find(b.tls, named); b.real == 0 {
		return nil, fmt.Errorf("SQLite has no file layer %q", below)
	}
	if b.cname, err = libc.CString(b.name); err != nil {
		return nil, err
	}
	b.ours = libc.Xmalloc(b.tls, libc.Tsize_t(unsafe.Sizeof(lib.Tsqlite3_vfs{})))
	b.methods = libc.Xmalloc(b.tls, libc.Tsize_t(unsafe.Sizeof(b.below)))
	b.buffer = libc.Xmalloc(b.tls, logBufferBytes)
	if b.ours == 0 || b.methods == 0 || b.buffer == 0 {
		return nil, errors.New("no memory for the buffer of the log")
	}
	v := inC[lib.Tsqlite3_vfs](b.ours)
	*v = *inC[lib.Tsqlite3_vfs](b.real)
	v.FpNext, v.FzName = 0, b.cname
	v.FxOpen = b.forC(b.open)
	if rc := lib.Xsqlite3_vfs_register(b.tls, b.ours, 0); rc != lib.SQLITE_OK {
		return nil, fmt.Errorf("register file layer: code %d", rc)
	}
	return b, nil
}

// close takes the file layer away again, after its connection was closed.
func (b *logBuffer) close() {
	if b.ours != 0 {
		lib.Xsqlite3_vfs_unregister(b.tls, b.ours)
	}
	for _, p := range []uintptr{b.ours, b.cname, b.methods, b.buffer} {
		libc.Xfree(b.tls, p)
	}
	b.tls.Close()
	b.keep = nil
}

// forC gives a Go function the form that the transpiled code calls.
func (b *logBuffer) forC(fn any) uintptr {
	b.keep = append(b.keep, fn)
	return (*struct{ _, data uintptr })(unsafe.Pointer(&fn)).data
}

// forGo is the way back.
func forGo[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&struct{ uintptr }{p})) }

// inC gives what lies at an address of C memory.
func inC[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// open puts our methods into the log; all other files stay as they are.
func (b *logBuffer) open(tls *libc.TLS, _, path, file uintptr, flags int32, out uintptr) int32 {
	rc := forGo[vfsOpen](inC[lib.Tsqlite3_vfs](b.real).FxOpen)(tls, b.real, path, file, flags, out)
	if rc != lib.SQLITE_OK || flags&lib.SQLITE_OPEN_WAL == 0 || b.file != 0 {
		return rc
	}
	f := inC[lib.Tsqlite3_file](file)
	b.below = *inC[lib.Tsqlite3_io_methods](f.FpMethods)
	m := inC[lib.Tsqlite3_io_methods](b.methods)
	*m = b.below
	b.keep = b.keep[:1] // the functions of a log that was closed
	m.FxWrite, m.FxSync, m.FxRead = b.forC(b.write), b.forC(b.sync), b.forC(b.read)
	m.FxTruncate, m.FxFileSize, m.FxClose = b.forC(b.truncate), b.forC(b.size), b.forC(b.end)
	f.FpMethods = b.methods
	b.file, b.n, b.last, b.far = file, 0, 0, 0
	return rc
}

// write gathers what follows on.
func (b *logBuffer) write(tls *libc.TLS, file, data uintptr, n int32, at int64) int32 {
	switch { // the number of the page is the first word of its head
	case n == walFrameHead:
		b.written.mark(bits.ReverseBytes32(*inC[uint32](data)))
	case n < walFrameHead:
		b.written.markAll()
	}
	if at != b.at+int64(b.n) || b.n+n > logBufferBytes {
		if rc := b.flush(tls); rc != lib.SQLITE_OK {
			return rc
		}
		b.at = at
	}
	shown := at == b.last // with it the transaction is whole
	b.last = 0
	if n == walFrameHead && *inC[uint32](data + 4) != 0 {
		b.last = at + walFrameHead
		// Heads are written anew behind all content when the transaction did not fit into SQLite's memory, this one as the last.
		shown = at < b.far
	}
	switch {
	case at == 0:
		b.far = int64(n) // the log begins anew
	case at+int64(n) > b.far:
		b.far = at + int64(n)
	}
	if n > logBufferBytes {
		b.at += int64(n)
		return forGo[fileMove](b.below.FxWrite)(tls, file, data, n, at)
	}
	libc.Xmemcpy(tls, b.buffer+uintptr(b.n), data, libc.Tsize_t(n))
	b.n += n
	if shown {
		return b.flush(tls)
	}
	return lib.SQLITE_OK
}

// walFrameHead is the size of the head of a page in the log, which has the size of the database in its second word when its page ends
// a transaction. Source: SQLite, "WAL-mode File Format", section 4.1.
const walFrameHead = 24

// flush writes what is gathered. What could not be written is forgotten: it belongs to a commit that fails.
func (b *logBuffer) flush(tls *libc.TLS) int32 {
	if b.n == 0 {
		return lib.SQLITE_OK
	}
	n, at := b.n, b.at
	b.n, b.at = 0, b.at+int64(b.n)
	return forGo[fileMove](b.below.FxWrite)(tls, b.file, b.buffer, n, at)
}

func (b *logBuffer) sync(tls *libc.TLS, file uintptr, flags int32) int32 {
	if rc := b.flush(tls); rc != lib.SQLITE_OK {
		return rc
	}
	return forGo[fileSync](b.below.FxSync)(tls, file, flags)
}

func (b *logBuffer) read(tls *libc.TLS, file, data uintptr, n int32, at int64) int32 {
	if rc := b.flush(tls); rc != lib.SQLITE_OK {
		return rc
	}
	return forGo[fileMove](b.below.FxRead)(tls, file, data, n, at)
}

func (b *logBuffer) truncate(tls *libc.TLS, file uintptr, size int64) int32 {
	if rc := b.flush(tls); rc != lib.SQLITE_OK {
		return rc
	}
	return forGo[fileCut](b.below.FxTruncate)(tls, file, size)
}

func (b *logBuffer) size(tls *libc.TLS, file, out uintptr) int32 {
	if rc := b.flush(tls); rc != lib.SQLITE_OK {
		return rc
	}
	return forGo[fileSize](b.below.FxFileSize)(tls, file, out)
}

func (b *logBuffer) end(tls *libc.TLS, file uintptr) int32 {
	rc := b.flush(tls)
	b.file = 0
	if e := forGo[fileEnd](b.below.FxClose)(tls, file); rc == lib.SQLITE_OK {
		rc = e
	}
	return rc
}
