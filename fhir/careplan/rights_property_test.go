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

// This file holds the invariants of careplan.md section 11 that are about identity, membership and visibility.

// viewer folds for a viewer; the negative controls are wrong variants of FoldFor.
type viewFolder func([]Record, Viewer) *Plan

// rightsRecord is a bare record that states rights.
func rightsRecord(id, sender string, sent time.Time, facts rightsFacts, roles ...string) Record {
	r := Record{Key: Key{sender, id}, Chain: Chain{Conversation: id, Op: samvirke.OpNew}, Subject: fnr(testFNR), Kind: "plan-update",
		Sent: sent, Receive: sent.Add(time.Minute), Mapping: "test/1", Roles: roles, SenderName: orgNames[sender]}
	r.fill(&content{From: &org{HER: sender, Name: orgNames[sender]}, More: &more{Rights: &facts}})
	return r
}

// drawRights draws records about rights: links, members, limits, holds, with and without the right to state
// them, and withdrawals of some of them.
func drawRights(t *rapid.T, w *world) {
	n := rapid.IntRange(0, 8).Draw(t, "rights")
	for i := range n {
		name := func(s string) string { return fmt.Sprintf("right %s %d", s, i) }
		sender := rapid.SampledFrom(worldSenders).Draw(t, name("sender"))
		sent := worldBase.Add(time.Duration(rapid.IntRange(0, 10*24*60).Draw(t, name("sent"))) * time.Minute)
		roles := [][]string{nil, {rolePerson}, {roleAuthority}, {roleCoordinator}, {rolePatient}}[rapid.IntRange(0, 4).Draw(t, name("role"))]
		pick := func(s string) string { return rapid.SampledFrom(w.Records).Draw(t, name(s)).Key.String() }
		who := rapid.SampledFrom([]string{hospital, town, gp, physio, "999999"}).Draw(t, name("who"))
		var facts rightsFacts
		switch rapid.IntRange(0, 4).Draw(t, name("sort")) {
		case 0:
			facts.Links = []linkFact{{Other: rapid.SampledFrom([]string{dnr(testDNR), fnr(otherFNR), fnr(testFNR)}).Draw(t, name("other"))}}
		case 1:
			facts.Team = []memberFact{{HER: who, Start: day(t, name("start")), End: day(t, name("end")), Remove: rapid.Bool().Draw(t, name("remove"))}}
		case 2:
			facts.Blocks = []blockFact{drawBlock(t, name, who, pick)}
		case 3:
			facts.Holds = []holdFact{{Record: pick("hold"), Release: rapid.Bool().Draw(t, name("release"))}}
		default:
			facts.Master = &masterFact{Status: rapid.SampledFrom([]string{"active", "completed"}).Draw(t, name("status"))}
		}
		r := rightsRecord(fmt.Sprint("r", i), sender, sent, facts, roles...)
		if rapid.Bool().Draw(t, name("seen")) {
			r.Seen = []string{pick("saw"), hospital + "/r0", town + "/r1"}
		}
		w.Records = append(w.Records, r)
		if rapid.IntRange(0, 3).Draw(t, name("withdrawn")) == 0 {
			c := rightsRecord(fmt.Sprint("u", i), sender, sent.Add(time.Hour), rightsFacts{})
			c.Chain = Chain{Conversation: r.Chain.Conversation, Parent: r.Key.MessageID, Op: samvirke.OpCancel}
			c.fill(&content{})
			w.Records = append(w.Records, c)
		}
	}
	n = len(w.Records)
	w.Perm = rapid.Permutation(seq(n)).Draw(t, "order of all")
	w.Cuts = drawCuts(t, "cuts of all", n)
}

func day(t *rapid.T, name string) string {
	if rapid.Bool().Draw(t, name+" open") {
		return ""
	}
	return worldBase.AddDate(0, 0, rapid.IntRange(-5, 15).Draw(t, name)).Format("2006-01-02")
}

func drawBlock(t *rapid.T, name func(string) string, who string, pick func(string) string) blockFact {
	b := blockFact{ID: fmt.Sprint("c", rapid.IntRange(0, 2).Draw(t, name("consent"))), Kind: kindBlock, Denied: []string{who}, Reason: "a reason"}
	switch rapid.IntRange(0, 5).Draw(t, name("scope")) {
	case 0:
		b.Scopes = []string{"record:" + pick("blocked")}
	case 1:
		b.Scopes = []string{"kind:" + rapid.SampledFrom(worldKinds).Draw(t, name("kind"))}
	case 2:
		b.Scopes = []string{"organisation:" + rapid.SampledFrom(worldSenders).Draw(t, name("org"))}
	case 3:
		b.Scopes = []string{"topic:goal " + fmt.Sprint(rapid.IntRange(0, 4).Draw(t, name("topic")))}
	case 4:
		b.Off = true
	}
	if rapid.IntRange(0, 4).Draw(t, name("choice")) == 0 && !b.Off {
		b.Kind, b.Denied, b.Allowed = kindTeam, nil, []string{who}
	}
	if rapid.IntRange(0, 4).Draw(t, name("all")) == 0 && b.Kind == kindBlock {
		b.Denied = nil
	}
	return b
}

func drawRightsWorld(t *rapid.T) world {
	w := drawWorld(t)
	drawRights(t, &w)
	return w
}

// TestPropertiesWithRights: what holds for messages holds with links, members, limits and holds among them.
func TestPropertiesWithRights(t *testing.T) {
	t.Parallel()
	for _, p := range properties {
		switch strings.Fields(p.name)[0] {
		case "P1", "P2", "P3", "P7", "P8", "P12", "P13":
		default:
			continue // those below, and what knows of plain messages only
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				w := drawRightsWorld(t)
				if strings.HasPrefix(p.name, "P12") || strings.HasPrefix(p.name, "P13") {
					w.Records = slices.DeleteFunc(w.Records, func(r Record) bool { return r.contents().rights() != nil && len(r.contents().rights().Holds) > 0 })
				}
				if err := p.check(Fold, w); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// TestFolderWithRights: record by record, with any options, gives what all at once give.
func TestFolderWithRights(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawRightsWorld(t)
		until := worldBase.Add(time.Duration(rapid.IntRange(0, 10*24).Draw(t, "until")) * time.Hour)
		o := rapid.SampledFrom([]Options{{}, {Subject: fnr(testFNR)}, {Until: until}, {Viewer: &Viewer{HER: []string{physio}, At: until}},
			{Viewer: &Viewer{HER: []string{gp}, ShowWithheld: true}, Until: until}}).Draw(t, "options")
		f := NewFolder(o)
		for _, i := range w.Perm {
			f.Apply(w.Records[i])
			if w.Cuts[i] {
				f.Plan()
			}
		}
		if err := differ("record by record", string(f.Plan().JSON()), string(FoldWith(w.Records, o).JSON())); err != nil {
			t.Fatal(err)
		}
	})
}

// TestClasses is P14: classes are an equivalence, the order of links does not matter, and a withdrawn link is as none.
func TestClasses(t *testing.T) {
	t.Parallel()
	keys := []string{fnr(testFNR), dnr(testDNR), fnr(otherFNR), "local|1", "local|2"}
	rapid.Check(t, func(t *rapid.T) {
		base := drawWorld(t).Records
		for i := range base {
			base[i].Subject = keys[rapid.IntRange(0, len(keys)-1).Draw(t, "subject")]
		}
		list := slices.Clone(base)
		group := seq(len(keys))
		for i := range rapid.IntRange(0, 6).Draw(t, "links") {
			a, b := rapid.IntRange(0, 4).Draw(t, "a"), rapid.IntRange(0, 4).Draw(t, "b")
			if a == b {
				continue // says nothing
			}
			r := rightsRecord(fmt.Sprint("l", i), registry, worldBase.Add(time.Duration(i)*time.Hour), rightsFacts{Links: []linkFact{{Other: keys[b]}}}, roleAuthority)
			r.Subject = keys[a]
			list = append(list, r)
			if rapid.Bool().Draw(t, "withdrawn") {
				c := rightsRecord(fmt.Sprint("w", i), registry, r.Sent.Add(time.Minute), rightsFacts{}, roleAuthority)
				c.Chain = Chain{Conversation: r.Chain.Conversation, Parent: r.Key.MessageID, Op: samvirke.OpCancel}
				c.Subject = rapid.SampledFrom([]string{keys[a], keys[b]}).Draw(t, "withdrawn on")
				c.fill(&content{})
				list = append(list, c)
				continue
			}
			from, to := group[b], group[a]
			for j := range group {
				if group[j] == from {
					group[j] = to
				}
			}
		}
		list = shuffled(t, list)
		for i, k := range keys {
			var want []string
			for j := range keys {
				if group[j] == group[i] {
					want = append(want, keys[j])
				}
			}
			slices.Sort(want)
			if got := Class(list, k); !slices.Equal(got, want) {
				t.Fatalf("class of %s is %v, want %v", k, got, want)
			}
			if len(want) > 1 {
				continue
			}
			own := slices.DeleteFunc(slices.Clone(base), func(r Record) bool { return r.Subject != k })
			if err := differ("unlinked plan", visible(foldOf(list, k)), visible(FoldWith(own, Options{Subject: k}))); err != nil && len(own) > 0 {
				t.Fatal(err)
			}
		}
	})
}

func shuffled(t *rapid.T, list []Record) []Record {
	out := make([]Record, len(list))
	for i, j := range rapid.Permutation(seq(len(list))).Draw(t, "shuffle") {
		out[i] = list[j]
	}
	return out
}

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

// joins is one provider's coming and going.
type joins struct {
	records []Record
	periods []span
}

func drawJoins(t *rapid.T) joins {
	var j joins
	at := worldBase
	for i := range rapid.IntRange(1, 4).Draw(t, "periods") {
		start := at.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "pause")) * 24 * time.Hour)
		end := start.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "stay")) * 24 * time.Hour)
		j.records = append(j.records,
			rightsRecord(fmt.Sprint("join", i), provider, start, rightsFacts{Team: []memberFact{{HER: provider, Start: start.Format(time.RFC3339)}}}),
			rightsRecord(fmt.Sprint("leave", i), provider, end, rightsFacts{Team: []memberFact{{HER: provider, End: end.Format(time.RFC3339), Remove: true}}}))
		j.periods = append(j.periods, span{start, end})
		at = end
	}
	if rapid.Bool().Draw(t, "stays") {
		j.records = j.records[:len(j.records)-1]
		j.periods[len(j.periods)-1].end = time.Time{}
	}
	return j
}

// rejoined is P20: each joining is a period of its own, and between the periods access is refused.
func rejoined(allowed func(*Plan, Viewer) bool, w world, j joins, order []int, hours int) error {
	all := append(slices.Clone(w.Records), j.records...)
	mixed := make([]Record, len(all))
	for i, k := range order {
		mixed[i] = all[k]
	}
	p := Fold(mixed)
	n := 0
	for _, m := range p.Rights.Members {
		if m.HER == provider {
			n++
		}
	}
	if n != len(j.periods) {
		return fmt.Errorf("%d periods, want %d", n, len(j.periods))
	}
	when := worldBase.Add(time.Duration(hours) * time.Hour)
	want := slices.ContainsFunc(j.periods, func(s span) bool { return s.holds(when) })
	if got := allowed(p, Viewer{HER: []string{provider}, At: when}); got != want {
		return fmt.Errorf("access at %v is %v, want %v", when, got, want)
	}
	view := FoldFor(mixed, Viewer{HER: []string{provider}, At: when})
	var last time.Time // when the latest period that had begun was over
	for _, s := range j.periods {
		if !s.start.After(when) {
			last = s.end
		}
	}
	for _, m := range w.Records {
		again := slices.ContainsFunc(w.Records, func(o Record) bool { return o.Key == m.Key && !o.Receive.After(last) })
		if _, shown := view.Sources[m.Key.String()]; shown && !want && m.Receive.After(last) && m.Chain.Op != samvirke.OpCancel && !again {
			return fmt.Errorf("content of %v shows after the membership ended at %v", m.Receive, last)
		}
	}
	return nil
}

func allowedNow(p *Plan, v Viewer) bool { ok, _ := p.Allowed(v); return ok }

// allowedEver is the wrong rule that asks for membership without its period.
func allowedEver(p *Plan, v Viewer) bool { return p.MemberAt(v.HER[0], time.Time{}) }

func drawRejoin(t *rapid.T) (world, joins, []int, int) {
	w, j := drawWorld(t), drawJoins(t)
	w.Records = slices.DeleteFunc(w.Records, func(r Record) bool { return r.NoForwarding })
	n := len(w.Records) + len(j.records)
	return w, j, rapid.Permutation(seq(n)).Draw(t, "order of joins"), rapid.IntRange(0, 120*24).Draw(t, "hours")
}

func TestRejoinProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, j, order, hours := drawRejoin(t)
		if err := rejoined(allowedNow, w, j, order, hours); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRightsControls: the properties find the known wrong ways.
func TestRightsControls(t *testing.T) {
	t.Parallel()
	gen := rapid.Custom(drawRightsWorld)
	for _, c := range []struct {
		name string
		view viewFolder
		must string
	}{
		{"blocked records dropped before liveness", dropFirst, "P15 older"}, {"conclusions before visibility", deriveFirst, "P15 blocked"},
		{"no block at all", func(r []Record, _ Viewer) *Plan { return Fold(r) }, "P15 older"},
		{"no block at all", func(r []Record, _ Viewer) *Plan { return Fold(r) }, "P15 blocked"},
		{"a limit turned round", func(r []Record, v Viewer) *Plan {
			if stateRights(r) && len(r)%2 == 0 {
				return Fold(r)
			}
			return FoldFor(r, v)
		}, "P16 deny"},
	} {
		t.Run(c.name+" fails "+c.must, func(t *testing.T) {
			for _, p := range viewProperties {
				if p.name != c.must {
					continue
				}
				for seed := range 300 {
					if p.check(c.view, gen.Example(seed), uint64(seed), seed%9) != nil {
						return
					}
				}
			}
			t.Errorf("300 worlds and %s never noticed", c.must)
		})
	}
	t.Run("membership without period fails P20", func(t *testing.T) {
		type one struct {
			w     world
			j     joins
			order []int
			hours int
		}
		gen := rapid.Custom(func(t *rapid.T) one { w, j, o, h := drawRejoin(t); return one{w, j, o, h} })
		for seed := range 300 {
			o := gen.Example(seed)
			if rejoined(allowedEver, o.w, o.j, o.order, o.hours) != nil {
				return
			}
		}
		t.Error("300 worlds and P20 never noticed")
	})
}
