package careplan

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// bare is a record as it is after packing: no encoded content, empty lists are none.
func bare(t *testing.T, r *Record) string {
	t.Helper()
	c := *r
	c.Content, c.plain = encodeContent(r.contents()), true
	if len(c.Original) == 0 {
		c.Original = nil
	}
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestPackKeepsEverything: any record comes out as it went in, also when words stand in earlier records and
// the scratch was full of others.
func TestPackKeepsEverything(t *testing.T) {
	t.Parallel()
	var s Scratch
	for seed := range uint64(100) {
		c := chance{rand.New(rand.NewPCG(seed, 2))}
		var p Packed
		var want []string
		for range c.IntN(6) {
			r := Record{facts: &content{}}
			c.fill(reflect.ValueOf(&r).Elem())
			c.fill(reflect.ValueOf(r.facts).Elem())
			if r.facts.More != nil { // packed as JSON: what is no UTF-8 is replaced, as storing does
				r.facts.More = parseMore(r.facts.More.json())
			}
			if c.IntN(4) == 0 && r.Sent.Year() > 1 {
				r.Sent = r.Sent.In(time.FixedZone("", 3600))
			}
			want = append(want, bare(t, &r))
			if c.IntN(2) == 0 { // another person in between
				Packed{}.With(r, &s)
				Packed{}.Records(&s)
			}
			p = p.With(r, &s)
		}
		if p.Len() != len(want) {
			t.Fatalf("%d records, want %d", p.Len(), len(want))
		}
		for i, r := range p.Records(&s) {
			if got := bare(t, &r); got != want[i] {
				t.Fatal(differ("record", got, want[i]))
			}
		}
	}
}

// TestPackWalksEveryField: every field of a full content comes back.
func TestPackWalksEveryField(t *testing.T) {
	t.Parallel()
	var s Scratch
	p := Packed{}.With(Record{facts: full()}, &s)
	if got := p.Records(&s)[0].facts; !reflect.DeepEqual(got, full()) {
		t.Errorf("got %+v\nwant %+v", got, full())
	}
}

// TestPackedFoldsTheSame: packed one after the other, in any order, in a scratch that others used, records
// give the plan that they give as they are; and the plan lives on when the scratch is used again.
func TestPackedFoldsTheSame(t *testing.T) {
	t.Parallel()
	var s Scratch
	other := Packed{}
	for _, r := range course(t, 30) {
		other = other.With(r, &s)
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		var p Packed
		for _, i := range w.Perm {
			p = p.With(w.Records[i], &s)
		}
		plan := Fold(p.Records(&s))
		viewer := Viewer{HER: []string{town}}
		view := FoldFor(p.Records(&s), viewer)
		other.Records(&s)
		if err := differ("packed records give another plan", string(plan.JSON()), string(Fold(w.Records).JSON())); err != nil {
			rt.Fatal(err)
		}
		if err := differ("packed records give another view", string(view.JSON()), string(FoldFor(w.Records, viewer).JSON())); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestPackedIsSmall: what repeats costs nothing, so that a course takes a fraction of its stored form.
func TestPackedIsSmall(t *testing.T) {
	var s Scratch
	var p Packed
	stored := 0
	list := course(t, 20)
	for i := range list {
		p = p.With(list[i], &s)
		stored += len(list[i].AppendJSON(nil))
	}
	if p.Size()*3 > stored {
		t.Errorf("packed %d bytes, stored %d: want at most a third", p.Size(), stored)
	}
	if allocs := testing.AllocsPerRun(20, func() { p.Records(&s) }); allocs > 1 {
		t.Errorf("unpacking again allocates %.0f times", allocs)
	}
	if got := slices.Clone(p.Records(&s)); len(got) != p.Len() {
		t.Errorf("%d records, want %d", len(got), p.Len())
	}
}

// TestPackedRareParts: what few messages state is parsed once, not at every unpacking, and the room for that
// is bounded.
func TestPackedRareParts(t *testing.T) {
	var s Scratch
	list := course(t, 3)
	c := *list[2].contents()
	c.More = &more{Elements: []elementFact{{Type: "Goal", Name: "a goal of ours", Raw: "{}"}}}
	list[2].facts = &c
	p := Pack(list, &s)
	if allocs := testing.AllocsPerRun(20, func() { p.Records(&s) }); allocs > 1 {
		t.Errorf("unpacking again allocates %.0f times", allocs)
	}
	if got := p.Records(&s)[2].facts.More; !reflect.DeepEqual(got, c.More) {
		t.Errorf("got %+v\nwant %+v", got, c.More)
	}
	for i := range 3 * maxRareParts {
		s.rare.parse(fmt.Sprintf(`{"el":[{"t":"Goal","n":"%d"}]}`, i))
	}
	if n := len(s.rare.known); n > maxRareParts {
		t.Errorf("%d parts kept, want at most %d", n, maxRareParts)
	}
}

func BenchmarkPacked(b *testing.B) {
	list := course(b, 8)
	var s Scratch
	var p Packed
	for _, r := range list[:7] {
		p = p.With(r, &s)
	}
	b.Run("Records", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Records(&s)
		}
	})
	b.Run("With", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.With(list[7], &s)
		}
		b.ReportMetric(float64(p.Size()), "bytes/person")
	})
}

// TestPackFindsManyWords: a record with more words than the first table of them holds, and the next with the same ones.
func TestPackFindsManyWords(t *testing.T) {
	t.Parallel()
	var s Scratch
	r := Record{Key: Key{"1", "a"}, facts: &content{}}
	for i := range 5 * leastSlots {
		r.facts.Notes = append(r.facts.Notes, note{Heading: coded{Text: fmt.Sprint("heading ", i/2)}, Text: fmt.Sprint("what was noted ", i)})
	}
	want := bare(t, &r)
	one := Packed{}.With(r, &s)
	two := one.With(r, &s)
	for _, p := range [...]Packed{one, two} {
		for _, got := range p.Records(&s) {
			if bare(t, &got) != want {
				t.Fatal("a record of many words comes out as another")
			}
		}
	}
	if more := two.Size() - one.Size(); more > one.Size()/2 {
		t.Errorf("a record takes %d bytes, the same again %d more", one.Size(), more)
	}
}
