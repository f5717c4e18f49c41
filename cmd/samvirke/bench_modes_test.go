package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

// bench runs one measurement to its end and reads its report. What it measures must be whole: exit code 0.
func bench(t *testing.T, report any, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(t), append([]string{"bench", "--json", "--drain", "3m"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its gateways
	cmd.WaitDelay = time.Minute
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, &errs)
	}
	if err := json.Unmarshal(out, report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestBenchBacklog fills a store with deliveries to receivers that are down, restarts on it and lets them catch up. It
// leaves nothing behind.
func TestBenchBacklog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var r backlogReport
	bench(t, &r, "--backlog", "601", "--rate", "30", "--duration", "2s", "--catch-up", "5m", "--data", dir)
	if r.Backlog != 602 { // two for each message
		t.Errorf("%d deliveries wait", r.Backlog)
	}
	if r.Sent+r.Unsent != 60 || r.Accepted != r.Sent || r.Complete != r.Accepted || r.Receipts != 2*r.Accepted || r.Unknown != 0 {
		t.Errorf("new messages: %+v", r.LoadReport)
	}
	k := r.CatchUp
	if k.Delivered != r.Backlog || k.StillWaiting != 0 || k.PerS <= 0 || k.Seconds <= 0 || k.CPUPerOne < 0 {
		t.Errorf("catching up: %+v", k)
	}
	if r.RestartMS <= 0 || r.TryingMS < r.RestartMS || r.StartMS <= 0 || r.FillSeconds <= 0 {
		t.Errorf("times: %+v", r)
	}
	if r.EmptyMB <= 0 || r.RestMB <= 0 || r.AfterMB <= 0 || r.RestLiveMB <= 0 || r.AfterLiveMB <= 0 || r.AfterLiveMB > r.AfterMB || r.MemoryMB < r.RestMB {
		t.Errorf("memory: %+v", r)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestBenchSoak runs for some seconds with faults and kills: nothing is lost, doubled or reordered by them.
func TestBenchSoak(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var r soakReport
	bench(t, &r, "--soak", "12s", "--rate", "10", "--sample", "200ms", "--fault-every", "2500ms", "--kill-every", "4s", "--keep", "2s", "--data", dir)
	if r.Sent+r.Unsent != 120 || r.Accepted == 0 || r.Complete != r.Accepted {
		t.Errorf("messages: %+v", r.LoadReport)
	}
	if r.Kills < 1 || r.Kills > 3 || r.Faults < 1 || r.Faults > 5 { // a late one falls out when the load has ended
		t.Errorf("%d kills and %d faults", r.Kills, r.Faults)
	}
	if len(r.Samples) == 0 || len(r.Trends) != 6 {
		t.Fatalf("%d samples, trends %+v", len(r.Samples), r.Trends)
	}
	for _, s := range r.Samples {
		if s.ResidentMB <= 0 || s.Goroutines <= 0 || s.Files <= 0 {
			t.Errorf("sample %+v", s)
		}
	}
	for _, x := range r.Trends {
		if x.Verdict != verdictShort {
			t.Errorf("some seconds tell nothing of %s: %+v", x.Figure, x)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestBenchGateways spreads a load over two gateways on one PostgreSQL and kills one of them.
func TestBenchGateways(t *testing.T) {
	t.Parallel()
	if postgrestest.Bin() == "" {
		t.Skip(postgrestest.Missing)
	}
	db, err := postgrestest.New()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var r benchReport
	bench(t, &r, "--gateways", "2", "--kill", "--database", db.URL(), "--rate", "30", "--duration", "4s")
	if r.Sent+r.Unsent != 120 || r.Accepted == 0 || r.Complete != r.Accepted || r.Store != "postgres" {
		t.Errorf("report %+v", r)
	}
	if r.Killed == nil || r.Killed.AtS <= 0 || r.Killed.TakeOverS < 0 || r.TakeOverLimitS != killLimit.Seconds() {
		t.Errorf("the kill: %+v, which may take %v s", r.Killed, r.TakeOverLimitS)
	}
	if len(r.Gateways) != 2 || r.Gateways[0].Killed || !r.Gateways[1].Killed || r.Gateways[0].Accepted+r.Gateways[1].Accepted != r.Accepted {
		t.Fatalf("gateways: %+v", r.Gateways)
	}
	for _, g := range r.Gateways {
		if g.MemoryMB <= 0 || g.StartMS <= 0 {
			t.Errorf("gateway %+v", g)
		}
	}
	conn, err := pgx.Connect(t.Context(), db.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // reading only
	var n int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM information_schema.schemata WHERE schema_name LIKE 'samvirke%'`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d schemas are left behind: %v", n, err)
	}
}

// TestBenchTakeOverVerdict: what was taken over later than the leases explain is a failure.
func TestBenchTakeOverVerdict(t *testing.T) {
	limit := killLimit.Seconds()
	for name, c := range map[string]struct {
		r    benchReport
		want int64
	}{
		"nobody killed": {benchReport{}, 0},
		"in time":       {benchReport{LoadReport: simulate.LoadReport{Killed: &simulate.KillReport{TakeOverS: limit}}, TakeOverLimitS: limit}, 0},
		"late":          {benchReport{LoadReport: simulate.LoadReport{Killed: &simulate.KillReport{TakeOverS: limit + 1}}, TakeOverLimitS: limit}, 1},
	} {
		if got := c.r.late(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestBenchRefusesNonsense: what does not go together ends with exit code 64 before anything is started.
func TestBenchRefusesNonsense(t *testing.T) {
	t.Parallel()
	full := t.TempDir()
	if err := os.Mkdir(full+"/store", 0o700); err != nil {
		t.Fatal(err)
	}
	const database = "postgres://nobody@127.0.0.1:1/none"
	for name, args := range map[string][]string{
		"two measurements":       {"--backlog", "10", "--soak", "1m", "--rate", "1"},
		"backlog of many":        {"--backlog", "10", "--gateways", "2", "--database", database},
		"soak of another":        {"--soak", "1m", "--rate", "1", "--url", "http://127.0.0.1:1"},
		"fill and backlog":       {"--fill", "10", "--backlog", "10", "--data", full},
		"less than nothing":      {"--backlog", "-1"},
		"too much":               {"--backlog", "100000000"},
		"catching up with none":  {"--catch-up", "1s"},
		"soak flat out":          {"--soak", "1m"},
		"soak of a moment":       {"--soak", "1ms", "--rate", "1"},
		"samples of nothing":     {"--sample", "1s"},
		"lives of a minute":      {"--soak", "20m", "--rate", "1", "--kill-every", "1m"},
		"several on files":       {"--gateways", "2"},
		"no gateway":             {"--gateways", "0"},
		"an army":                {"--gateways", "99", "--database", database},
		"kill the only one":      {"--kill", "--database", database},
		"database of another":    {"--database", database, "--url", "http://127.0.0.1:1"},
		"database by file":       {"--database", "/tmp/x.db"},
		"a password on the line": {"--database", "postgres://me:secret@127.0.0.1:1/none"},
		"a store that is there":  {"--backlog", "10", "--data", full},
		"rate below nothing":     {"--rate", "-1"},
		"no time":                {"--duration", "0s"},
		"nobody":                 {"--parties", "0"},
	} {
		code, out, errs := command(t, nil, append([]string{"bench"}, args...)...)
		if code != exitUsage || out != "" || errs == "" || strings.Contains(errs, "secret") {
			t.Errorf("%s: exit code %d\n%s%s", name, code, out, errs)
		}
	}
	if code, _, errs := command(t, nil, "bench", "--database", database); code != exitTryLater || errs == "" {
		t.Errorf("a database that is not there: exit code %d\n%s", code, errs)
	}
}

// TestTrend: what a line through samples tells.
func TestTrend(t *testing.T) {
	t.Parallel()
	of := func(n int, every float64, value func(i int) float64) trend {
		var points []point
		for i := range n {
			points = append(points, point{float64(i) * every, value(i)})
		}
		return trendOf("x", [][]point{points}, 1)
	}
	wave := func(i int) float64 { return float64(i%3) - 1 }
	for name, c := range map[string]struct {
		got     trend
		verdict string
		percent float64
	}{
		"flat":             {of(30, 60, func(int) float64 { return 100 }), verdictFlat, 0},
		"grows":            {of(31, 60, func(i int) float64 { return 85 + float64(i) }), verdictGrows, 60},
		"falls":            {of(31, 60, func(i int) float64 { return 115 - float64(i) }), verdictFlat, -60},
		"a little":         {of(31, 60, func(i int) float64 { return 98.5 + float64(i)/10 }), verdictFlat, 6},
		"grows with waves": {of(31, 60, func(i int) float64 { return 85 + float64(i) + wave(i) }), verdictGrows, 60},
		"few samples":      {of(5, 600, func(i int) float64 { return 98 + float64(i) }), verdictShort, 6},
		"short time":       {of(31, 1, func(i int) float64 { return 85 + float64(i) }), verdictShort, 3600},
		"next to nothing":  {of(31, 60, func(i int) float64 { return .0001 * float64(i) }), verdictFlat, .6},
		"nothing at all":   {of(0, 0, nil), verdictShort, 0},
	} {
		if c.got.Verdict != c.verdict || c.got.PercentPerHour < c.percent-3 || c.got.PercentPerHour > c.percent+3 {
			t.Errorf("%s: %+v, want %s and %v %%", name, c.got, c.verdict, c.percent)
		}
	}
	if w := of(30, 60, func(i int) float64 { return 100 + 50*wave(i) }); w.Verdict != verdictFlat || w.Error < 10 {
		t.Errorf("waves are no growth: %+v", w)
	}
}
