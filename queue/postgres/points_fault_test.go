//go:build fault

package postgres

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

var (
	faultRounds = flag.Int("fault.rounds", 1, "how often the fault suite goes through the points")
	faultSeed   = flag.Uint64("fault.seed", 0, "seed of the fault suite; 0 takes a fresh one")
	faultTable  = flag.String("fault.table", "", "file that the table by fault is appended to")
)

const (
	// agedCrashes is how often a round crashes at each point of ageing, agedFirst how many messages a life begins with.
	agedCrashes, agedFirst = 5, 3
	agedSchemaEnv          = pointURL + "_SCHEMA"
	agedFromEnv            = pointURL + "_FROM"
)

// agedBodies are what a message of a number came as and what was made of it.
func agedBodies(n int) (in, out []byte) {
	return queuetest.AgedBody(fmt.Sprint("in", n), 8000), queuetest.AgedBody(fmt.Sprint("out", n), 11000)
}

// TestFaultAge ends a process that ages what it stores at each point of ageing, again and again in the database that the last crash left:
// every body is there with its bytes, in one of its two places and not in both, and what was under way is brought to its end.
func TestFaultAge(t *testing.T) {
	s := server(t)
	seed := *faultSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again: go test -tags fault ./queue/postgres -run '^%s$' -fault.rounds=%d -fault.seed=%d", t.Name(), *faultRounds, seed)
	rnd := rand.New(rand.NewPCG(seed, 4))
	b := &agedBooks{url: s.URL(), schema: schema(t, t.TempDir())}
	crashes := 0
	for _, p := range queuetest.CrashPoints("queue/postgres", "TestFaultAge") {
		for i := range *faultRounds * agedCrashes {
			nth := 1 + rnd.IntN(5)
			if i == 0 {
				nth = 1 // this step has bodies of each kind, however fast the machine is
			}
			b.crash(t, p, nth)
			if under := b.underWay(t); i == 0 && under == 0 {
				t.Fatalf("%s: nothing was moved that is not noted", p)
			}
			b.check(t)
			crashes++
		}
	}
	st := open(t, Options{Schema: b.schema})
	ageAll(t, st)
	b.check(t)
	for query, want := range map[string]int{
		`SELECT count(*) FROM message WHERE raw IS NOT NULL OR envelope IS NOT NULL`: 0,
		`SELECT count(*) FROM delivery WHERE body IS NOT NULL`:                       0,
		`SELECT count(*) FROM record WHERE octet_length(body) > 0`:                   0,
		`SELECT count(*) FROM plan_version WHERE octet_length(body) > 0`:             0,
		`SELECT count(*) - 5 * (SELECT count(*) FROM message) FROM aged`:             0,
	} {
		if got := rowsOf(t, st, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	text := fmt.Sprintf("crashed while bodies age, PostgreSQL: %d crashes, %d messages acknowledged and there with every body\n\n", crashes, len(b.accepted))
	t.Log(text)
	if *faultTable != "" {
		f, err := os.OpenFile(*faultTable, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// agedBooks are what was acknowledged over many crashes.
type agedBooks struct {
	url, schema string
	accepted    []int
	next        int // number of the next message
}

// crash runs a child until it ends at the point, and notes what it acknowledged.
func (b *agedBooks) crash(t *testing.T, p queue.Point, nth int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestFaultAgeChild$", "-test.count=1")
	cmd.Env = append(os.Environ(), pointURL+"="+b.url, agedSchemaEnv+"="+b.schema, fmt.Sprintf("%s=%d", agedFromEnv, b.next),
		fmt.Sprintf("%s=%s:%d:exit", queue.FaultEnv, p, nth))
	var words bytes.Buffer
	cmd.Stderr = &words
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewReader(pipe); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // a line without its end was cut off
		}
		what, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(rest)
		switch {
		case what == "begun" && err == nil:
			b.next = n + 1
		case what == "accepted" && err == nil:
			b.accepted = append(b.accepted, n)
		case what == "error":
			t.Errorf("%s: the child says %s", p, rest)
		}
	}
	_ = cmd.Wait() // its exit code is looked at
	if code := cmd.ProcessState.ExitCode(); code != queue.FaultExit || !strings.Contains(words.String(), "fault: ends at "+string(p)) {
		t.Fatalf("the child ended with %d and not at %s:\n%s", code, p, words.String())
	}
}

// underWay counts bodies that were moved and are not noted yet.
func (b *agedBooks) underWay(t *testing.T) (n int) {
	t.Helper()
	conn := direct(t, b.url, b.schema)
	defer conn.Close(context.Background()) //nolint:errcheck // reading only; of each round
	if err := conn.QueryRow(soon(t), `SELECT count(*) FROM aged b, aging a WHERE b.body IS NOT NULL
		AND b.seq > CASE b.kind WHEN 3 THEN a.delivery WHEN 4 THEN a.record WHEN 5 THEN a.plan ELSE a.message END`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// check reads everything that was acknowledged, and looks whether each body is in one place.
func (b *agedBooks) check(t *testing.T) {
	t.Helper()
	st := open(t, Options{Schema: b.schema})
	for _, n := range b.accepted {
		in, out := agedBodies(n)
		if err := queuetest.CheckAged(t.Context(), st, n, in, out); err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
	}
	for what, query := range map[string]string{
		"message":  agedPlaces("message", "raw IS NOT NULL", 1, "true"),
		"envelope": agedPlaces("message", "envelope IS NOT NULL", 2, "true"),
		"delivery": agedPlaces("delivery", "body IS NOT NULL", 3, "NOT original"),
		"record":   agedPlaces("record", "octet_length(body) > 0", 4, "true"),
		"plan":     agedPlaces("plan_version", "octet_length(body) > 0", 5, "true"),
	} {
		if n := rowsOf(t, st, query); n != 0 {
			t.Fatalf("%d bodies of the kind %s are in no place, or in two", n, what)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

// agedPlaces counts the rows of a table whose body is not in one place.
func agedPlaces(table, plain string, kind int, which string) string {
	return fmt.Sprintf(`SELECT count(*) FROM %s t WHERE %s AND (%s)::int + (EXISTS (SELECT 1 FROM aged WHERE kind = %d AND aged.seq = t.seq AND aged.body IS NOT NULL))::int <> 1`,
		table, which, plain, kind)
}

// TestFaultAgeChild is no test but the process that is crashed: it stores messages and ages them at once.
func TestFaultAgeChild(*testing.T) {
	url := os.Getenv(pointURL)
	if url == "" {
		return
	}
	say := func(what string, more any) { // in one write: half a line is none
		_, _ = fmt.Fprintf(os.Stdout, "%s %s\n", what, strings.ReplaceAll(fmt.Sprint(more), "\n", " "))
	}
	from, err := strconv.Atoi(os.Getenv(agedFromEnv))
	if err != nil {
		say("error", err)
		return
	}
	st, err := Open(context.Background(), Options{URL: url, Schema: os.Getenv(agedSchemaEnv), Logger: quiet()})
	if err != nil {
		say("error", err)
		return
	}
	store := func(n int) bool {
		say("begun", n)
		in, out := agedBodies(n)
		if _, err := st.Commit(context.Background(), queuetest.AgedUnit(n, time.Now(), in, out)); err != nil {
			say("error", err)
			return false
		}
		say("accepted", n)
		return true
	}
	for range agedFirst {
		if !store(from) {
			return
		}
		from++
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for ; store(from); from++ {
			time.Sleep(3 * time.Millisecond) // leaves the processor to the others
		}
	})
	wg.Go(func() {
		for {
			if _, err := st.Age(context.Background(), time.Now().Add(time.Hour)); err != nil {
				say("error", err)
				return
			}
		}
	})
	wg.Wait()
}
