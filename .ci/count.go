// Command count reads the output of go test -json and tells it in few words: a line for each
// package, the whole output of each test that failed, every skip with its reason, and at the end
// the totals as "N passed, N failed, N skipped".
//
//	go test -json ./... | go run .ci/count.go [-totals FILE] [-skips FILE [-may WORD]]
//
// It exits 1 when a test failed, a package did not build, or with -skips when a test skipped that the file does not name: what a
// machine lacks must show, whatever the reason is called. -may allows the skips whose reason holds a word as well.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// event is one line of go test -json; see "go doc test2json".
type event struct {
	Action, Package, ImportPath, Test, Output, FailedBuild string
	Elapsed                                                float64
}

// counter adds up what it is told.
type counter struct {
	out                     io.Writer
	allowed                 map[string]bool // skips by package and test; nil: all
	may                     string
	passed, failed, skipped int
	output                  map[string][]string // by package and test
	inPackage               map[string]int      // failed tests by package
	skips, forbidden        []string
}

func main() {
	totals := flag.String("totals", "", "append the three totals to this file")
	skips := flag.String("skips", "", "a file of the tests that may skip: package, test and why in each line; others fail")
	may := flag.String("may", "", "with -skips: a word in the reasons of further skips that are allowed")
	flag.Parse()
	c := &counter{out: os.Stdout, may: *may, output: map[string][]string{}, inPackage: map[string]int{}}
	if *skips != "" {
		var err error
		if c.allowed, err = readSkips(*skips); err != nil {
			fmt.Fprintln(os.Stderr, "count:", err)
			os.Exit(1)
		}
	}
	if err := c.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
	c.finish()
	if *totals != "" {
		f, err := os.OpenFile(*totals, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err == nil {
			_, err = fmt.Fprintln(f, c.passed, c.failed, c.skipped)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "count:", err)
			os.Exit(1)
		}
	}
	if c.failed > 0 || c.passed == 0 {
		os.Exit(1)
	}
}

// readSkips reads which tests may skip. Each must say why.
func readSkips(name string) (map[string]bool, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	allowed := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(line, "#"):
		case len(words) < 3:
			return nil, fmt.Errorf("%s: %q: a package, a test and why it may skip", name, strings.TrimSpace(line))
		default:
			allowed[words[0]+" "+words[1]] = true
		}
	}
	return allowed, nil
}

func (c *counter) read(r io.Reader) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), 64<<20)
	for s.Scan() {
		var e event
		if json.Unmarshal(s.Bytes(), &e) != nil || e.Action == "" {
			fmt.Fprintln(c.out, s.Text()) // go's own words, such as a module that is missing
			continue
		}
		c.take(e)
	}
	return s.Err()
}

func (c *counter) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		c.output[key] = append(c.output[key], e.Output)
	case "build-output":
		c.output[e.ImportPath] = append(c.output[e.ImportPath], e.Output)
	case "pass", "skip", "fail":
		if e.Test == "" {
			c.pkg(e, key)
		} else {
			c.test(e, key)
		}
		delete(c.output, key)
	}
}

func (c *counter) test(e event, key string) {
	switch e.Action {
	case "pass":
		c.passed++
	case "skip":
		c.skipped++
		reason := skipReason(c.output[key])
		line := fmt.Sprintf("%s %s: %s", e.Package, e.Test, reason)
		c.skips = append(c.skips, line)
		if c.allowed != nil && !c.allowed[key] && (c.may == "" || !strings.Contains(reason, c.may)) {
			c.forbidden = append(c.forbidden, line)
		}
	case "fail":
		c.failed++
		c.inPackage[e.Package]++
		fmt.Fprintf(c.out, "\n%s", strings.Join(c.output[key], ""))
	}
}

func (c *counter) pkg(e event, key string) {
	switch {
	case e.Action == "fail":
		if c.inPackage[e.Package] == 0 { // did not build, panicked, ran out of time
			c.failed++
			fmt.Fprint(c.out, strings.Join(c.output[e.FailedBuild], ""), strings.Join(c.output[key], ""))
		}
		fmt.Fprintf(c.out, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
	case e.Action == "pass":
		fmt.Fprintf(c.out, "ok    %s  %.1fs\n", e.Package, e.Elapsed)
	}
}

// skipReason is what the test said, without the frame around it.
func skipReason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		said = append(said, line)
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

func (c *counter) finish() {
	slices.Sort(c.skips)
	for _, s := range c.skips {
		fmt.Fprintln(c.out, "SKIP ", s)
	}
	for _, s := range c.forbidden {
		c.failed++
		fmt.Fprintln(c.out, "FAIL  skipped, and .ci/skips does not allow it:", s)
	}
	fmt.Fprintf(c.out, "%d passed, %d failed, %d skipped\n", c.passed, c.failed, c.skipped)
}
