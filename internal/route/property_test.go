package route

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/samvirke/samvirke"
)

// world draws parties, rules and a message from small sets, so that they meet often.
func world(t *rapid.T) ([]samvirke.Party, []Rule, Input) {
	numbers := []string{"4601", "4602", ""}
	roles := []string{"hospital", "municipality", "gp", "other"}
	kinds := []string{"LOG_INNLAGT", "EPIKRISE", "assessment"}
	accepts := [][]samvirke.Accept{
		nil, kith("1.6", "1.5"), kith("1.5"), {{Format: FormatFHIR}}, {{Format: FormatNotification}},
		{{Format: FormatNotification}, {Format: FormatKITH, Kinds: []string{"EPIKRISE"}}},
	}
	n := rapid.IntRange(1, 7).Draw(t, "parties")
	parties := make([]samvirke.Party, n)
	ids := make([]string, n)
	for i := range parties {
		ids[i] = fmt.Sprintf("p%d", i)
		parties[i] = samvirke.Party{
			ID: ids[i], Role: rapid.SampledFrom(roles).Draw(t, "role"), HER: []string{fmt.Sprint(100 + i)},
			Municipality: rapid.SampledFrom(numbers).Draw(t, "number"), Accepts: rapid.SampledFrom(accepts).Draw(t, "accepts"),
		}
	}
	targets := append([]string{ToAddressees, ToCopies, ToMunicipality, ToGP, ToTeam}, ids...)
	some := func(from []string, name string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, 2, rapid.ID).Draw(t, name)
	}
	rules := make([]Rule, rapid.IntRange(0, 6).Draw(t, "rules"))
	for i := range rules {
		rules[i] = Rule{
			Name: fmt.Sprintf("r%d", i), Kinds: some([]string{"LOG_*", "EPIKRISE", "assessment"}, "kinds"),
			From: some(ids, "from"), Municipality: some([]string{"4601", "4602"}, "in"),
			To: rapid.SliceOfN(rapid.SampledFrom(targets), 1, 3).Draw(t, "to"), Deny: rapid.IntRange(0, 3).Draw(t, "deny") == 0,
		}
	}
	in := Input{
		From: rapid.SampledFrom(ids).Draw(t, "sender"), Municipality: rapid.SampledFrom(numbers).Draw(t, "municipality"),
		GP: rapid.SampledFrom(append([]string{"", "gone"}, ids...)).Draw(t, "gp"), Told: some(append([]string{"gone"}, ids...), "told"),
		Team: some([]string{"100", "101", "102", "555"}, "team"), PlanChanged: rapid.Bool().Draw(t, "changed"),
		Envelope: samvirke.Envelope{
			Format: FormatKITH, Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Version: "1.6",
			Op:           rapid.SampledFrom([]samvirke.Op{samvirke.OpNew, samvirke.OpChange, samvirke.OpCancel, samvirke.OpAddition}).Draw(t, "op"),
			NoForwarding: rapid.Bool().Draw(t, "objection"),
		},
	}
	for i, h := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"100", "101", "102", "103", "777"}), 0, 4, rapid.ID).Draw(t, "receivers") {
		role := "copy"
		if i == 0 {
			role = "primary"
		}
		in.Envelope.Receivers = append(in.Envelope.Receivers, her(role, h))
	}
	return parties, rules, in
}

// outcome is a decision without what may depend on order: rule names and places among the receivers.
func outcome(d Decision) []string {
	var s []string
	for _, c := range d.Choices {
		s = append(s, fmt.Sprint(c.Party, " ", c.Format, c.Version, " ", c.Addressee >= 0))
	}
	for _, x := range d.Dropped {
		s = append(s, fmt.Sprint("-", x.Party, " ", x.Why))
	}
	return s
}

func decide(t *rapid.T, parties []samvirke.Party, rules []Rule, in Input) Decision {
	table, errs := New(parties, rules)
	if len(errs) > 0 {
		t.Fatalf("New: %v", errs)
	}
	return table.Decide(in)
}

func TestOrderChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parties, rules, in := world(t)
		want := outcome(decide(t, parties, rules, in))
		for i := range rules {
			rules[i].To = rapid.Permutation(rules[i].To).Draw(t, "to order")
		}
		rules = rapid.Permutation(rules).Draw(t, "rule order")
		in.Envelope.Receivers = rapid.Permutation(in.Envelope.Receivers).Draw(t, "receiver order")
		in.Told = rapid.Permutation(in.Told).Draw(t, "told order")
		in.Team = rapid.Permutation(in.Team).Draw(t, "team order")
		if got := outcome(decide(t, parties, rules, in)); !slices.Equal(got, want) {
			t.Fatalf("other order, other outcome: %q, was %q", got, want)
		}
	})
}

// TestHardRules holds every decision against the promises of the package comment, told anew.
func TestHardRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parties, rules, in := world(t)
		d := decide(t, parties, rules, in)
		place := make(map[string]int)
		for i, p := range parties {
			place[p.ID] = i
		}
		got := make(map[string]Choice)
		last := -1
		for _, c := range d.Choices {
			if place[c.Party] <= last {
				t.Fatalf("order of the configuration is broken at %s", c.Party)
			}
			last = place[c.Party]
			got[c.Party] = c
			toldBack := in.Envelope.Op == samvirke.OpCancel && slices.Contains(in.Told, c.Party)
			switch {
			case c.Party == in.From:
				t.Fatalf("%s gets its own message", c.Party)
			case in.Envelope.NoForwarding && c.Addressee < 0 && !toldBack:
				t.Fatalf("%s gets it against the objection", c.Party)
			case c.Format == FormatNotification && !in.PlanChanged:
				t.Fatalf("%s is told of no change", c.Party)
			case len(parties[place[c.Party]].Accepts) == 0:
				t.Fatalf("%s reads nothing", c.Party)
			}
		}
		seen := make(map[string]bool)
		for _, x := range d.Dropped {
			if _, both := got[x.Party]; both || seen[x.Party] {
				t.Fatalf("%s stands twice", x.Party)
			}
			seen[x.Party] = true
		}
		for n, a := range in.Envelope.Receivers {
			id := "her:" + a.HER()
			if i := slices.IndexFunc(parties, func(p samvirke.Party) bool { return slices.Contains(p.HER, a.HER()) }); i >= 0 {
				id = parties[i].ID
			}
			if _, sent := got[id]; !sent && !seen[id] {
				t.Fatalf("receiver %d (%s) is neither served nor listed", n, id)
			}
		}
		if in.Envelope.Op == samvirke.OpCancel {
			for _, id := range in.Told {
				if _, sent := got[id]; !sent && !seen[id] {
					t.Fatalf("%s was told before and does not hear of the withdrawal", id)
				}
			}
		}
	})
}

// TestDenyNeverAdds: one more deny rule never adds a receiver (invariant P16).
func TestDenyNeverAdds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parties, rules, in := world(t)
		before := decide(t, parties, rules, in)
		more := append(slices.Clone(rules), Rule{Deny: true, To: []string{rapid.SampledFrom(parties).Draw(t, "denied").ID}})
		for _, c := range decide(t, parties, more, in).Choices {
			if !slices.ContainsFunc(before.Choices, func(b Choice) bool { return b.Party == c.Party }) {
				t.Fatalf("%s gets it because of a deny", c.Party)
			}
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	table, errs := New(house(), []Rule{{To: []string{ToAddressees}}, {Kinds: []string{"LOG_*"}, To: []string{ToGP, ToMunicipality}}})
	if len(errs) > 0 {
		b.Fatal(errs)
	}
	in := base()
	for b.Loop() {
		if d := table.Decide(in); len(d.Choices) == 0 {
			b.Fatal("nobody chosen")
		}
	}
}
