package careplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"pgregory.net/rapid"
)

func conflictOn(p *Plan, field string) *Conflict {
	if p.Shared == nil {
		return nil
	}
	for i := range p.Shared.Conflicts {
		if p.Shared.Conflicts[i].Field == field {
			return &p.Shared.Conflicts[i]
		}
	}
	return nil
}

// P4: every statement of a live record is visible, or overwritten by a live one that had it in context. A value
// taken away by all is visible as nothing.
func noLostUpdate(fold folder, w sharedWorld) error {
	o, p := newOracle(w.Records), fold(w.Records)
	for _, field := range sharedNames {
		shown := shownValues(p, field)
		_, over := o.left(field)
		for _, s := range o.said(field) {
			if s.value == "" && p.Field(field) == nil || shown[said2{s.rec.key, s.value}] || over[s] != nil {
				continue
			}
			return fmt.Errorf("%s: %q of %s is lost", field, s.value, s.rec.key)
		}
	}
	return nil
}

// P9: there is an open conflict exactly when live statements that have not seen each other have different values.
func conflictTruth(fold folder, w sharedWorld) error {
	o, p := newOracle(w.Records), fold(w.Records)
	for _, field := range sharedNames {
		left, _ := o.left(field)
		values := map[string]bool{}
		for _, s := range left {
			values[s.value] = true
		}
		c := conflictOn(p, field)
		open := c != nil && c.Status == "open"
		if open != (len(values) > 1) {
			return fmt.Errorf("%s: conflict %v with %d values", field, open, len(values))
		}
		if f := p.Field(field); f != nil && !values[(&stated{value: coded{Text: f.Value.Text}}).word()] {
			return fmt.Errorf("%s: shows %q, which is overwritten", field, f.Value.Text)
		}
		if open && len(c.Candidates) != len(left) {
			return fmt.Errorf("%s: %d candidates, want %d", field, len(c.Candidates), len(left))
		}
	}
	return nil
}

// P10: a resolution that has seen all candidates leaves no conflict; a later statement that has not seen it, nor
// anybody it, reopens it.
func resolutionSettles(fold folder, w sharedWorld) error {
	p := fold(w.Records)
	if p.Shared == nil {
		return nil
	}
	for _, c := range p.Shared.Conflicts {
		if c.Status != "open" {
			continue
		}
		r := Record{Key: Key{town, "decision"}, Subject: "urn:oid:2.16.578.1.12.4.1.4.1|" + testFNR, Kind: "plan-write", Mapping: "test/1",
			Sent: worldBase.AddDate(0, 1, 0), Receive: worldBase.AddDate(0, 1, 0), Roles: []string{"coordinator", "person"},
			Chain: Chain{Op: samvirke.OpNew, Conversation: "decision"}}
		for _, d := range c.Candidates {
			r.Seen = append(r.Seen, d.From...)
		}
		chosen := c.Candidates[w.Choice%len(c.Candidates)]
		k := &content{}
		k.shared().Resolutions = []decidedConflict{{Conflict: c.ID, Value: coded{Text: chosen.Text}, Remove: chosen.Removed}}
		r.fill(k)
		with := append(slices.Clone(w.Records), r)
		q := fold(with)
		if d := conflictOn(q, c.Field); d == nil || d.Status != "resolved" || d.ResolvedBy != town {
			return fmt.Errorf("%s: resolved, but %+v", c.Field, d)
		}
		if f := q.Field(c.Field); chosen.Removed != (f == nil) || f != nil && (f.Value.Text != chosen.Text || f.Contested) {
			return fmt.Errorf("%s: shows %+v, chosen %q", c.Field, f, chosen.Text)
		}
		late := w.Late
		k = &content{}
		k.shared().Statements = []statedField{{Field: c.Field, Value: coded{Text: "2027-01-01"}}}
		late.Chain = Chain{Op: samvirke.OpNew, Conversation: late.Key.MessageID}
		late.Kind, late.Roles = "plan-write", nil
		late.fill(k)
		if d := conflictOn(fold(append(with, late)), c.Field); d == nil || d.Status != "open" {
			return fmt.Errorf("%s: an unseen statement did not reopen it: %+v", c.Field, d)
		}
	}
	return nil
}

// P13 for shared fields: a clock that runs ahead, for all messages of a sender or from some point on, makes nobody
// have seen more, and so no older statement win.
func sharedClock(fold folder, w sharedWorld) error {
	say := func(p *Plan) string {
		var out []string
		for _, name := range sharedNames {
			if f := p.Field(name); f != nil {
				out = append(out, fmt.Sprint(f.Name, "=", f.Value.Text, " by ", f.Value.From, f.Contested))
			}
			if c := conflictOn(p, name); c != nil {
				out = append(out, c.Status)
				for _, d := range c.Candidates {
					out = append(out, fmt.Sprint(d.From, "=", d.Text, d.Shown))
				}
			}
		}
		return strings.Join(out, "; ")
	}
	return differ("a clock ahead changes the shared fields", say(fold(w.Records)), say(fold(w.ahead())))
}

func sharedConvergence(fold folder, w sharedWorld) error {
	other := make([]Record, len(w.Records))
	for i, j := range w.Perm {
		other[i] = w.Records[j]
	}
	return differ("another order", string(fold(w.Records).JSON()), string(fold(append(other, other...)).JSON()))
}

// P16 for shared fields: an objection to some of the messages never adds a value to a view, neither as shown nor
// among the candidates: what is overwritten does not come back where the newer one is hidden.
func sharedDenyNeverAdds(_ folder, w sharedWorld) error {
	viewer := Viewer{HER: []string{"999999"}}
	list := clone(w.Records)
	for i := range list {
		list[i].NoForwarding = list[i].Kind != KindReceipt && (i+w.Choice)%3 == 0
	}
	open, p := FoldFor(w.Records, viewer), FoldFor(list, viewer)
	for _, field := range sharedNames {
		before := shownValues(open, field)
		for s := range shownValues(p, field) {
			if !before[s] {
				return fmt.Errorf("%s: an objection shows %q of %s", field, s.value, s.key)
			}
		}
	}
	return nil
}

// ownership is P11: what one organisation states last of all changes no content that another one owns; what it
// wishes is a proposal, or its own measure.
//
// A message that takes back its sender's own answer is left out: with it, who owns what was never otherwise.
func ownership(fold folder, w owned) error {
	for _, r := range w.Records {
		if r.Key.Sender == w.Last.Key.Sender && w.Last.Chain.Op == samvirke.OpChange && r.Chain.Conversation == w.Last.Chain.Conversation && len(r.contents().Answers) > 0 {
			return nil
		}
	}
	content := func(p *Plan) map[string]string {
		out := map[string]string{}
		for _, m := range p.Measures {
			if first(m.Owner, m.Requester) != w.Last.Key.Sender {
				out[m.ID] = m.Text
			}
		}
		return out
	}
	before, p := content(fold(w.Records)), fold(append(slices.Clone(w.Records), w.Last))
	after := map[string]string{}
	for _, m := range p.Measures {
		after[m.ID] = m.Text
	}
	for id, text := range before {
		if after[id] != text {
			return fmt.Errorf("%s changed %q of another to %q", w.Last.Key, text, after[id])
		}
	}
	for _, q := range w.Last.contents().shared().Wishes {
		if p.Shared == nil || !slices.ContainsFunc(p.Shared.Proposals, func(x Proposal) bool { return x.From[0] == w.Last.Key.String() }) {
			if !slices.ContainsFunc(p.Measures, func(m Measure) bool { return m.Text == q.Is.Text && contains(m.From, w.Last.Key.String()) }) {
				return fmt.Errorf("what %s wishes is nowhere", w.Last.Key)
			}
		}
	}
	return nil
}

var sharedProperties = []struct {
	name   string
	honest bool
	check  func(folder, sharedWorld) error
}{
	{"P1 convergence", false, sharedConvergence}, {"P4 no lost update", false, noLostUpdate}, {"P9 conflict truth", false, conflictTruth},
	{"P10 resolution", false, resolutionSettles}, {"P13 clock", true, sharedClock}, {"P16 deny", false, sharedDenyNeverAdds},
}

func drawer(honest bool) func(*rapid.T) sharedWorld {
	if honest {
		return drawHonest
	}
	return drawShared
}

func TestSharedProperties(t *testing.T) {
	t.Parallel()
	for _, p := range sharedProperties {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				if err := p.check(Fold, drawer(p.honest)(t)); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
	t.Run("P11 ownership", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			if err := ownership(Fold, drawOwned(t)); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// TestSharedNegativeControls: the properties notice every rule that is switched off.
func TestSharedNegativeControls(t *testing.T) {
	t.Parallel()
	wrong := func(ways wrongWays) folder {
		return func(list []Record) *Plan { return FoldWith(list, Options{wrong: ways}) }
	}
	controls := []struct {
		name string
		fold folder
		must []string
	}{
		{"context dropped", wrong(wrongWays{noContext: true}), []string{"P9 conflict truth", "P10 resolution"}},
		{"the latest wins", wrong(wrongWays{latestWins: true}), []string{"P4 no lost update", "P9 conflict truth"}},
		{"raw sent time", wrong(wrongWays{rawSent: true}), []string{"P9 conflict truth", "P13 clock"}},
	}
	honest, shared := rapid.Custom(drawHonest), rapid.Custom(drawShared)
	for _, c := range controls {
		for _, p := range sharedProperties {
			if !slices.Contains(c.must, p.name) {
				continue
			}
			t.Run(c.name+" fails "+p.name, func(t *testing.T) {
				gen := shared
				if p.honest {
					gen = honest
				}
				for seed := range 500 {
					if p.check(c.fold, gen.Example(seed)) != nil {
						return
					}
				}
				t.Errorf("500 worlds and %s never noticed", p.name)
			})
		}
	}
	t.Run("everybody owns everything fails P11 ownership", func(t *testing.T) {
		gen := rapid.Custom(drawOwned)
		for seed := range 500 {
			if ownership(wrong(wrongWays{anyOwner: true}), gen.Example(seed)) != nil {
				return
			}
		}
		t.Error("500 worlds and P11 never noticed")
	})
}
