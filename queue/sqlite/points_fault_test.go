//go:build fault

package sqlite

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	options "flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

var (
	faultRounds = options.Int("fault.rounds", 1, "how often the fault suite crashes at each point")
	faultSeed   = options.Uint64("fault.seed", 0, "seed of the fault suite; 0 takes a fresh one")
	faultTable  = options.String("fault.table", "", "file that the table by fault is appended to")
)

// pointPatience bounds one round: a loaded machine needs some of it, a point that is never reached all.
const pointPatience = 2 * time.Minute

// pointBooks are what a store has acknowledged over many crashes.
type pointBooks struct {
	dir      string
	accepted map[string]string // id -> point of the round
	sent     map[string]string
	erased   map[string]bool
	left     []string // folders of backups and restores, of the last round
}

// TestFaultPoints ends a process that uses a store in every way at each point of the engine in turn, each time on the folder that the
// last crash left: what was acknowledged is there, whole and once, and the books balance.
func TestFaultPoints(t *testing.T) {
	seed := *faultSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again: go test -tags fault ./queue/sqlite -run '^%s$' -fault.rounds=%d -fault.seed=%d", t.Name(), *faultRounds, seed)
	rnd := rand.New(rand.NewPCG(seed, 3))
	points := queuetest.CrashPoints("queue/sqlite", "TestFaultPoints")
	rounds, acked := map[queue.Point]int{}, map[queue.Point]int{}
	total := 0
	for pass := range *faultRounds {
		b := &pointBooks{dir: filepath.Join(t.TempDir(), "store"), accepted: map[string]string{}, sent: map[string]string{}, erased: map[string]bool{}}
		for i, p := range points {
			before, began := len(b.accepted), time.Now()
			b.crash(t, p, nthOf(rnd, p), fmt.Sprintf("%d-%d", pass, i))
			b.check(t, p, i == len(points)-1)
			t.Logf("%-28s %5.1f s, %d acknowledged so far", p, time.Since(began).Seconds(), len(b.accepted))
			rounds[p]++
			acked[p] += len(b.accepted) - before
		}
		total += len(b.accepted)
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "fault\trounds\tacknowledged and there\t")
	for _, p := range points {
		fmt.Fprintf(w, "%s\t%d\t%d\t\n", p, rounds[p], acked[p]) // what is not there has ended the test
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", text.String())
	if total == 0 {
		t.Error("nothing was acknowledged: this shows nothing")
	}
	if *faultTable != "" {
		f, err := os.OpenFile(*faultTable, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString("crashed at points of the engine, SQLite\n" + text.String() + "\n")
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// nthOf says at which of many times the process ends. To some points a process comes once, or seldom.
func nthOf(rnd *rand.Rand, p queue.Point) int {
	switch name := string(p); {
	case strings.Contains(name, "migrate"), name == "sqlite.recovered", name == "sqlite.close", name == "sqlite.tidy.removed":
		return 1
	case strings.HasPrefix(name, "sqlite.frame"):
		return 1 + rnd.IntN(60)
	case strings.HasPrefix(name, "sqlite.body"), strings.HasPrefix(name, "sqlite.tables"), strings.HasPrefix(name, "sqlite.tidy.wipe"):
		return 1 + rnd.IntN(10)
	}
	return 1 + rnd.IntN(3)
}

// crash runs a child until it ends at the point, and notes what it acknowledged.
func (b *pointBooks) crash(t *testing.T, p queue.Point, nth int, round string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), pointPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestFaultPointChild$", "-test.count=1")
	cmd.Env = append(os.Environ(), pointDir+"="+b.dir, pointDir+"_ROUND="+round, fmt.Sprintf("%s=%s:%d:exit", queue.FaultEnv, p, nth))
	if p == queue.PointClose {
		cmd.Env = append(cmd.Env, pointDir+"_CLOSE=1")
	}
	var words bytes.Buffer
	cmd.Stderr = &words
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.left = b.left[:0]
	for lines := bufio.NewReader(pipe); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // a line without its end was cut off
		}
		switch what, id, _ := strings.Cut(strings.TrimSpace(line), " "); what {
		case "accepted":
			b.accepted[id] = string(p)
		case "sent":
			b.sent[id] = string(p)
		case "erased":
			b.erased[id] = true
		case "folder":
			b.left = append(b.left, id)
		case "error":
			t.Errorf("%s: the child says %s", p, id)
		}
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != queue.FaultExit || !strings.Contains(words.String(), "fault: ends at "+string(p)) {
		t.Fatalf("the child ended with %d and not at %s:\n%s", code, p, words.String())
	}
}

// someOlder is how many of the messages of earlier rounds are looked for after each one; at the end all are.
const someOlder = 200

// check holds the books against the store.
func (b *pointBooks) check(t *testing.T, p queue.Point, all bool) {
	t.Helper()
	for _, dir := range b.left {
		checkFolder(t, p, dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}
	if len(b.accepted) == 0 {
		return // opening it would do what the next child is to be crashed in
	}
	s := open(t, pointOptions(b.dir))
	defer s.Close()
	older := 0
	for id, of := range b.accepted {
		if of != string(p) && !all {
			if older++; older > someOlder {
				continue
			}
		}
		m, err := s.Message(t.Context(), id)
		gone := errors.Is(err, queue.ErrDamaged) || err == nil && len(m.Raw) == 0
		if (err == nil && bytes.Equal(m.Raw, crashBody(id))) || gone && droppable(id) {
			continue
		}
		t.Fatalf("after %s: message %s, acknowledged before %s, has %d bytes, %v", p, id, of, len(m.Raw), err)
	}
	older = 0
	for id, of := range b.sent {
		if of != string(p) && !all {
			if older++; older > someOlder {
				continue
			}
		}
		if d, err := s.Delivery(t.Context(), id); err != nil && !errors.Is(err, queue.ErrDamaged) || d.State != samvirke.DeliverySent || d.Attempts != 1 {
			t.Fatalf("after %s: delivery %s, reported sent before %s, is %s after %d attempts, %v", p, id, of, d.State, d.Attempts, err)
		}
	}
	for id := range b.erased {
		m, err := s.Message(t.Context(), id)
		if errors.Is(err, queue.ErrNotFound) { // its time was over too
			continue
		}
		if (err != nil && !errors.Is(err, queue.ErrDamaged)) || len(m.Raw) > 0 || m.Patient != "" {
			t.Fatalf("after %s: message %s of an erased person has %d bytes, %v", p, id, len(m.Raw), err)
		}
	}
	if err := s.VerifyAudit(t.Context()); err != nil {
		t.Fatalf("after %s: %v", p, err)
	}
	if off, err := s.countOff(t.Context()); err != nil || len(off) != 0 || s.unaccounted() != 0 {
		t.Fatalf("after %s: the books are off by %v, unaccounted %d, %v", p, off, s.unaccounted(), err)
	}
	var sound string
	if err := s.db.QueryRow(`PRAGMA quick_check`).Scan(&sound); err != nil || sound != "ok" {
		t.Fatalf("after %s: the database is damaged: %s, %v", p, sound, err)
	}
}

// checkFolder looks at a backup, or at a folder that one was restored into: it is whole, or it says that it is not.
func checkFolder(t *testing.T, p queue.Point, dir string) {
	t.Helper()
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return
	}
	if strings.HasSuffix(dir, "-backup") {
		into := t.TempDir()
		if _, err := Restore(t.Context(), dir, into); err != nil && !errors.Is(err, ErrNoBackup) {
			t.Errorf("after %s: a backup that was under way: %v", p, err)
		}
		return
	}
	s, err := Open(t.Context(), pointOptions(dir))
	switch {
	case errors.Is(err, ErrRestoring):
		return
	case err != nil:
		t.Errorf("after %s: a restore that was under way: %v", p, err)
		return
	}
	defer s.Close()
	if off, err := s.countOff(t.Context()); err != nil || len(off) != 0 {
		t.Errorf("after %s: the books of a restored store are off by %v, %v", p, off, err)
	}
}
