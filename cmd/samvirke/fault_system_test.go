//go:build fault

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// fileOfStore is the database in a store that is a folder.
const fileOfStore = "samvirke.db"

// badCall is a system call that fails.
type badCall struct {
	name, call string
	// fails is what strace is told. %d is the number of the first call that fails, from or a little more; strace counts for each thread,
	// and a start makes some.
	fails string
	from  int
	// path is the file that the call is about, in the folder of the store; of the journal it is the last segment.
	path string
	// start says that only a start makes the call.
	start bool
	// survives says that the gateway goes on without harm, or refuses what it cannot store.
	survives bool
}

func badCalls() []badCall {
	journal, database := filepath.Join("journal", "*.seg"), fileOfStore
	return []badCall{
		{name: "sync of the journal: EIO", call: "fdatasync,fsync", fails: "error=EIO:when=%d", from: 10, path: journal},
		{name: "write of the journal: EIO", call: "pwrite64", fails: "error=EIO:when=%d", from: 10, path: journal},
		{name: "write of the journal: ENOSPC", call: "pwrite64", fails: "error=ENOSPC:when=%d+", from: 10, path: journal, survives: true},
		{name: "sync of the log: EIO", call: "fdatasync,fsync", fails: "error=EIO:when=%d+", from: 2, path: database + "-wal"},
		{name: "write of the log: EIO", call: "pwrite64,write", fails: "error=EIO:when=%d+", from: 6, path: database + "-wal"},
		{name: "write of the log: ENOSPC", call: "pwrite64,write", fails: "error=ENOSPC:when=%d+", from: 6, path: database + "-wal", survives: true},
		{name: "sync of the database: EIO", call: "fdatasync,fsync", fails: "error=EIO:when=%d+", from: 2, path: database},
		{name: "write of the database: EIO", call: "pwrite64,write", fails: "error=EIO:when=%d+", from: 3, path: database},
		{name: "open of the journal: EIO", call: "open,openat", fails: "error=EIO:when=1+", path: journal, start: true},
		{name: "open of the journal: EMFILE", call: "open,openat", fails: "error=EMFILE:when=1+", path: journal, start: true},
		{name: "open of the database: EIO", call: "open,openat", fails: "error=EIO:when=1+", path: database, start: true},
		{name: "open of the log: EIO", call: "open,openat", fails: "error=EIO:when=1+", path: database + "-wal", start: true},
	}
}

// straceHere gives the program that lets system calls fail.
func straceHere(t *testing.T) string {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("strace is not installed (Debian package strace)")
	}
	if out, err := exec.Command(strace, "-o", "/dev/null", "true").CombinedOutput(); err != nil {
		t.Skipf("strace may not trace here: %s", out)
	}
	return strace
}

// TestFaultSystemCalls lets system calls of the gateway fail, by strace, while messages come: it takes nothing that it cannot keep,
// ends with a code that is not 0 when it no longer knows what is on disk, and the next start has everything that was acknowledged.
func TestFaultSystemCalls(t *testing.T) {
	strace := straceHere(t)
	r := newRig(t, seedOf(t, ""), "system calls fail, SQLite", "")
	// A first life makes the files.
	p, ready := r.begin(r.config(), "")
	if !ready {
		t.Fatalf("the gateway does not start:\n%s", p.log)
	}
	r.load(p, func() bool { return r.count() >= 20 })
	p.kill()
	for range *faultRounds {
		for _, c := range badCalls() {
			r.fault = c.name
			r.sheet.at(r.fault).rounds++
			r.callFails(strace, c)
		}
	}
	r.finish()
	r.sheet.print(t)
}

// callFails is one life of the gateway in which a call fails. It ends when the gateway has ended, or has gone on long enough after the
// fault; a round in which nothing failed would show nothing, so it waits for that.
func (r *faultRig) callFails(strace string, c badCall) {
	r.t.Helper()
	fails := c.fails
	if strings.Contains(fails, "%d") {
		fails = fmt.Sprintf(fails, c.from+r.rnd.IntN(c.from))
	}
	calls, file := filepath.Join(r.t.TempDir(), "calls"), filepath.Join(r.place.file.Dir, c.path)
	if strings.Contains(c.path, "*") {
		all, err := filepath.Glob(file)
		if err != nil || len(all) == 0 {
			r.t.Fatalf("no %s: %v", c.path, err)
		}
		file = slices.Max(all)
	}
	p, ready := r.begin(r.config(), "", strace, "-D", "-f", "--seccomp-bpf", "-qq", "-o", calls,
		"-P", file, "-e", "trace="+c.call, "-e", "inject="+c.call+":"+fails)
	injected := func() bool {
		text, err := os.ReadFile(calls)
		return err == nil && bytes.Contains(text, []byte("(INJECTED)"))
	}
	if ready {
		if c.start {
			r.t.Errorf("%s: the gateway starts as if all were well", c.name)
		}
		refused, taken, since := r.refusals(), r.count(), false
		r.load(p, func() bool {
			if !since && injected() {
				since, refused, taken = true, r.refusals(), r.count()
			}
			// What must end the gateway does: load waits for that. A gateway that ought not even to be there need not be waited for.
			return c.start || since && c.survives && (r.refusals() >= refused+20 || r.count() >= taken+50)
		})
	}
	ended := false
	select {
	case <-p.done:
		ended = true
		if code := p.cmd.ProcessState.ExitCode(); code != exitFailed {
			r.t.Errorf("%s: the gateway ended with %d\n%s", c.name, code, p.log)
		}
	default:
		p.kill()
	}
	r.sees("the fault among the system calls", injected)
	r.t.Logf("%-30s ended by itself: %t, %d acknowledged and %d refused so far", c.name, ended, r.count(), r.refusals())
}

// goesOn checks that the gateway has not ended.
func (r *faultRig) goesOn(p *process) {
	r.t.Helper()
	select {
	case <-p.done:
		r.t.Fatalf("%s: the gateway ended with %d\n%s", r.fault, p.cmd.ProcessState.ExitCode(), p.log)
	default:
	}
}

// sees waits for what another program writes.
func (r *faultRig) sees(what string, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(faultPatience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: no sight of %s after %s", r.fault, what, faultPatience)
		}
	}
}
