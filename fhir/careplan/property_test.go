package careplan

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"pgregory.net/rapid"
)

// folder is Fold or, in the negative controls, a wrong variant of it.
type folder func([]Record) *Plan

// property says what is wrong for a world, nil when it holds. Source: careplan.md section 11.
type property func(fold folder, w world) error

func differ(what string, a, b string) error {
	if a == b {
		return nil
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	cut := func(s string) string { return s[max(0, i-80):min(len(s), i+120)] }
	return fmt.Errorf("%s:\n  one   …%s…\n  other …%s…", what, cut(a), cut(b))
}

// P1: any order gives the same bytes.
func convergence(fold folder, w world) error {
	other := make([]Record, len(w.Records))
	for i, j := range w.Perm {
		other[i] = w.Records[j]
	}
	return differ("another order gives another plan", string(fold(w.Records).JSON()), string(fold(other).JSON()))
}

// P2: repeats, received later, change nothing.
func idempotence(fold folder, w world) error {
	with := slices.Clone(w.Records)
	for i, j := range w.Repeat {
		r := w.Records[j]
		r.Receive = r.Receive.Add(time.Duration(i+1) * time.Hour)
		r.MessageID = fmt.Sprint("again", i)
		with = slices.Insert(with, (i*7)%(len(with)+1), r)
	}
	if err := differ("a repeat changes the plan", string(fold(w.Records).JSON()), string(fold(with).JSON())); err != nil {
		return err
	}
	if !SamePlan(fold(w.Records), fold(with)) {
		return fmt.Errorf("a repeat is a plan to tell of")
	}
	return nil
}

// P3: at the end of every batch the plan is that of all records so far, whether a Folder brought it up to
// date or the records were read from the store again, and whether the Folder lived on or was made anew.
func incremental(fold folder, w world) error {
	var kept []Record
	var errs failures
	f := NewFolder(Options{})
	for i, j := range w.Perm {
		kept = append(kept, w.Records[j])
		f.Apply(w.Records[j])
		if !w.Cuts[i] && i < len(w.Perm)-1 {
			continue
		}
		if err := differ("one by one gives another plan", string(f.Plan().JSON()), string(fold(kept).JSON())); err != nil {
			return err
		}
		if w.Cuts[len(w.Perm)-1-i] { // a restart
			kept = stored(&errs, kept)
			f = NewFolder(Options{})
			f.Apply(kept...)
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("store: %v", errs)
	}
	return differ("batches give another plan", string(f.Plan().JSON()), string(fold(w.Records).JSON()))
}

type failures []any

func (f *failures) Fatal(v ...any) { *f = append(*f, v...) }

// P7: a conversation that ends withdrawn leaves nothing, wherever its records are placed.
func retraction(fold folder, w world) error {
	with := w.mixed(append(slices.Clone(w.Line), w.Cancel)...)
	return differ("a withdrawn conversation left something", visible(fold(w.Records)), visible(fold(with)))
}

// P8: a withdrawal before its target equals one after it.
func tombstone(fold folder, w world) error {
	before, after := clone(append([]Record{w.Cancel}, w.Line...)), clone(append(slices.Clone(w.Line), w.Cancel))
	first, last := worldBase, worldBase.Add(20*24*time.Hour)
	for i := range before {
		before[i].Receive, after[i].Receive = last, first
	}
	before[0].Receive, after[len(after)-1].Receive = first, last
	return differ("the place of the withdrawal matters", visible(fold(append(before, w.Records...))), visible(fold(append(slices.Clone(w.Records), after...))))
}

// P15: a conversation that a viewer may not see leaves a view equal to a world without it, to the byte.
func blocked(fold folder, w world) error {
	viewer := Viewer{HER: []string{"999999"}}
	list := clone(w.Line)
	for i := range list {
		list[i].NoForwarding = true
	}
	if w.Shift%2 == 0 {
		list = append(list, w.Cancel)
		list[len(list)-1].NoForwarding = true
	}
	return differ("a blocked conversation shows", string(FoldFor(w.Records, viewer).JSON()), string(FoldFor(w.mixed(list...), viewer).JSON()))
}

// P16: an objection never adds a visible fact.
func denyNeverAdds(_ folder, w world) error {
	viewer := Viewer{HER: []string{"999999"}}
	before := FoldFor(w.Records, viewer)
	list := clone(w.Records)
	for i := range list {
		if i%3 == len(w.Perm)%3 {
			list[i].NoForwarding = true
		}
	}
	facts := map[string]bool{}
	collect := func(p *Plan, see func(string)) {
		for _, l := range leaves(p) {
			kind, _, _ := strings.Cut(l.path, "/")
			if slices.Contains([]string{"goal", "diagnosis", "service", "note", "function"}, kind) && !strings.HasSuffix(l.path, "/baseline") {
				see(kind + " " + l.label + " " + l.text)
			}
		}
	}
	collect(before, func(s string) { facts[s] = true })
	var err error
	collect(FoldFor(list, viewer), func(s string) {
		if !facts[s] {
			err = fmt.Errorf("an objection shows %q", s)
		}
	})
	return err
}

// lineGoals are the goals that a plan shows of the drawn line.
func lineGoals(p *Plan, w world) (out []string) {
	for _, g := range p.Goals {
		if g.From[0] != "" && slices.ContainsFunc(w.Line, func(r Record) bool { return r.Key.String() == g.From[0] }) {
			out = append(out, g.Text)
		}
	}
	slices.Sort(out)
	return out
}

// wantGoals: the deepest change and the additions on it.
func wantGoals(w world) []string {
	var out []string
	for i, r := range w.Line {
		if r.Chain.Op != samvirke.OpAddition {
			out = nil
		}
		out = append(out, fmt.Sprint("line goal ", i))
	}
	slices.Sort(out)
	return out
}

// P12: on one line the deepest change wins whatever its clock says.
func deepestWins(fold folder, w world) error {
	got := lineGoals(fold(w.mixed(w.Line...)), w)
	if want := wantGoals(w); !slices.Equal(got, want) {
		return fmt.Errorf("shows %q, want %q", got, want)
	}
	return nil
}

// P13: a sender's clock that runs ahead never makes an older version win, neither of the whole line
// nor of some of its messages.
func clockAhead(fold folder, w world) error {
	for cut := range w.Line {
		list := clone(w.Line)
		for i := range list {
			if i <= cut {
				list[i].Sent = list[i].Sent.Add(w.Shift)
			}
		}
		if got, want := lineGoals(fold(w.mixed(list...)), w), wantGoals(w); !slices.Equal(got, want) {
			return fmt.Errorf("with the clock ahead for the first %d: shows %q, want %q", cut+1, got, want)
		}
	}
	return nil
}

var properties = []struct {
	name  string
	check property
}{
	{"P1 convergence", convergence}, {"P2 idempotence", idempotence}, {"P3 incremental", incremental}, {"P5 provenance", provenance},
	{"P7 retraction", retraction}, {"P8 tombstone first", tombstone}, {"P12 chain", deepestWins}, {"P15 blocked", blocked}, {"P16 deny", denyNeverAdds}, {"P13 clock", clockAhead},
}

func TestProperties(t *testing.T) {
	t.Parallel()
	for _, p := range properties {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				if err := p.check(Fold, drawWorld(t)); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// lastArrival is the wrong fold that shows of each conversation what came last.
func lastArrival(list []Record) *Plan {
	var kept []Record
	at := map[string]int{}
	for _, r := range list {
		k := r.Key.Sender + "/" + r.Chain.Conversation
		r.Chain = Chain{Op: r.Chain.Op, Conversation: r.Key.MessageID}
		if i, ok := at[k]; ok {
			kept[i] = r
			continue
		}
		at[k] = len(kept)
		kept = append(kept, r)
	}
	kept = slices.DeleteFunc(kept, func(r Record) bool { return r.Chain.Op == samvirke.OpCancel })
	for i := range kept {
		kept[i].Chain.Op = samvirke.OpNew
	}
	return Fold(kept)
}

// rawSent is the wrong fold that orders a conversation by the sender's clock alone.
func rawSent(list []Record) *Plan {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Record) int { return a.Sent.Compare(b.Sent) })
	return lastArrival(list)
}

// TestNegativeControls: the properties must find the known wrong ways. A control that passes
// would mean that the property cannot fail.
func TestNegativeControls(t *testing.T) {
	t.Parallel()
	controls := []struct {
		name string
		fold folder
		must []string
	}{
		{"last arrival wins", lastArrival, []string{"P1 convergence", "P7 retraction", "P8 tombstone first", "P12 chain"}},
		{"raw sent time", rawSent, []string{"P7 retraction", "P12 chain", "P13 clock"}},
	}
	gen := rapid.Custom(drawWorld)
	for _, c := range controls {
		for _, name := range c.must {
			t.Run(c.name+" fails "+name, func(t *testing.T) {
				for _, p := range properties {
					if p.name != name {
						continue
					}
					for seed := range 300 {
						if p.check(c.fold, gen.Example(seed)) != nil {
							return
						}
					}
				}
				t.Errorf("300 worlds and %s never noticed", name)
			})
		}
	}
}

// TestSamePlan: the quick comparison says what the list of differences says.
func TestSamePlan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		a, b := Fold(w.Records), Fold(w.Records[:len(w.Records)-1])
		x, y := leaves(a), leaves(b)
		same := slices.EqualFunc(x, y, func(p, q leaf) bool { return p.path == q.path && p.text == q.text })
		if SamePlan(a, b) != same || !SamePlan(a, Fold(w.Records)) {
			t.Fatalf("SamePlan %v, differences %v", SamePlan(a, b), Diff(b, a))
		}
	})
}

// TestViewerOfAll: a viewer who may see all sees the plan itself.
func TestViewerOfAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		a, b := Fold(w.Records).JSON(), FoldFor(w.Records, Viewer{HER: append(slices.Clone(worldSenders), town)}).JSON()
		if !bytes.Equal(a, b) {
			t.Fatal(differ("the view of all differs", string(a), string(b)))
		}
	})
}

// TestFoldConcurrent: folds share the records and do not change them (run with -race).
func TestFoldConcurrent(t *testing.T) {
	list := records(t, strokeCourse()...)
	want := Fold(list).JSON()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if !bytes.Equal(Fold(list).JSON(), want) || len(FoldFor(list, Viewer{HER: []string{gp}}).FHIR().Bytes()) == 0 {
				t.Error("a fold beside others gives another plan")
			}
		})
	}
	wg.Wait()
}
