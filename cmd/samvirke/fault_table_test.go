//go:build fault

package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

var (
	faultRounds = flag.Int("fault.rounds", 1, "how often the fault suite crashes at each point")
	faultSeed   = flag.Uint64("fault.seed", 0, "seed of the fault suite; 0 takes a fresh one")
	faultTable  = flag.String("fault.table", "", "file that the tables by fault are appended to")
)

// tally is what one fault did. What was sent again came under the same id with the same bytes, which its receiver drops: that is
// what a crash between a send and the store of its outcome must lead to. Everything else is a loss.
type tally struct {
	rounds, acknowledged, lost, doubled, reordered, again int
}

// faultSheet adds up by fault.
type faultSheet struct {
	title string
	names []string
	of    map[string]*tally
}

func newFaultSheet(title string) *faultSheet {
	return &faultSheet{title: title, of: map[string]*tally{}}
}

func (s *faultSheet) at(name string) *tally {
	if s.of[name] == nil {
		s.names = append(s.names, name)
		s.of[name] = &tally{}
	}
	return s.of[name]
}

// print shows the table and fails the test when anything was lost, doubled or reordered.
func (s *faultSheet) print(t *testing.T) {
	t.Helper()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', tabwriter.AlignRight)
	row := func(name string, x tally) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, x.rounds, x.acknowledged, x.lost, x.doubled, x.reordered, x.again)
	}
	fmt.Fprintln(w, "fault\trounds\tacknowledged\tlost\tdoubled\treordered\tsent again\t")
	var all tally
	for _, name := range s.names {
		x := *s.of[name]
		row(name, x)
		all = tally{all.rounds + x.rounds, all.acknowledged + x.acknowledged, all.lost + x.lost, all.doubled + x.doubled,
			all.reordered + x.reordered, all.again + x.again}
	}
	row("all", all)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	text := s.title + "\n" + b.String() + "\n"
	t.Log("\n" + text)
	if all.lost+all.doubled+all.reordered > 0 {
		t.Errorf("%d lost, %d doubled, %d reordered", all.lost, all.doubled, all.reordered)
	}
	if all.acknowledged == 0 {
		t.Error("nothing was acknowledged: the table shows nothing")
	}
	if *faultTable == "" {
		return
	}
	f, err := os.OpenFile(*faultTable, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// TestFaultSheetCanFail: a table that cannot fail shows nothing.
func TestFaultSheetCanFail(t *testing.T) {
	w := newTown("127.0.0.1:1")
	defer w.close()
	send := func(id string, number int) {
		w.take(admission(id, 1, fmt.Sprintf("no %d", number)))
	}
	send("a", 1)
	send("c", 3)
	send("b", 2)
	send("b", 2)
	send("d", 2) // the same effect under another id
	w.take(append(admission("a", 1, "no 1"), ' '))
	r := &faultRig{t: t, town: w, ward: &ward{got: map[string]map[string]bool{"a": {"1": true}, "b": {"1": true}, "c": {"1": true}}}, sheet: newFaultSheet("none"), label: map[string]string{}}
	for _, id := range []string{"a", "b", "c", "d", "lost"} {
		r.acked = append(r.acked, acked{id: id, fault: "f"})
		r.label[id] = "f"
	}
	r.judge()
	got := *r.sheet.at("f")
	if want := (tally{acknowledged: 5, lost: 2, doubled: 2, reordered: 1, again: 2}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	if !slices.Equal(r.sheet.names, []string{"f"}) {
		t.Errorf("faults are %v", r.sheet.names)
	}
}
