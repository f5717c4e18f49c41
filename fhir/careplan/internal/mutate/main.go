package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// room is the package whose rules are broken, from the root of the module.
const room = "fhir/careplan"

// stage is one run of the tests, the cheap ones first.
type stage struct {
	name string
	args []string
}

// stages end with everything, in the number of cases that every run of the tests takes. The first leaves out what knows of no
// merge rule: how records and plans are written, and the published examples.
func stages(quick bool) []stage {
	const slow = "TestEverySetInEveryOrder|TestFoldConcurrent|Fuzz"
	list := []stage{
		{"50 cases", []string{"-test.skip=" + slow + "|TestEncodes|TestPack|TestReader|TestPublished|TestFHIRSchema|TestShownSays|TestMany", "-rapid.checks=50"}},
		{"300 cases", []string{"-test.skip=" + slow, "-rapid.checks=300"}},
		{"all", nil},
	}
	if quick {
		return list[:1]
	}
	return list
}

func main() {
	only := flag.String("only", "", "try only mutations whose name or source contains this")
	out := flag.String("out", "", "write the table to this file too, after each mutation")
	list := flag.Bool("list", false, "list the mutations and run nothing")
	quick := flag.Bool("quick", false, "leave out the long runs that each survivor gets")
	numbered := flag.String("numbers", "", "try only those with these numbers, as 3,15,20")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	code, err := run(ctx, *only, *numbered, *out, *list, *quick)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// run tries the mutations and gives the exit code: 1 when any survived, was not built or has no verdict.
func run(ctx context.Context, only, numbered, out string, list, quick bool) (int, error) {
	root, err := moduleRoot()
	if err != nil {
		return 0, err
	}
	table := mutations()
	var pick []int
	for i := range table {
		wanted := numbered == "" || strings.Contains(","+numbered+",", ","+strconv.Itoa(i+1)+",")
		if wanted && strings.Contains(table[i].name+" "+table[i].source, only) {
			pick = append(pick, i+1)
		}
	}
	if list {
		for _, n := range pick {
			fmt.Printf("%3d  %-14s %s\n", n, table[n-1].source, table[n-1].name)
		}
		return 0, nil
	}
	r := &runner{root: root, table: table, quick: quick, out: out}
	if r.dir, err = os.MkdirTemp("", "mutate-"); err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(r.dir) }() // what is left there harms nobody
	err = r.all(ctx, pick)
	fmt.Print(r.report())
	if err != nil {
		return 0, err
	}
	for _, o := range r.outcomes {
		if o.state != killed && o.state != equivalent {
			return 1, nil
		}
	}
	return 0, nil
}

func moduleRoot() (string, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	if _, err := os.Stat(filepath.Join(root, room)); err != nil {
		return "", fmt.Errorf("run it inside the module: %w", err)
	}
	return root, nil
}

// runner tries mutations one after the other.
type runner struct {
	root, dir string
	table     []mutation
	quick     bool
	out       string // file of the table, "" for none
	outcomes  []outcome
}

func (r *runner) read(file string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(r.root, room, file)) // #nosec G304 -- a name of the table
	return string(raw), err
}

// all tries the picked mutations, package by package.
func (r *runner) all(ctx context.Context, pick []int) error {
	byDir := map[string][]int{}
	for _, n := range pick {
		m := &r.table[n-1]
		dir := filepath.Dir(m.file)
		text, err := r.read(m.file)
		if err != nil {
			return err
		}
		if _, err := m.find(text); err != nil {
			r.note(outcome{n: n, state: notBuilt, by: err.Error()})
			continue
		}
		byDir[dir] = append(byDir[dir], n)
	}
	for _, dir := range []string{".", "function"} {
		list, err := batches(r.table, byDir[dir], r.read)
		if err != nil {
			return err
		}
		for i, b := range list {
			binary, err := r.build(ctx, dir, b, i)
			if err != nil {
				if err = r.oneByOne(ctx, dir, b, err); err != nil {
					return err
				}
				continue
			}
			for _, n := range b.held {
				if err := r.try(ctx, dir, binary, n); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// oneByOne builds what could not be built together, to find the mutation that is at fault.
func (r *runner) oneByOne(ctx context.Context, dir string, b batch, why error) error {
	if len(b.held) == 1 {
		r.note(outcome{n: b.held[0], state: notBuilt, by: firstLine(why.Error())})
		return nil
	}
	for _, n := range b.held {
		list, err := batches(r.table, []int{n}, r.read)
		if err != nil {
			return err
		}
		binary, err := r.build(ctx, dir, list[0], n)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			r.note(outcome{n: n, state: notBuilt, by: firstLine(err.Error())})
			continue
		}
		if err := r.try(ctx, dir, binary, n); err != nil {
			return err
		}
	}
	return nil
}

// build compiles the tests of a package with the files of a batch in the place of its own.
func (r *runner) build(ctx context.Context, dir string, b batch, at int) (binary string, err error) {
	from := filepath.Join(r.root, room, dir)
	name := "careplan"
	if dir != "." {
		name = dir
	}
	replace := map[string]string{}
	add := func(file, text string) error {
		to := filepath.Join(r.dir, strings.ReplaceAll(file, string(filepath.Separator), "-"))
		replace[filepath.Join(r.root, room, file)] = to
		return os.WriteFile(to, []byte(text), 0o600)
	}
	for file, text := range b.files {
		if err := add(file, text); err != nil {
			return "", err
		}
	}
	if err := add(filepath.Join(dir, "zz_mutant.go"), fmt.Sprintf(switches, name)); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(r.dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return "", err
	}
	binary = filepath.Join(r.dir, fmt.Sprintf("%s-%d.test", name, at))
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", file, "-o", binary, ".") // #nosec G204 -- our own names
	cmd.Dir = from
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, said)
	}
	return binary, nil
}

// Longest time that one run of the tests may take: a rule that is gone may make a loop endless.
const longest = 10 * time.Minute

// try runs the tests with one mutation in force until one fails.
func (r *runner) try(ctx context.Context, dir, binary string, n int) error {
	o := outcome{n: n, state: survived}
	for _, s := range stages(r.quick) {
		limited, cancel := context.WithTimeoutCause(ctx, longest, errors.New("the tests took too long"))
		cmd := exec.CommandContext(limited, binary, append([]string{"-test.failfast", "-rapid.nofailfile", "-rapid.shrinktime=1ms"}, s.args...)...) // #nosec G204 -- what build made
		cmd.Dir = filepath.Join(r.root, room, dir)
		cmd.Env = append(os.Environ(), fmt.Sprint("SAMVIRKE_MUTANT=", n))
		said, err := cmd.CombinedOutput()
		late := limited.Err() != nil
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			o.state, o.stage, o.by = killed, s.name, failing(string(said), late)
			if late && s.args == nil {
				o.state = undecided // everything takes long on a busy machine too
			}
			break
		}
	}
	if why := equivalents()[r.table[n-1].name]; why != "" && o.state != killed {
		o.state, o.stage, o.by = equivalent, "", why
	}
	r.note(o)
	return nil
}

var (
	failed   = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	panicked = regexp.MustCompile(`(?m)^panic: |^fatal error: `)
)

// failing names the innermost test that failed first.
func failing(said string, late bool) string {
	best := ""
	for _, f := range failed.FindAllStringSubmatch(said, -1) {
		if best != "" && !strings.HasPrefix(f[1], best+"/") {
			break
		}
		best = f[1]
	}
	switch {
	case late:
		return "no end in " + longest.String()
	case best == "" && panicked.MatchString(said):
		return "panic"
	case best == "":
		return firstLine(said)
	}
	return best
}

func firstLine(s string) string {
	for _, line := range strings.Split(s, "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "build:") {
			return line
		}
	}
	return s
}
