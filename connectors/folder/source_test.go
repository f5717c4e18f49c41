package folder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/connectors/connectortest"
)

var day = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// house is one source over a temporary folder.
type house struct {
	*Source
	t   *testing.T
	dir string
	to  *connectortest.Receiver
	ctx context.Context
}

func open(t *testing.T, dir string, change func(*SourceOptions)) *house {
	t.Helper()
	h := &house{t: t, dir: dir, to: &connectortest.Receiver{}}
	opt := SourceOptions{Party: "hospital", Dir: dir, Receiver: h.to, Settle: -1, ScanEvery: 20 * time.Millisecond,
		MaxBody: 100, Now: func() time.Time { return day }}
	if change != nil {
		change(&opt)
	}
	var err error
	if h.Source, err = NewSource(opt); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	t.Cleanup(h.Stop)
	h.ctx = ctx
	return h
}

func (h *house) start() *house {
	h.t.Helper()
	if err := h.Start(h.ctx); err != nil {
		h.t.Fatal(err)
	}
	return h
}

func (h *house) put(name, text string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(h.dir, name)), 0o700); err != nil {
		h.t.Fatal(err)
	}
	temp := filepath.Join(h.dir, ".x-"+filepath.Base(name))
	if err := os.WriteFile(temp, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(temp, filepath.Join(h.dir, name)); err != nil {
		h.t.Fatal(err)
	}
}

// waitFile waits for a file; there is no signal for what another system would see.
func (h *house) waitFile(name string) string {
	h.t.Helper()
	for h.ctx.Err() == nil {
		if b, err := os.ReadFile(filepath.Join(h.dir, name)); err == nil {
			return string(b)
		}
		time.Sleep(2 * time.Millisecond)
	}
	h.t.Fatalf("%s never came; there is %v", name, h.files())
	return ""
}

// files are all files below the folder, without hidden probes.
func (h *house) files() []string {
	var out []string
	err := filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(h.dir, path)
			out = append(out, rel)
		}
		return err
	})
	if err != nil {
		h.t.Error(err)
	}
	return out
}

func TestTakenFileMovesToDone(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir(), nil)
	h.put("b.json", `{"b":1}`)
	h.put("a.xml", "<a/>")
	h.put("c", "text")
	h.start()
	for name, text := range map[string]string{"a.xml": "<a/>", "b.json": `{"b":1}`, "c": "text"} {
		if got := h.waitFile("done/2026-11-21/" + name); got != text {
			t.Errorf("%s holds %q", name, got)
		}
	}
	var order []string
	for _, in := range h.to.Kept() {
		order = append(order, string(in.Body)+" "+in.ContentType)
	}
	if want := "<a/> application/xml|{\"b\":1} application/json|text "; strings.Join(order, "|") != want {
		t.Errorf("got %q, want %q: by name", strings.Join(order, "|"), want)
	}
}

func TestErrorFolder(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, file, text string
		answer           *connectors.Answer
		reason           string
		size             int64
	}{
		{"refused", "m.xml", "<not closed", &connectors.Answer{MessageID: "m9", Fault: &samvirke.Fault{
			Class: samvirke.Invalid, Code: "not-well-formed", Safe: "not well-formed XML", Line: 3, Err: errors.New("internal cause")}},
			"code: not-well-formed\nreason: not well-formed XML\nline: 3\nmessage: m9\ntime: 2026-11-21T10:00:00Z\n", 11},
		{"empty", "m.xml", "", nil, "code: empty-file\nreason: the file is empty\ntime: 2026-11-21T10:00:00Z\n", 0},
		{"too large", "m.xml", strings.Repeat("x", 101), nil,
			"code: too-large\nreason: the file is over the size limit; just its beginning was kept\nmessage: m1\ntime: 2026-11-21T10:00:00Z\n", 101},
		{"odd name", "m \n~æ.xml", "", nil, "code: empty-file\nreason: the file is empty\ntime: 2026-11-21T10:00:00Z\n", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, t.TempDir(), nil)
			h.to.Answer(func(connectors.Incoming) *connectors.Answer { return c.answer })
			h.start()
			h.put(c.file, c.text)
			if got := h.waitFile("errors/" + c.file); got != c.text {
				t.Errorf("the file was changed: %q", got)
			}
			if got := h.waitFile("errors/" + c.file + ".reason.txt"); got != c.reason {
				t.Errorf("reason\n%swant\n%s", got, c.reason)
			}
			kept := h.to.Kept()
			if c.size > 0 && (len(kept) != 1 || kept[0].Size != c.size || int64(len(kept[0].Body)) != min(c.size, 100)) || c.size == 0 && len(kept) != 0 {
				t.Errorf("handed over %d messages", len(kept))
			}
		})
	}
}

func TestAtTheSizeLimit(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir(), nil).start()
	h.put("m.xml", strings.Repeat("x", 100))
	h.waitFile("done/2026-11-21/m.xml")
}

func TestSameNameAgainOverwritesNothing(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir(), nil).start()
	for i := range 3 {
		h.put("m.xml", fmt.Sprintf("<m>%d</m>", i))
		n := i + 1
		if err := h.to.Wait(h.ctx, func(_ int, kept []connectors.Incoming) bool { return len(kept) == n }); err != nil {
			t.Fatal(err)
		}
	}
	h.Stop()
	texts := map[string]bool{}
	for _, f := range h.files() {
		texts[h.waitFile(f)] = true
	}
	if len(texts) != 3 || len(h.files()) != 3 {
		t.Errorf("files %v, want all three", h.files())
	}
}

func TestLeftAlone(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir(), nil)
	outside := filepath.Join(t.TempDir(), "secret.xml")
	if err := os.WriteFile(outside, []byte("<secret/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	alone := []string{".hidden.xml", "a.tmp", "b.part", "c.FILEPART", "d~", "sub/e.xml"}
	for _, n := range alone {
		h.put(n, "<x/>")
	}
	if err := os.Symlink(outside, filepath.Join(h.dir, "link.xml")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(h.dir, "pipe.xml"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.put("z.xml", "<z/>") // comes last by name: when it is taken, all others were looked at
	h.waitFile("done/2026-11-21/z.xml")
	if kept := h.to.Kept(); len(kept) != 1 || string(kept[0].Body) != "<z/>" {
		t.Errorf("handed over %d messages", len(kept))
	}
	for _, n := range append(alone, "link.xml") {
		if _, err := os.Lstat(filepath.Join(h.dir, n)); err != nil {
			t.Errorf("%s is gone: %v", n, err)
		}
	}
}

func TestMoreFilesThanOneScanTakes(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	h := open(t, t.TempDir(), func(o *SourceOptions) { o.MaxFiles = 7; o.Workers = 4; o.ScanEvery = time.Hour; o.Registerer = reg })
	for i := range 50 {
		h.put(fmt.Sprintf("%03d.xml", i), fmt.Sprintf("<m>%d</m>", i))
	}
	h.start()
	if err := h.to.Wait(h.ctx, func(_ int, kept []connectors.Incoming) bool { return len(kept) == 50 }); err != nil {
		t.Fatalf("%v: %d of 50", err, len(h.to.Kept()))
	}
	h.Stop()
	if n := len(h.to.Kept()); n != 50 {
		t.Errorf("handed over %d, want each once", n)
	}
	families, err := reg.Gather()
	if err != nil || len(families) != 2 {
		t.Errorf("metrics %v, %v", families, err)
	}
}

func TestVeryLongName(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir(), nil).start()
	name := strings.Repeat("æ", 125) + ".xml" // 254 bytes, the most there can be
	// Written under another name first: half a file is half a message to a source that lets nothing settle.
	if err := os.WriteFile(filepath.Join(h.dir, ".x"), []byte("<m/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(h.dir, ".x"), filepath.Join(h.dir, name)); err != nil {
		t.Fatal(err)
	}
	if err := h.to.Wait(h.ctx, func(_ int, kept []connectors.Incoming) bool { return len(kept) == 1 }); err != nil {
		t.Fatal(err)
	}
	h.waitFile("done/2026-11-21/" + strings.Repeat("æ", 90))
}

func TestNewSourceRefuses(t *testing.T) {
	t.Parallel()
	to := &connectortest.Receiver{}
	for name, opt := range map[string]SourceOptions{
		"no party":            {Dir: "x", Receiver: to},
		"no dir":              {Party: "a", Receiver: to},
		"no receiver":         {Party: "a", Dir: "x"},
		"done is dir":         {Party: "a", Dir: "x", Done: "x/", Receiver: to},
		"errors is done":      {Party: "a", Dir: "x", Done: "y", Errors: "y", Receiver: to},
		"work is the default": {Party: "a", Dir: "x", Work: "x/done", Receiver: to},
	} {
		if _, err := NewSource(opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h := open(t, t.TempDir(), func(o *SourceOptions) { o.Errors = filepath.Join(file, "errors") })
	if err := h.Start(h.ctx); err == nil {
		t.Error("started without an error folder")
	}
	h = open(t, t.TempDir(), nil).start()
	if err := h.Start(h.ctx); err == nil {
		t.Error("started twice")
	}
}
