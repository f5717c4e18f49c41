package route

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
)

// her makes an address of HER-ids, outermost level first.
func her(role string, ids ...string) samvirke.Address {
	a := samvirke.Address{Role: role}
	for _, id := range ids {
		a.Levels = append(a.Levels, samvirke.AddressLevel{
			Kind: "organisation", IDs: []samvirke.Identifier{{Type: "HER", Value: id}},
		})
	}
	return a
}

func kith(versions ...string) []samvirke.Accept {
	return []samvirke.Accept{{Format: FormatKITH, Versions: versions}}
}

// house is the set of parties most tests use.
func house() []samvirke.Party {
	notice := []samvirke.Accept{{Format: FormatNotification}}
	return []samvirke.Party{
		{ID: "st-hallvard", Role: "hospital", HER: []string{"59", "590"}, Accepts: kith("1.6", "1.5")},
		{ID: "bydal", Role: "municipality", HER: []string{"700", "701"}, Municipality: "4601", Accepts: kith("1.6")},
		{ID: "bydal-sak", Role: "municipality", HER: []string{"702"}, Municipality: "4601", Accepts: kith("1.5")},
		{ID: "fjordvik", Role: "municipality", HER: []string{"800"}, Municipality: "4602", Accepts: kith("1.5", "1.6")},
		{ID: "lege-nord", Role: "gp", HER: []string{"900", "901"}, Municipality: "4601", Accepts: notice},
		{ID: "lege-sor", Role: "gp", HER: []string{"910"}, Accepts: []samvirke.Accept{
			{Format: FormatNotification},
			{Format: FormatKITH, Kinds: []string{"EPIKRISE"}, Versions: []string{"1.2"}},
		}},
		{ID: "fhir-hub", Role: "other", HER: []string{"950"}, Accepts: []samvirke.Accept{{Format: FormatFHIR}}},
		{ID: "mute", Role: "other", HER: []string{"960"}},
	}
}

// base is an admission notice from the hospital to the nursing service of Bydal, copy to Fjordvik.
func base() Input {
	return Input{
		From: "st-hallvard", Municipality: "4601", GP: "lege-nord", PlanChanged: true,
		Envelope: samvirke.Envelope{
			Format: FormatKITH, Kind: "LOG_INNLAGT", Version: "1.6", Op: samvirke.OpNew,
			Sender:    her("", "59", "590"),
			Receivers: []samvirke.Address{her("primary", "700", "701"), her("copy", "800")},
		},
	}
}

// short writes a decision as "party=format version@addressee" and "-party:why".
func short(d Decision) string {
	var parts []string
	for _, c := range d.Choices {
		s := c.Party + "=" + c.Format + c.Version
		if c.Addressee >= 0 {
			s += fmt.Sprintf("@%d", c.Addressee)
		}
		parts = append(parts, s)
	}
	for _, x := range d.Dropped {
		parts = append(parts, fmt.Sprintf("-%s:%s", x.Party, x.Why))
	}
	return strings.Join(parts, " ")
}

func TestDecide(t *testing.T) {
	all := Rule{Name: "all", To: []string{ToAddressees}}
	tests := []struct {
		name  string
		rules []Rule
		edit  func(*Input)
		want  string
	}{
		{name: "addressees are primary and copies", rules: []Rule{all}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1"},
		{name: "copies only", rules: []Rule{{To: []string{ToCopies}}}, want: "fjordvik=kith1.5@1 -bydal:no-rule"},
		{
			name: "without roles the first receiver is the primary one", rules: []Rule{{To: []string{ToCopies}}},
			edit: func(in *Input) {
				in.Envelope.Receivers[0].Role, in.Envelope.Receivers[1].Role = "", ""
			},
			want: "fjordvik=kith1.5@1 -bydal:no-rule",
		},
		{
			name: "municipality means its municipal parties, not a GP's office in it", rules: []Rule{all, {To: []string{ToMunicipality}}},
			want: "bydal=kith1.6@0 bydal-sak=kith1.5 fjordvik=kith1.5@1",
		},
		{
			name: "unknown municipality chooses nobody", rules: []Rule{all, {To: []string{ToMunicipality}}},
			edit: func(in *Input) { in.Municipality = "" },
			want: "bydal=kith1.6@0 fjordvik=kith1.5@1",
		},
		{name: "gp is told of the plan change", rules: []Rule{all, {To: []string{ToGP}}}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1 lege-nord=fhir-notification"},
		{
			name: "gp is not told when the plan is the same", rules: []Rule{all, {To: []string{ToGP}}},
			edit: func(in *Input) { in.PlanChanged = false },
			want: "bydal=kith1.6@0 fjordvik=kith1.5@1 -lege-nord:plan-unchanged",
		},
		{
			name: "gp unknown chooses nobody", rules: []Rule{all, {To: []string{ToGP}}},
			edit: func(in *Input) { in.GP = "" },
			want: "bydal=kith1.6@0 fjordvik=kith1.5@1",
		},
		{
			name: "gp that is no party is listed", rules: []Rule{all, {To: []string{ToGP}}},
			edit: func(in *Input) { in.GP = "lege-borte" },
			want: "bydal=kith1.6@0 fjordvik=kith1.5@1 -lege-borte:unknown-party",
		},
		{
			name: "care team by HER-id, the sender's own entry and strangers listed", rules: []Rule{all, {To: []string{ToTeam}}},
			edit: func(in *Input) { in.Team = []string{"59", "950", "999"} },
			want: "bydal=kith1.6@0 fjordvik=kith1.5@1 fhir-hub=fhir -st-hallvard:sender -her:999:unknown-party",
		},
		{name: "explicit party", rules: []Rule{all, {To: []string{"fhir-hub"}}}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1 fhir-hub=fhir"},
		{name: "kind that does not match", rules: []Rule{all, {Kinds: []string{"EPIKRISE"}, To: []string{"fhir-hub"}}}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1"},
		{name: "kind that matches", rules: []Rule{all, {Kinds: []string{"EPIKRISE", "LOG_INNLAGT"}, To: []string{"fhir-hub"}}}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1 fhir-hub=fhir"},
		{name: "kind with star", rules: []Rule{all, {Kinds: []string{"LOG_*"}, To: []string{"fhir-hub"}}}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1 fhir-hub=fhir"},
		{name: "from by party", rules: []Rule{all, {From: []string{"st-hallvard"}, To: []string{"fhir-hub"}}}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1 fhir-hub=fhir"},
		{name: "from by role", rules: []Rule{all, {From: []string{"hospital"}, To: []string{"fhir-hub"}}}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1 fhir-hub=fhir"},
		{name: "from somebody else", rules: []Rule{all, {From: []string{"bydal", "gp"}, To: []string{"fhir-hub"}}}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1"},
		{name: "condition municipality holds", rules: []Rule{all, {Municipality: []string{"4601"}, To: []string{"fhir-hub"}}}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1 fhir-hub=fhir"},
		{name: "condition municipality does not hold", rules: []Rule{all, {Municipality: []string{"4602"}, To: []string{"fhir-hub"}}}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1"},
		{
			name: "condition municipality with unknown municipality", rules: []Rule{all, {Municipality: []string{"4601"}, To: []string{"fhir-hub"}}},
			edit: func(in *Input) { in.Municipality = "" },
			want: "bydal=kith1.6@0 fjordvik=kith1.5@1",
		},
		{name: "deny beats allow whatever the order", rules: []Rule{{Deny: true, To: []string{"fjordvik"}}, all}, want: "bydal=kith1.6@0 -fjordvik:denied"},
		{name: "deny by selector", rules: []Rule{all, {Deny: true, To: []string{ToCopies}}}, want: "bydal=kith1.6@0 -fjordvik:denied"},
		{name: "deny with a condition that fails does nothing", rules: []Rule{all, {Deny: true, Kinds: []string{"EPIKRISE"}, To: []string{"fjordvik"}}}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1"},
		{name: "deny of somebody nobody named is no news", rules: []Rule{all, {Deny: true, To: []string{"fhir-hub"}}}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1"},
		{
			name: "objection keeps to the addressees", rules: []Rule{all, {To: []string{ToGP, "fhir-hub", "bydal-sak"}}},
			edit: func(in *Input) { in.Envelope.NoForwarding = true },
			want: "bydal=kith1.6@0 fjordvik=kith1.5@1 -bydal-sak:forwarding-objection -lege-nord:forwarding-objection -fhir-hub:forwarding-objection",
		},
		{name: "no rules: addressees are listed", want: "-bydal:no-rule -fjordvik:no-rule"},
		{name: "party without formats", rules: []Rule{all, {To: []string{"mute"}}}, want: "bydal=kith1.6@0 fjordvik=kith1.5@1 -mute:no-format"},
		{
			name: "addressee nobody answers to", rules: []Rule{all},
			edit: func(in *Input) {
				in.Envelope.Receivers = append(in.Envelope.Receivers, her("copy", "12345"), samvirke.Address{Role: "copy"})
			},
			want: "bydal=kith1.6@0 fjordvik=kith1.5@1 -her:12345:unknown-party -receiver 4:unknown-party",
		},
		{
			name: "unknown service of a known enterprise goes to who bears the enterprise", rules: []Rule{all},
			edit: func(in *Input) { in.Envelope.Receivers = []samvirke.Address{her("primary", "700", "799")} },
			want: "bydal=kith1.6@0",
		},
		{
			name: "a service of its own wins over the enterprise around it", rules: []Rule{all},
			edit: func(in *Input) { in.Envelope.Receivers = []samvirke.Address{her("primary", "700", "702")} },
			want: "bydal-sak=kith1.5@0",
		},
		{
			name: "message addressed to its own sender", rules: []Rule{all},
			edit: func(in *Input) { in.Envelope.Receivers = append(in.Envelope.Receivers, her("copy", "59", "590")) },
			want: "bydal=kith1.6@0 fjordvik=kith1.5@1 -st-hallvard:sender",
		},
		{
			name: "handed over by a hub: the writer does not get it back", rules: []Rule{all, {To: []string{"st-hallvard", "fhir-hub"}}},
			edit: func(in *Input) { in.From = "fhir-hub" },
			want: "bydal=kith1.6@0 fjordvik=kith1.5@1 -st-hallvard:sender -fhir-hub:sender",
		},
		{
			name: "a receipt is not routed", rules: []Rule{all},
			edit: func(in *Input) { in.Envelope.Receipt = &samvirke.ReceiptContent{Status: samvirke.ReceiptOK} },
			want: "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			table, errs := New(house(), tt.rules)
			if len(errs) > 0 {
				t.Fatalf("New: %v", errs)
			}
			in := base()
			if tt.edit != nil {
				tt.edit(&in)
			}
			if got := short(table.Decide(in)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestDecideTold(t *testing.T) {
	rules := []Rule{{Name: "all", To: []string{ToAddressees}}, {Name: "no hub", Deny: true, To: []string{"fhir-hub"}}}
	table, errs := New(house(), rules)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	tests := []struct {
		name      string
		op        samvirke.Op
		told      []string
		objection bool
		want      string
	}{
		{"new message ignores who was told", samvirke.OpNew, []string{"bydal-sak"}, false, "bydal=kith1.6@0 fjordvik=kith1.5@1"},
		{"addition ignores who was told", samvirke.OpAddition, []string{"bydal-sak"}, false, "bydal=kith1.6@0 fjordvik=kith1.5@1"},
		{"change reaches who was told", samvirke.OpChange, []string{"bydal-sak"}, false, "bydal=kith1.6@0 bydal-sak=kith1.5 fjordvik=kith1.5@1"},
		{"withdrawal reaches who was told", samvirke.OpCancel, []string{"bydal-sak"}, false, "bydal=kith1.6@0 bydal-sak=kith1.5 fjordvik=kith1.5@1"},
		{"a party told and addressed gets it once", samvirke.OpCancel, []string{"bydal"}, false, "bydal=kith1.6@0 fjordvik=kith1.5@1"},
		{"change obeys deny", samvirke.OpChange, []string{"fhir-hub"}, false, "bydal=kith1.6@0 fjordvik=kith1.5@1 -fhir-hub:denied"},
		{"nobody can block a withdrawal", samvirke.OpCancel, []string{"fhir-hub"}, false, "bydal=kith1.6@0 fjordvik=kith1.5@1 fhir-hub=fhir"},
		{"change obeys the objection", samvirke.OpChange, []string{"bydal-sak"}, true, "bydal=kith1.6@0 fjordvik=kith1.5@1 -bydal-sak:forwarding-objection"},
		{"withdrawal reaches who was told before the objection", samvirke.OpCancel, []string{"bydal-sak"}, true, "bydal=kith1.6@0 bydal-sak=kith1.5 fjordvik=kith1.5@1"},
		{"the sender is never told", samvirke.OpCancel, []string{"st-hallvard"}, false, "bydal=kith1.6@0 fjordvik=kith1.5@1 -st-hallvard:sender"},
		{"a party that has left the configuration is listed", samvirke.OpCancel, []string{"old-party"}, false, "bydal=kith1.6@0 fjordvik=kith1.5@1 -old-party:unknown-party"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := base()
			in.Envelope.Op, in.Told, in.Envelope.NoForwarding = tt.op, tt.told, tt.objection
			d := table.Decide(in)
			if got := short(d); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestDecideRuleNames(t *testing.T) {
	table, errs := New(house(), []Rule{
		{Name: "first", To: []string{"bydal"}},
		{Name: "second", To: []string{ToAddressees}},
		{To: []string{"fhir-hub"}},
		{Name: "shut", Deny: true, To: []string{"fjordvik"}},
	})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	in := base()
	in.Envelope.Op, in.Told = samvirke.OpChange, []string{"bydal-sak"}
	d := table.Decide(in)
	var got []string
	for _, c := range d.Choices {
		got = append(got, c.Party+":"+c.Rule)
	}
	for _, x := range d.Dropped {
		got = append(got, "-"+x.Party+":"+x.Rule)
	}
	want := []string{"bydal:first", "bydal-sak:" + RuleTold, "fhir-hub:rule 3", "-fjordvik:shut"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnreached(t *testing.T) {
	rules := []Rule{
		{Kinds: []string{"LOG_INNLAGT"}, To: []string{ToCopies, "mute", "st-hallvard", "fhir-hub"}},
		{Deny: true, To: []string{"fjordvik"}},
	}
	table, errs := New(house(), rules)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	in := base()
	in.Team = []string{"4711"} // in the care team only: nobody wrote to it
	in.Envelope.Receivers = append(in.Envelope.Receivers, her("copy", "960"), her("copy", "4712"), her("copy", "59"), her("copy", "950"))
	var got []string
	for _, x := range table.Decide(in).Unreached() {
		got = append(got, x.Party+":"+string(x.Why))
	}
	want := []string{"bydal:no-rule", "mute:no-format", "her:4712:unknown-party"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFit(t *testing.T) {
	const none = "none"
	notice := samvirke.Accept{Format: FormatNotification}
	plo := func(v ...string) samvirke.Accept { return samvirke.Accept{Format: FormatKITH, Versions: v} }
	tests := []struct {
		name                  string
		accepts               []samvirke.Accept
		format, kind, version string
		want                  string
	}{
		{"best version first, up", []samvirke.Accept{plo("1.6", "1.5")}, "kith", "LOG_INNLAGT", "1.5", "kith 1.6"},
		{"best version first, down", []samvirke.Accept{plo("1.5", "1.6")}, "kith", "LOG_INNLAGT", "1.6", "kith 1.5"},
		{"falls back to the next version the kind exists in", []samvirke.Accept{plo("2.0", "1.5")}, "kith", "LOG_DOD", "1.6", "kith 1.5"},
		{"all versions: as sent", []samvirke.Accept{plo()}, "kith", "LOG_INNLAGT", "1.5", "kith "},
		{"epicrisis in a version of its own", []samvirke.Accept{plo("1.6", "1.2")}, "kith", "EPIKRISE", "1.2", "kith 1.2"},
		{"epicrisis to a party that reads only nursing versions", []samvirke.Accept{plo("1.6", "1.5")}, "kith", "EPIKRISE", "1.2", none},
		{"older epicrisis as sent", []samvirke.Accept{plo()}, "kith", "EPIKRISE", "1.1", "kith "},
		{"older epicrisis is not converted", []samvirke.Accept{plo("1.2")}, "kith", "EPIKRISE", "1.1", none},
		{"referral as sent", []samvirke.Accept{plo("1.0", "1.1")}, "kith", "HENVISNING", "1.0", "kith "},
		{"older referral is not converted", []samvirke.Accept{plo("1.1")}, "kith", "HENVISNING", "1.0", none},
		{"referral of a FHIR system", []samvirke.Accept{plo("1.1")}, "fhir", "HENVISNING", "", "kith 1.1"},
		{"referral 2.0", []samvirke.Accept{plo("2.0")}, "kith", "HENVISNING_NYTILSTAND", "2.0", "kith 2.0"},
		{"older epicrisis to who reads it", []samvirke.Accept{plo("1.2", "1.1")}, "kith", "EPIKRISE", "1.1", "kith "},
		{"foreign kind as sent", []samvirke.Accept{plo()}, "kith", "DIALOG_NOTAT", "1.1", "kith "},
		{"dialogue in the receiver's version", []samvirke.Accept{plo("1.0")}, "kith", "DIALOG_NOTAT", "1.1", "kith 1.0"},
		{"citizen dialogue", []samvirke.Accept{plo("1.1")}, "kith", "DIALOG_INNBYGGER_EKONTAKT", "1.0", "kith 1.1"},
		{"error report has one version", []samvirke.Accept{plo("1.1")}, "kith", "DIALOG_AVVIK", "1.0", none},
		{"FHIR form of a dialogue message: the agreed version", []samvirke.Accept{plo()}, "fhir", "DIALOG_SVAR", "", "kith 1.0"},
		{"FHIR-native kind has no XML form", []samvirke.Accept{plo(), notice}, "fhir", "assessment", "", "fhir-notification "},
		{"FHIR form of an XML kind, all versions: the newest", []samvirke.Accept{plo()}, "fhir", "LOG_INNLAGT", "", "kith 1.6"},
		{"FHIR form of an XML kind keeps its version", []samvirke.Accept{plo()}, "fhir", "LOG_INNLAGT", "1.5", "kith "},
		{"FHIR form of an XML kind, receiver's version", []samvirke.Accept{plo("1.5")}, "fhir", "LOG_INNLAGT", "1.6", "kith 1.5"},
		{"first entry wins", []samvirke.Accept{{Format: FormatFHIR}, plo("1.6")}, "kith", "LOG_INNLAGT", "1.6", "fhir "},
		{"entry for other kinds is passed over", []samvirke.Accept{{Format: FormatFHIR, Kinds: []string{"EPIKRISE"}}, plo("1.6")}, "kith", "LOG_INNLAGT", "1.6", "kith 1.6"},
		{"kinds with star", []samvirke.Accept{{Format: FormatFHIR, Kinds: []string{"LOG_*"}}}, "kith", "LOG_INNLAGT", "1.6", "fhir "},
		{"content before notice, wherever it stands", []samvirke.Accept{notice, plo("1.6")}, "kith", "LOG_INNLAGT", "1.6", "kith 1.6"},
		{"notice when nothing else fits", []samvirke.Accept{notice, plo("1.2")}, "kith", "LOG_INNLAGT", "1.6", "fhir-notification "},
		{"notice limited to kinds", []samvirke.Accept{{Format: FormatNotification, Kinds: []string{"EPIKRISE"}}}, "kith", "LOG_INNLAGT", "1.6", none},
		{"FHIR in another release", []samvirke.Accept{{Format: FormatFHIR, Versions: []string{"5.0"}}}, "kith", "LOG_INNLAGT", "1.6", none},
		{"FHIR R4 by number", []samvirke.Accept{{Format: FormatFHIR, Versions: []string{"5.0", "4.0"}}}, "kith", "LOG_INNLAGT", "1.6", "fhir "},
		{"unknown format name", []samvirke.Accept{{Format: "fax"}}, "kith", "LOG_INNLAGT", "1.6", none},
		{"nothing accepted", nil, "kith", "LOG_INNLAGT", "1.6", none},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, v, ok := fit(tt.accepts, &samvirke.Envelope{Format: tt.format, Kind: tt.kind, Version: tt.version})
			got := a.Format + " " + v
			if !ok {
				got = none
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNewErrors(t *testing.T) {
	parties := append(house(), samvirke.Party{ID: "bydal"}, samvirke.Party{ID: "gp"})
	_, errs := New(parties, []Rule{
		{Name: "empty"},
		{Name: "typo", To: []string{"bidal"}},
		{Name: "from", From: []string{"hospitals"}, To: []string{"bydal"}},
		{Name: "star", Kinds: []string{"LOG_*_X"}, To: []string{"bydal"}},
	})
	want := []string{
		"party-duplicate", "party-reserved", "route-no-receiver", "route-unknown-receiver",
		"route-unknown-sender", "route-bad-kind",
	}
	var got []string
	for _, err := range errs {
		f := samvirke.FaultOf(err)
		got = append(got, f.Code)
		if f.Class != samvirke.Permanent {
			t.Errorf("%v: class %s, want permanent", err, f.Class)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	single := []samvirke.Party{{ID: "gp", Role: "gp"}, {ID: "municipality", Role: "municipality"}}
	if _, errs := New(single, []Rule{{To: []string{"gp"}}}); len(errs) > 0 {
		t.Errorf("the only party of a role cannot be called after it: %v", errs)
	}
	if _, errs := New(append(single, samvirke.Party{ID: "second", Role: "gp"}), nil); len(errs) != 1 {
		t.Errorf("gp is one of two parties with role gp: got %v", errs)
	}
	if _, errs := New(nil, make([]Rule, MaxRules+1)); len(errs) != 1 || samvirke.FaultOf(errs[0]).Code != "route-too-many" {
		t.Errorf("too many rules: got %v", errs)
	}
}
