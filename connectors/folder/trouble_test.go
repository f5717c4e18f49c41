package folder

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/connectors"
)

// A link put into the work folder, or swapped in between scan and claim, must not be read.
func TestClaimedLinkIsNotRead(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir(), nil)
	outside := filepath.Join(t.TempDir(), "secret.xml")
	if err := os.WriteFile(outside, []byte("<secret/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(h.dir, ".work"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(h.dir, ".work", "0001~m.xml")); err != nil {
		t.Fatal(err)
	}
	h.start()
	if got := h.waitFile("errors/m.xml.reason.txt"); !strings.HasPrefix(got, "code: not-a-file\n") {
		t.Errorf("reason %q", got)
	}
	if len(h.to.Kept()) != 0 {
		t.Error("the link was followed")
	}
}

func TestCrashBetweenClaimAndMove(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := open(t, dir, nil)
	// What a process leaves that died after the claim, one of them after Receive as well.
	if err := os.Mkdir(filepath.Join(dir, ".work"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"<kept-before/>", "<not-yet/>"} {
		name := filepath.Join(dir, ".work", fmt.Sprintf("%020d-%06d~%d~m.xml", i, i, i))
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.to.Receive(h.ctx, connectors.Incoming{Party: "hospital", Body: []byte("<kept-before/>")}); err != nil {
		t.Fatal(err)
	}
	h.start()
	if got := h.waitFile("done/2026-11-21/0~m.xml"); got != "<kept-before/>" {
		t.Errorf("got %q", got)
	}
	if got := h.waitFile("done/2026-11-21/1~m.xml"); got != "<not-yet/>" {
		t.Errorf("got %q", got)
	}
	if n := len(h.to.Kept()); n != 3 {
		t.Errorf("handed over %d times, want 3", n)
	}
}

func TestStillBeingWritten(t *testing.T) {
	t.Parallel()
	const settle = 500 * time.Millisecond
	h := open(t, t.TempDir(), func(o *SourceOptions) { o.Settle = settle }).start()
	for try := range 20 {
		name := fmt.Sprintf("slow%d.xml", try)
		want, longest := writeSlowly(t, filepath.Join(h.dir, name))
		if longest > settle/2 { // a machine under load kept the writer waiting: to take the file was right
			continue
		}
		h.waitFile("done/2026-11-21/" + name)
		n := 0
		for _, in := range h.to.Kept() {
			if strings.Contains(string(in.Body), name) {
				n++
				if string(in.Body) != want {
					t.Errorf("handed over %s", in.Body)
				}
			}
		}
		if n != 1 {
			t.Errorf("handed over %d times", n)
		}
		return
	}
	t.Skip("the machine is too busy: 20 times a writer was kept waiting")
}

// writeSlowly writes a file for longer than it takes to settle, and gives the longest pause in it.
func writeSlowly(t *testing.T, path string) (text string, longest time.Duration) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	last := time.Now()
	for i := range 10 {
		part := fmt.Sprintf("<a%d/>", i)
		if i == 0 {
			part = "<" + filepath.Base(path) + "/>"
		}
		if _, err := f.WriteString(part); err != nil {
			t.Fatal(err)
		}
		text += part
		longest, last = max(longest, time.Since(last)), time.Now()
		time.Sleep(60 * time.Millisecond)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return text, max(longest, time.Since(last))
}

func TestWrittenToAfterItWasTaken(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir(), nil)
	path := filepath.Join(h.dir, "m.xml")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("<half>"); err != nil {
		t.Fatal(err)
	}
	release := h.to.Hold()
	h.start()
	if err := h.to.Wait(h.ctx, func(calls int, _ []connectors.Incoming) bool { return calls == 1 }); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("the other half</half>"); err != nil {
		t.Fatal(err)
	}
	release()
	if got := h.waitFile("errors/m.xml.reason.txt"); !strings.HasPrefix(got, "code: changed-while-read\n") || !strings.Contains(got, "message: m1\n") {
		t.Errorf("reason %q", got)
	}
}

// The done folder may be away for a while: the message is not handed over again meanwhile.
func TestMoveIsTriedAgainWithoutReceive(t *testing.T) {
	t.Parallel()
	done := filepath.Join(t.TempDir(), "done")
	h := open(t, t.TempDir(), func(o *SourceOptions) { o.Done = done }).start()
	if err := os.Remove(done); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(done, []byte("a file where the folder was"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.put("m.xml", "<m/>")
	if err := h.to.Wait(h.ctx, func(_ int, kept []connectors.Incoming) bool { return len(kept) == 1 }); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * firstWait) // a few tries
	if err := os.Remove(done); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(done, "2026-11-21", "m.xml")); err == nil {
			break
		}
		if h.ctx.Err() != nil {
			t.Fatal("the file never came to done")
		}
		time.Sleep(2 * time.Millisecond)
	}
	if n := h.to.Calls(); n != 1 {
		t.Errorf("Receive was called %d times, want 1", n)
	}
}

func TestFolderGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	dir, other := filepath.Join(t.TempDir(), "in"), t.TempDir()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	h := open(t, dir, func(o *SourceOptions) {
		o.Work, o.Done, o.Errors = filepath.Join(other, "w"), filepath.Join(other, "d"), filepath.Join(other, "e")
	}).start()
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(60 * time.Millisecond) // a few scans
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	h.put("m.xml", "<m/>")
	if err := h.to.Wait(h.ctx, func(_ int, kept []connectors.Incoming) bool { return len(kept) == 1 }); err != nil {
		t.Fatal(err)
	}
}
