package careplan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"pgregory.net/rapid"
)

// This file holds the invariants of careplan.md section 11 that are about who sees what: P15 and P16.

// canaries fills every text of a value with words of its own that nobody else says.
type canaries struct {
	*rand.Rand
	n int
}

func (c *canaries) fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		c.n++
		v.SetString(fmt.Sprintf("%s%d", canary, c.n))
	case reflect.Bool:
		v.SetBool(c.IntN(2) == 0)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		c.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			c.fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		c.fill(k)
		c.fill(e)
		v.SetMapIndex(k, e)
	case reflect.Struct:
		for i := range v.NumField() {
			switch f := v.Field(i); {
			case f.Type() == reflect.TypeFor[time.Time]():
			case f.CanSet():
				c.fill(f)
			default: // embedded
				for j := range f.NumField() {
					c.fill(f.Field(j))
				}
			}
		}
	}
}

// canaryRecord says a canary in every text it has, and what the fold acts on in the words that it acts on.
func canaryRecord(seed uint64, id string, sent time.Time) Record {
	c := canaries{Rand: rand.New(rand.NewPCG(seed, 7))}
	facts := &content{}
	c.fill(reflect.ValueOf(facts).Elem())
	kind := worldKinds[c.IntN(len(worldKinds))]
	if c.IntN(2) == 0 { // texts that the fold reads as times and codes
		for i := range facts.Events {
			facts.Events[i].Time, facts.Events[i].Code = sent.Format(time.RFC3339), mainEvent(kind)
		}
		for i := range facts.Measures {
			facts.Measures[i].Kind = []string{"proposal", "order"}[i]
		}
		for i := range facts.Panels {
			facts.Panels[i].Date, facts.Panels[i].Instrument = sent.Format("2006-01-02"), "iplos"
		}
		for i := range facts.More.Rights.Team {
			facts.More.Rights.Team[i].HER = hospital
		}
		facts.Contacts[0].Kind, facts.Contacts[0].Code = "professional", "8"
	}
	r := Record{Key: Key{hospital, canary + id}, Chain: Chain{Conversation: canary + "conversation" + id, Op: samvirke.OpNew}, Subject: fnr(testFNR), Kind: kind,
		Sent: sent, Receive: sent.Add(time.Minute), MessageID: canary + "gateway", SenderName: canary + "sender", Author: canary + "author",
		Mapping: canary + "mapping", Original: []string{town, canary + "addressee"}, Seen: []string{canary + "seen"}}
	r.fill(facts)
	return r
}

// ways are the ways to hide a record from a viewer, each with the records it takes.
func hideBy(way int, r *Record, viewer string) []Record {
	block := func(b blockFact, roles ...string) []Record {
		b.ID, b.Reason = canary+"consent", canary+"reason"
		return []Record{rightsRecord(canary+"block", gp, r.Sent.Add(time.Hour), rightsFacts{Blocks: []blockFact{b}}, roles...)}
	}
	switch way {
	case 0:
		r.NoForwarding = true
	case 1:
		return block(blockFact{Kind: kindBlock, Denied: []string{viewer}, Scopes: []string{"record:" + r.Key.String()}})
	case 2:
		return block(blockFact{Kind: kindBlock, Denied: []string{viewer, canary}, Scopes: []string{"topic:" + canary + "1"}}, rolePatient)
	case 3:
		return block(blockFact{Kind: kindBlock, Scopes: []string{"record:" + r.Key.MessageID}})
	case 4:
		return block(blockFact{Kind: kindTeam, Allowed: []string{town, hospital, gp}, Scopes: []string{"record:" + r.Key.String()}}, rolePatient)
	case 5:
		c := *r.contents()
		m, f := *c.More, *c.More.Rights
		f.Labels = []labelFact{{Code: "V"}}
		m.Rights, c.More = &f, &m
		r.fill(&c)
	case 7: // the viewer took part until the day before
		return []Record{rightsRecord("member", town, worldBase, rightsFacts{Team: []memberFact{
			{HER: viewer, Start: worldBase.AddDate(0, 0, -10).Format(time.RFC3339), End: worldBase.Format(time.RFC3339)}}}, roleCoordinator)}
	case 8:
		c := *r.contents()
		m, f := *c.More, *c.More.Rights
		f.Labels = []labelFact{{Code: "NOPAT"}}
		m.Rights, c.More = &f, &m
		r.fill(&c)
	case 6:
		c := *r.contents()
		m, f := *c.More, *c.More.Rights
		f.Blocks = append(slices.Clone(f.Blocks), blockFact{Kind: kindReservation, Reason: canary})
		m.Rights, c.More = &f, &m
		r.fill(&c)
	}
	return nil
}

// outputs is everything that the package says of a plan.
func outputs(p, before *Plan) string {
	var b strings.Builder
	b.Write(p.JSON())
	if f := p.FHIR(); f != nil {
		b.Write(f.Bytes())
	}
	if f := p.Export(func(name string) string { return shortID("key", name) }); f != nil {
		b.Write(f.Bytes())
	}
	for _, l := range leaves(p) {
		fmt.Fprintln(&b, l.path, l.label, l.text, l.from)
	}
	fmt.Fprintln(&b, Diff(before, p), Diff(p, before), p.Clocks())
	return b.String()
}

// blockedLeavesNothing is P15: no byte of a blocked record in any output, and a view equal to a world without it.
func blockedLeavesNothing(view viewFolder, w world, seed uint64, way int) error {
	viewer := Viewer{HER: []string{"999999"}}
	r := canaryRecord(seed, "m", worldBase.Add(36*time.Hour))
	base := slices.Clone(w.Records)
	with := append(slices.Clone(base), hideBy(way, &r, "999999")...)
	switch way {
	case 7:
		viewer.At, base = worldBase.AddDate(0, 0, 30), slices.Clone(with)
	case 8:
		viewer = Viewer{Patient: true}
	}
	with = append(with, r)
	before, after := view(base, viewer), view(with, viewer)
	out := outputs(after, before)
	if i := strings.Index(out, canary); i >= 0 {
		return fmt.Errorf("way %d: a canary came through: …%s…", way, out[max(0, i-200):min(len(out), i+100)])
	}
	if err := differ(fmt.Sprintf("way %d: a blocked record shows", way), string(before.JSON()), string(after.JSON())); err != nil {
		return err
	}
	if before.Shown() != after.Shown() {
		return errors.New("a blocked record changes the digest")
	}
	viewer.ShowWithheld = true
	if out := outputs(view(with, viewer), before); strings.Contains(out, canary) {
		return fmt.Errorf("way %d: the sign of what is withheld tells more than its name", way)
	}
	return nil
}

// olderStaysAway: where the head of a conversation is hidden no older version comes back.
func olderStaysAway(view viewFolder, w world, _ uint64, way int) error {
	list := clone(w.Line)
	if len(list) < 2 || list[0].Key.Sender == "999999" {
		return nil
	}
	head := 0 // the last that is no addition
	for i, r := range list {
		if r.Chain.Op != samvirke.OpAddition {
			head = i
		}
	}
	extra := []Record(nil)
	if way%2 == 0 {
		list[head].NoForwarding = true
	} else {
		extra = []Record{rightsRecord("block", gp, list[head].Sent, rightsFacts{Blocks: []blockFact{
			{Kind: kindBlock, Denied: []string{"999999"}, Scopes: []string{"record:" + list[head].Key.String()}}}})}
	}
	p := view(append(append(slices.Clone(w.Records), list...), extra...), Viewer{HER: []string{"999999"}})
	if got := lineGoals(p, w); len(got) > 0 {
		return fmt.Errorf("way %d: of a conversation with a hidden head %q is shown", way, got)
	}
	return nil
}

// limitsNeverAdd is P16: a further limit never adds a visible (record, value) pair to any view.
func limitsNeverAdd(view viewFolder, w world, seed uint64, way int) error {
	rng := rand.New(rand.NewPCG(seed, 9))
	list := slices.Clone(w.Records)
	at := rng.IntN(len(list))
	r := list[at]
	who := []string{"999999", gp, physio}[rng.IntN(3)]
	var extra []Record
	if way == 0 || r.contents().More != nil || way > 4 {
		r.NoForwarding = true
	} else {
		extra = hideBy(way, &r, who)
	}
	list[at] = r
	list = append(list, extra...)
	for _, v := range []Viewer{{HER: []string{who}}, {HER: []string{town}}, {HER: []string{physio}, At: worldBase.AddDate(0, 0, 5)}, {Patient: true}} {
		was := pairs(view(w.Records, v))
		for pair := range pairs(view(list, v)) {
			if !was[pair] {
				return fmt.Errorf("way %d: a limit shows %q to %v", way, pair, v)
			}
		}
	}
	return nil
}

// pairs are the values that are nobody's conclusion, each with the records behind it.
func pairs(p *Plan) map[string]bool {
	out := map[string]bool{}
	for _, l := range leaves(p) {
		kind, _, _ := strings.Cut(l.path, "/")
		if slices.Contains([]string{"goal", "diagnosis", "service", "note", "function", "contact"}, kind) && !strings.HasSuffix(l.path, "/baseline") {
			for _, k := range l.from {
				out[kind+" "+l.text+" "+k] = true
			}
		}
	}
	return out
}

var viewProperties = []struct {
	name  string
	check func(view viewFolder, w world, seed uint64, way int) error
}{
	{"P15 blocked", blockedLeavesNothing}, {"P15 older", olderStaysAway}, {"P16 deny", limitsNeverAdd},
}

func TestViewProperties(t *testing.T) {
	t.Parallel()
	for _, p := range viewProperties {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				w := drawRightsWorld(t)
				if err := p.check(FoldFor, w, rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 8).Draw(t, "way")); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// dropFirst is the wrong view that takes blocked records away before it works out which versions count.
func dropFirst(records []Record, v Viewer) *Plan {
	p := newPile(records)
	live, g := p.settled()
	s := newLooker(&v, g)
	gone := map[string]bool{}
	for _, r := range live.recs {
		gone[r.key] = !s.sees(r)
	}
	return FoldFor(slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return gone[r.Key.String()] }), v)
}

// deriveFirst is the wrong view that works everything out and then takes away what rests on blocked records alone.
func deriveFirst(records []Record, v Viewer) *Plan {
	full, seen := Fold(records), FoldFor(records, v)
	full.Goals, full.Measures, full.Notes, full.Sources, full.History = seen.Goals, seen.Measures, seen.Notes, seen.Sources, seen.History
	return full
}
