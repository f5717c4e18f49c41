package samvirke_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke/internal/loopback"
)

// codeBlocks gives the shell blocks of a page, in order.
func codeBlocks(t *testing.T, page string) []string {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(raw, -1) {
		blocks = append(blocks, string(m[1]))
	}
	return blocks
}

// buildSamvirke builds the program into a folder of the test.
func buildSamvirke(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "samvirke")
	if out, err := exec.Command("go", "build", "-o", bin, "./cmd/samvirke").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// TestReadmeCommands: every samvirke command the README names exists and has the flags it is given.
func TestReadmeCommands(t *testing.T) {
	bin := buildSamvirke(t)
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^(?:go run ./cmd/|\./|\| .)samvirke ([^#|\n]*)`).FindAllStringSubmatch(string(raw), -1)
	if len(lines) < 15 {
		t.Fatalf("found %d command lines", len(lines))
	}
	for _, l := range lines {
		var words, flags []string
		for _, w := range strings.Fields(strings.ReplaceAll(l[1], "`", " ")) {
			switch {
			case strings.HasPrefix(w, "--"):
				flags = append(flags, w)
			case len(flags) == 0 && regexp.MustCompile(`^[a-z-]+$`).MatchString(w):
				words = append(words, w)
			}
		}
		t.Run(strings.Join(words, " "), func(t *testing.T) {
			out, err := exec.Command(bin, append(words, "--help")...).CombinedOutput()
			if err != nil || len(words) == 0 || !strings.Contains(string(out), "Usage: samvirke "+strings.Join(words, " ")) {
				t.Fatalf("no such command: %v\n%s", err, out)
			}
			for _, f := range flags {
				if !regexp.MustCompile(regexp.QuoteMeta(f) + `\b`).Match(out) {
					t.Errorf("has no flag %s:\n%s", f, out)
				}
			}
		})
	}
}

// TestReadmeAllCommands: the README has a row for each command of the program; those of one group may stand in one row.
func TestReadmeAllCommands(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	help, err := exec.Command(buildSamvirke(t), "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, help)
	}
	commands := regexp.MustCompile(`(?m)^  ([a-z-]+)(?: ([a-z-]+))?  `).FindAllSubmatch(help, -1)
	if len(commands) < 20 {
		t.Fatalf("found %d commands in\n%s", len(commands), help)
	}
	for _, c := range commands {
		group, one := string(c[1]), string(c[2])
		row := regexp.MustCompile("(?m)^\\| `samvirke " + group + "[ `].*$")
		if !slices.ContainsFunc(row.FindAllString(string(raw), -1), func(row string) bool {
			return one == "" || strings.Contains(row, "`samvirke "+group+" "+one+"`") || strings.Contains(row, "`"+one+"`")
		}) {
			t.Errorf("the README has no row for samvirke %s %s", group, one)
		}
	}
}

// TestReadmeStreams: the configuration of streams that the README shows is one.
func TestReadmeStreams(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)## Streams\n.*?```yaml\n(.*?)```").FindSubmatch(raw)
	if m == nil {
		t.Fatal("there is none")
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{"samvirke.yaml": append([]byte("environment: test\n"), m[1]...), "research.creds": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(buildSamvirke(t), "check", "--config", filepath.Join(dir, "samvirke.yaml")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestReadmeFiles: the files the README names are there.
func TestReadmeFiles(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	// What stands behind a slash is an address of the gateway.
	for _, m := range regexp.MustCompile(`(?:^|[^/\w])((?:deploy|testdata|cmd|internal|fhir)/[A-Za-z0-9/._-]*[A-Za-z0-9/])`).FindAllStringSubmatch(string(raw), -1) {
		names = append(names, m[1])
	}
	for _, name := range append(slices.Compact(names), "LICENSE", "imports_test.go", ".ci/run") {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("the README names %s: %v", name, err)
		}
	}
}

// output is what a process writes while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// walk plays the README's first message in a folder of its own.
type walk struct {
	t              *testing.T
	dir, bin, addr string
	stop           func() // ends the gateway and waits for it
}

// adapt makes a block run here: the built program instead of go run, a free port instead of ours.
func (w *walk) adapt(block string) string {
	return strings.NewReplacer("go run ./cmd/samvirke", w.bin, "127.0.0.1:8480", w.addr).Replace(block)
}

// shell runs a block and gives what it prints.
func (w *walk) shell(block string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", w.adapt(block))
	cmd.Dir = w.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%v\n%s\n%s", err, block, out)
	}
	return string(out)
}

// patience is how long something may take that another process does. A loaded machine needs some of it, a hang all.
const patience = 4 * time.Minute

// until waits for something that another process does.
func (w *walk) until(what string, log *output, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%s: not within %s\n%s", what, patience, log)
		}
	}
}

// start lays the folder out and starts the gateway as the block says.
func (w *walk) start(block string) *output {
	w.t.Helper()
	addr, err := loopback.Free()
	if err != nil {
		w.t.Fatal(err)
	}
	w.addr = addr
	raw, err := os.ReadFile("deploy/first-message.yaml")
	if err != nil {
		w.t.Fatal(err)
	}
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(w.dir, "deploy"), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "deploy/first-message.yaml"), append([]byte("listen: "+w.addr+"\n"), raw...), 0o644); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Symlink(testdata, filepath.Join(w.dir, "testdata")); err != nil {
		w.t.Fatal(err)
	}
	log := new(output)
	// exec, so that the signal at the end reaches the gateway and not the shell around it.
	cmd := exec.Command("sh", "-eu", "-c", strings.Replace(w.adapt(block), w.bin, "exec "+w.bin, 1))
	cmd.Dir, cmd.Stdout, cmd.Stderr = w.dir, log, log
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); w.t.Failed() {
			w.t.Logf("gateway: %v\n%s", err, log)
		}
	})
	w.t.Cleanup(w.stop)
	w.until("gateway ready", log, func() bool {
		r, err := http.Get("http://" + w.addr + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	return log
}

// TestReadmeFirstMessage runs the blocks of "A first message by hand" and looks at what they promise.
func TestReadmeFirstMessage(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed (Debian package curl)")
	}
	var blocks []string
	for _, b := range codeBlocks(t, "README.md") {
		if strings.Contains(b, "first-message") {
			blocks = append(blocks, b)
		}
	}
	if len(blocks) != 4 {
		t.Fatalf("found %d blocks, want run, curl, cat and queue", len(blocks))
	}
	w := &walk{t: t, dir: t.TempDir(), bin: buildSamvirke(t)}
	log := w.start(blocks[0])
	answer := w.shell(blocks[1])
	id := regexp.MustCompile(`"id": ?"([^"]+)"`).FindStringSubmatch(answer)
	if !strings.Contains(answer, "202 Accepted") || id == nil {
		t.Fatalf("answer to the first message:\n%s", answer)
	}
	w.until("both files", log, func() bool {
		var n int
		for _, party := range []string{"fjordvik", "bekkedal"} {
			files, _ := filepath.Glob(filepath.Join(w.dir, "out/first-message/to-"+party, "*.xml"))
			n += len(files)
		}
		return n == 2
	})
	files := w.shell(blocks[2])
	for _, want := range []string{`<AppRec`, `<Status V="1"`, "Pasientlogistikk/2009-06-30"} {
		if !strings.Contains(files, want) {
			t.Errorf("no %s in\n%s", want, files)
		}
	}
	if again := w.shell(blocks[1]); !strings.Contains(again, id[1]) {
		t.Errorf("the same message again has another answer:\n%s", again)
	}
	story := w.shell(strings.ReplaceAll(blocks[3], " ID\n", " "+id[1]+"\n"))
	for _, want := range []string{id[1], "bekkedal", "fjordvik", "addressees"} {
		if !strings.Contains(story, want) {
			t.Errorf("no %s in\n%s", want, story)
		}
	}
}
