package main

import (
	"fmt"
	"os"
	"strings"
)

// state is what became of a mutation.
type state string

const (
	killed   state = "killed"
	survived state = "SURVIVED"
	notBuilt state = "not built"
	// undecided: everything ran until the limit. A rule that is gone is noticed by a test that fails, or by the short stages
	// that never end.
	undecided state = "no verdict"
	// equivalent: the change is none, see equivalents.
	equivalent state = "equivalent"
)

// outcome is what became of one mutation and which test noticed, in which stage.
type outcome struct {
	n         int
	state     state
	by, stage string
}

// note keeps an outcome and tells of it at once.
func (r *runner) note(o outcome) {
	r.outcomes = append(r.outcomes, o)
	fmt.Fprintf(os.Stderr, "%3d %-9s %s: %s\n", o.n, o.state, r.table[o.n-1].name, o.by)
	if r.out == "" {
		return
	}
	if err := os.WriteFile(r.out, []byte(r.report()), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
	}
}

// report is the outcome as a table in Markdown.
func (r *runner) report() string {
	var b strings.Builder
	count := map[state]int{}
	for _, o := range r.outcomes {
		count[o.state]++
	}
	fmt.Fprintf(&b, "%d rules broken on purpose: %d killed, %d equivalent, %d survived, %d not built, %d without a verdict.\n\n", len(r.outcomes),
		count[killed], count[equivalent], count[survived], count[notBuilt], count[undecided])
	b.WriteString("| Nr | Source | What is broken | Outcome | By |\n|---|---|---|---|---|\n")
	for _, o := range r.outcomes {
		m := &r.table[o.n-1]
		by := strings.ReplaceAll(o.by, "|", "\\|")
		if o.stage != "" {
			by += " (" + o.stage + ")"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", o.n, m.source, m.name, o.state, by)
	}
	return b.String()
}
