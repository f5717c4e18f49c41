package route_test

import (
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/route"
)

// TestTell: who takes part in a plan is told that it changed, without a rule and whatever the message is.
func TestTell(t *testing.T) {
	t.Parallel()
	parties := []samvirke.Party{
		{ID: "ward", Role: "hospital", HER: []string{"1"}, Accepts: []samvirke.Accept{{Format: "kith"}, {Format: "fhir-notification"}}},
		{ID: "town", Role: "municipality", HER: []string{"2"}, Accepts: []samvirke.Accept{{Format: "kith"}}},
		{ID: "doctor", Role: "gp", HER: []string{"3"}, Accepts: []samvirke.Accept{{Format: "fhir-notification"}}},
		{ID: "both", Role: "other", HER: []string{"4"}, Accepts: []samvirke.Accept{{Format: "kith"}, {Format: "fhir-notification"}}},
	}
	address := func(her string) samvirke.Address {
		return samvirke.Address{Levels: []samvirke.AddressLevel{{Kind: "organisation", IDs: []samvirke.Identifier{{Type: "HER", Value: her}}}}}
	}
	addressees := route.Rule{Name: "addressees", To: []string{"addressees"}}
	write := samvirke.Envelope{Format: "fhir", Kind: "plan-write", Op: samvirke.OpNew, Sender: address("1")}
	admission := samvirke.Envelope{Format: "kith", Kind: "LOG_INNLAGT", Version: "1.6", Op: samvirke.OpNew, Sender: address("1"), Receivers: []samvirke.Address{address("2")}}
	noForwarding := func(e samvirke.Envelope) samvirke.Envelope { e.NoForwarding = true; return e }
	notice := func(ids ...string) map[string]string {
		out := map[string]string{}
		for _, id := range ids {
			out[id] = route.FormatNotification
		}
		return out
	}
	for _, c := range []struct {
		name  string
		rules []route.Rule
		in    route.Input
		want  string
	}{
		{"a notice without a rule", []route.Rule{addressees}, route.Input{Envelope: write, From: "ward", Tell: notice("doctor")}, "doctor:fhir-notification:plan-member"},
		{"nobody to tell", []route.Rule{addressees}, route.Input{Envelope: write, From: "ward"}, ""},
		{"a notice, not the message", []route.Rule{addressees}, route.Input{Envelope: admission, From: "ward", Tell: notice("both")}, "town:kith:addressees both:fhir-notification:plan-member"},
		{"who gets the message needs no notice", []route.Rule{addressees, {Name: "copy", To: []string{"both"}}}, route.Input{Envelope: admission, From: "ward", Tell: notice("both")},
			"town:kith:addressees both:kith:copy"},
		{"not the sender", []route.Rule{addressees}, route.Input{Envelope: write, From: "ward", Tell: notice("ward", "doctor")}, "doctor:fhir-notification:plan-member"},
		{"a denial stands", []route.Rule{addressees, {Name: "no", To: []string{"doctor"}, Deny: true}}, route.Input{Envelope: write, From: "ward", Tell: notice("doctor")}, ""},
		{"an objection is in what they see already", []route.Rule{addressees}, route.Input{Envelope: noForwarding(write), From: "ward", Tell: notice("doctor")}, "doctor:fhir-notification:plan-member"},
		{"a note for who reads no notices", []route.Rule{addressees}, route.Input{Envelope: write, From: "ward", Tell: map[string]string{"town": route.FormatNote}}, "town:plan-note:plan-member"},
		{"a note in place of what a rule sends and cannot be read", []route.Rule{{Name: "all", To: []string{"town"}}}, route.Input{Envelope: write, From: "ward", Tell: map[string]string{"town": route.FormatNote}}, "town:plan-note:all"},
		{"no note beside the message", []route.Rule{addressees}, route.Input{Envelope: admission, From: "ward", Tell: map[string]string{"town": route.FormatNote}}, "town:kith:addressees"},
		{"changed for one of two", []route.Rule{{Name: "all", To: []string{"doctor", "both"}}}, route.Input{Envelope: write, From: "ward", PlanChanged: true,
			Changed: func(party string) bool { return party == "both" }}, "both:fhir-notification:all"},
		{"withheld from one by an objection", []route.Rule{{Name: "all", To: []string{"doctor", "both"}}}, route.Input{Envelope: noForwarding(write), From: "ward", PlanChanged: true,
			Changed: func(party string) bool { return party == "both" }}, "both:fhir-notification:all"},
		{"an objection without knowing what they see", []route.Rule{{Name: "all", To: []string{"doctor"}}}, route.Input{Envelope: noForwarding(write), From: "ward", PlanChanged: true}, ""},
	} {
		table, errs := route.New(parties, c.rules)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		got := ""
		for i, x := range table.Decide(c.in).Choices {
			if i > 0 {
				got += " "
			}
			got += x.Party + ":" + x.Format + ":" + x.Rule
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestVersionFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		accepts []samvirke.Accept
		want    string
		ok      bool
	}{
		{[]samvirke.Accept{{Format: "kith"}}, "1.0", true},
		{[]samvirke.Accept{{Format: "kith", Versions: []string{"1.6", "1.1"}}}, "1.1", true},
		{[]samvirke.Accept{{Format: "fhir"}, {Format: "kith", Kinds: []string{"DIALOG_*"}}}, "1.0", true},
		{[]samvirke.Accept{{Format: "kith", Kinds: []string{"LOG_*"}}}, "", false},
		{[]samvirke.Accept{{Format: "fhir"}, {Format: "fhir-notification"}}, "", false},
		{nil, "", false},
	} {
		if got, ok := route.VersionFor(c.accepts, "DIALOG_NOTAT"); got != c.want || ok != c.ok {
			t.Errorf("%v: %q %v, want %q %v", c.accepts, got, ok, c.want, c.ok)
		}
	}
}
