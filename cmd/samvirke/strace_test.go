package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// TestSyncBeforeAnswer looks at the system calls of a real run: between the last write of an accepted
// message to the store and the first byte of its answer there must be a sync of the same file.
func TestSyncBeforeAnswer(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("strace is not installed (Debian package strace)")
	}
	if out, err := exec.Command(strace, "-o", "/dev/null", "true").CombinedOutput(); err != nil {
		t.Skipf("strace may not trace here: %s", out)
	}
	far := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer far.Close()
	addr := freeAddr(t)
	cfg := writeConfig(t, addr, t.TempDir(), far.URL, far.URL, "")
	logFile := filepath.Join(t.TempDir(), "calls")
	p, _ := startProcess(t, addr, cfg, strace, "-D", "-f", "-y", "-s", "32", "-o", logFile,
		"-e", "trace=read,write,pwrite64,writev,fsync,fdatasync,sendto,sendmsg")
	id := uuid.NewString()
	status, body, err := post(t.Context(), addr, hospitalToken, "application/xml", admission(id, 1, "no 1"))
	if err != nil || status != http.StatusAccepted {
		t.Fatalf("post: %d %s %v", status, body, err)
	}
	if code := p.stop(t); code != exitOK {
		t.Errorf("exit code %d\n%s", code, p.log)
	}
	calls := readCalls(t, logFile)
	if err := syncedBeforeAnswer(calls); err != "" {
		t.Errorf("%s; %d calls were traced, among them:\n%s", err, len(calls), strings.Join(grep(calls, reSocket), "\n"))
	}
}

// readCalls waits until the tracer, which outlives the traced program, has written its last line.
func readCalls(t *testing.T, file string) []string {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "+++ exited with 0 +++") || time.Now().After(deadline) {
			return strings.Split(string(raw), "\n")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

var (
	// Also at the end of a read that another call cut in two; and without its first letter, which the
	// HTTP server reads alone when a request comes on a connection whose last answer it is still closing.
	reRequest = regexp.MustCompile(`"P?OST /messages`)
	reAnswer  = regexp.MustCompile(`(?:write|sendto)\(\d+<[^>]*>, "HTTP/1\.1 202`)
	reStore   = regexp.MustCompile(`(?:pwrite64|write|writev)\(\d+<([^>]*/journal/[^>]*)>`)
	reSocket  = regexp.MustCompile(`socket:|resumed>"|\+\+\+`)
	reSync    = regexp.MustCompile(`(?:fsync|fdatasync)\(\d+<([^>]*/journal/[^>]*)>`)
)

// syncedBeforeAnswer gives what is wrong; "" when all is well. The store has one writer: its first
// writes after the request are the message, and the first sync after them is the message's sync.
func syncedBeforeAnswer(lines []string) string {
	request := find(lines, 0, reRequest)
	answer := find(lines, max(request, 0), reAnswer)
	if request < 0 || answer < 0 {
		return "no request or no answer 202 among the system calls"
	}
	wrote := find(lines, request, reStore)
	if wrote < 0 || wrote > answer {
		return "nothing was written to the store's log before the answer"
	}
	synced := find(lines, wrote, reSync)
	if synced < 0 || finished(lines, synced) > answer {
		return "no sync between the write of the message and the answer"
	}
	return ""
}

// grep gives the lines that the expression matches.
func grep(lines []string, re *regexp.Regexp) []string {
	var found []string
	for _, line := range lines {
		if re.MatchString(line) {
			found = append(found, line)
		}
	}
	return found
}

func find(lines []string, from int, re *regexp.Regexp) int {
	for i := from; i < len(lines); i++ {
		if re.MatchString(lines[i]) {
			return i
		}
	}
	return -1
}

// finished gives the line on which the call begun on line i returned: strace splits a call when
// another thread makes one meanwhile.
func finished(lines []string, i int) int {
	if !strings.Contains(lines[i], "unfinished") {
		return i
	}
	pid, _, _ := strings.Cut(lines[i], " ")
	for j := i + 1; j < len(lines); j++ {
		if strings.HasPrefix(lines[j], pid+" ") && strings.Contains(lines[j], "resumed") {
			return j
		}
	}
	return len(lines)
}

func TestSyncedBeforeAnswerCanFail(t *testing.T) {
	t.Parallel()
	const (
		request = `2 read(9<socket:[1]>, "POST /messages HTTP/1.1", 4096) = 23`
		write   = `1 pwrite64(7</d/journal/00000001.seg>, "x", 24, 0) = 24`
		sync    = `1 fdatasync(7</d/journal/00000001.seg>) = 0`
		begun   = `1 fdatasync(7</d/journal/00000001.seg> <unfinished ...>`
		resumed = `1 <... fdatasync resumed>) = 0`
		answer  = `2 write(9<socket:[1]>, "HTTP/1.1 202 Accepted", 40) = 40`
	)
	type lines []string
	for name, c := range map[string]struct {
		lines lines
		ok    bool
	}{
		"synced":               {lines{request, write, sync, answer}, true},
		"request cut in two":   {lines{`2 <... read resumed>"POST /messages HTTP/1.1", 4096) = 23`, write, sync, answer}, true},
		"first letter alone":   {lines{`2 read(9<socket:[1]>, "P", 1) = 1`, `2 read(9<socket:[1]>, "OST /messages HTTP/1.1", 4096) = 22`, write, sync, answer}, true},
		"next unit on its way": {lines{request, write, sync, write, answer, sync}, true},
		"sync ends in time":    {lines{request, write, begun, resumed, answer}, true},
		"sync ends too late":   {lines{request, write, begun, answer, resumed}, false},
		"not synced":           {lines{request, write, answer}, false},
		"synced too early":     {lines{sync, request, write, answer}, false},
		"synced after":         {lines{request, write, answer, sync}, false},
		"nothing written":      {lines{request, sync, answer}, false},
		"nothing answered":     {lines{request, write, sync}, false},
	} {
		if got := syncedBeforeAnswer(c.lines); (got == "") != c.ok {
			t.Errorf("%s: %q", name, got)
		}
	}
}
