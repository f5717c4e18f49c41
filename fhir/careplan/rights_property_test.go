package careplan

import (
	"fmt"
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
