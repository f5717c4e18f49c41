// Command count reads the output of go test -json and tells it in few words: a line for each
// package, the whole output of each test that failed, every skip with its reason, and at the end
// the totals as "N passed, N failed, N skipped".
//
//	go test -json ./... | go run .ci/count.go [-totals FILE] [-forbid word,word]
//
// It exits 1 when a test failed, a package did not build, or a skip's reason holds a forbidden word:
// the name of a program that the machine ought to have.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
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
	forbid                  *regexp.Regexp
	passed, failed, skipped int
	output                  map[string][]string // by package and test
	inPackage               map[string]int      // failed tests by package
	skips, forbidden        []string
}

func main() {
	totals := flag.String("totals", "", "append the three totals to this file")
	forbid := flag.String("forbid", "", "words that no skip may give as reason, with commas between")
	flag.Parse()
	c := &counter{out: os.Stdout, output: map[string][]string{}, inPackage: map[string]int{}}
	if *forbid != "" {
		var words []string
		for w := range strings.SplitSeq(*forbid, ",") {
			words = append(words, regexp.QuoteMeta(w))
		}
		c.forbid = regexp.MustCompile(`(?i)\b(` + strings.Join(words, "|") + `)\b`)
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
		if c.forbid != nil && c.forbid.MatchString(reason) {
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
		fmt.Fprintln(c.out, "FAIL  skipped for want of something that ought to be here:", s)
	}
	fmt.Fprintf(c.out, "%d passed, %d failed, %d skipped\n", c.passed, c.failed, c.skipped)
}
