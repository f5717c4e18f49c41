package careplan

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// noInvention is P6: every word that a plan shows stands in a record, or is derived and says by which rule.
func noInvention(fold folder, w world) error {
	p := fold(w.Records)
	for _, g := range p.Gaps {
		if g.Rule == "" || g.Text == "" {
			return fmt.Errorf("a gap without a rule: %+v", g)
		}
	}
	for _, f := range p.Flags {
		if f.Code == "" || len(f.From) == 0 {
			return fmt.Errorf("a flag without a code or a source: %+v", f)
		}
	}
	for _, k := range p.Tasks {
		if k.Rule == "" || len(k.From) == 0 {
			return fmt.Errorf("a task without a rule or a source: %+v", k)
		}
	}
	words := map[string]bool{}
	for _, d := range derivedAnywhere() {
		words[d] = true
	}
	keys := map[string]bool{}
	for i := range w.Records {
		r := &w.Records[i]
		keys[r.Key.String()] = true
		collect(reflect.ValueOf(*r), words)
		collect(reflect.ValueOf(*r.contents()), words)
		for _, t := range []time.Time{r.Event, r.Sent, r.Receive, r.OrderTime()} {
			words[formatTime(t)] = true
		}
	}
	shown := Plan{Person: p.Person, Stays: p.Stays, Ready: p.Ready, Diagnoses: p.Diagnoses, Goals: p.Goals, Measures: p.Measures,
		Services: p.Services, Function: p.Function, Checkups: p.Checkups, Aids: p.Aids, Contacts: p.Contacts, Notes: p.Notes,
		Team: p.Team, Shared: p.Shared, Rights: p.Rights, Course: p.Course}
	return (&inventor{words, keys}).look(reflect.ValueOf(shown), "plan", "")
}

// derivedAnywhere are the words of ours that a plan may show wherever somebody or something is named.
func derivedAnywhere() []string {
	return append(planFields(), // careplan.md section 5.2: shared fields go by our names
		"coordinator",                          // section 5.4: whoever that is
		"No longer asked for by its requester", // section 5.2: what a withdrawn measure asks of its owner,
		"revoked",                              // and what it should become
		"Personal hygiene",                     // function.md section 2: our label of variable 7 of list 9111
		systemOutcome)                          // section 2: the system of an outcome whose code the record states
}

// derivedWords are the only other words that no record says: by field, the closed list of what the fold concludes, and the
// section of careplan.md with the rule. The inputs of each conclusion are the From of the thing that it is said of.
var derivedWords = map[string]struct {
	rule  string
	words []string
}{
	"Stay.Status":       {"6", []string{"planned", "in-progress", "onleave", "finished", "cancelled", "entered-in-error"}},
	"Ready.Why":         {"6", []string{"withdrawn", "discharged", "admission-withdrawn"}},
	"Answer.Status":     {"5.2", []string{"accepted", "rejected", "answered"}},
	"Measure.Status":    {"5.2", []string{"requested", "accepted", "active", "completed", "rejected"}},
	"Goal.Status":       {"2", []string{"active"}},
	"Course.Status":     {"7", []string{"active", "finished"}},
	"SubPlan.Status":    {"2", []string{"active"}},
	"Member.Role":       {"3.1", []string{"hospital", "municipality", "gp"}},
	"Conflict.Status":   {"5.4", []string{"open", "resolved", "basis-withdrawn"}},
	"Proposal.Status":   {"5.4", []string{"requested", "accepted", "answered", "changed", "rejected"}},
	"Proposal.Field":    {"5.4", []string{"team", "content", "status"}},
	"SameAs.Rule":       {"5.2", []string{sameCode, sameText}},
	"Identity.Plan":     {"7", []string{"active", "ended", "replaced"}},
	"Restriction.Kind":  {"8", []string{kindForwarding, kindReservation, kindLabel}},
	"Restriction.By":    {"8", []string{rolePatient}},
	"Assessment.Issues": {"function 4", []string{"value-out-of-range"}},
	"Assessment.Line":   {"function 1", []string{"iplos"}},
	"Score.HigherIs":    {"function 2", []string{"better", "worse"}},
}

// derivedID is how ids of ours look: a hash of what identifies the thing. They stand in fields called ID and in links.
var (
	derivedID = regexp.MustCompile(`^[a-z]+-[0-9a-f]{16}$`)
	idFields  = []string{"ID", "Stay", "Element", "A", "B", "About", "Goals", "Measures"}
	keyFields = []string{"From", "Closed", "Message"}
)

// inventor looks for words that no record says.
type inventor struct{ words, keys map[string]bool }

func (v *inventor) look(x reflect.Value, path, field string) error {
	switch x.Kind() {
	case reflect.Pointer:
		if !x.IsNil() {
			return v.look(x.Elem(), path, field)
		}
	case reflect.Slice:
		for i := range x.Len() {
			if err := v.look(x.Index(i), fmt.Sprintf("%s[%d]", path, i), field); err != nil {
				return err
			}
		}
	case reflect.Struct:
		if x.Type() == reflect.TypeFor[time.Time]() {
			return nil
		}
		for i := range x.NumField() {
			f := x.Type().Field(i)
			if !f.IsExported() {
				continue
			}
			if err := v.look(x.Field(i), path+"."+f.Name, x.Type().Name()+"."+f.Name); err != nil {
				return err
			}
		}
	case reflect.String:
		return v.word(x.String(), path, field)
	}
	return nil
}

func (v *inventor) word(text, path, field string) error {
	name := field[strings.IndexByte(field, '.')+1:]
	switch {
	case slices.Contains(derivedWords[field].words, text), slices.Contains(idFields, name) && derivedID.MatchString(text),
		slices.Contains(keyFields, name) && v.keys[text]:
		return nil
	}
	if _, about, ok := strings.Cut(text, ": "); ok && field == "Proposal.Text" && v.words[about] {
		return nil // of a wish that has no words: ours, and what it is about
	}
	if kind, about, ok := strings.Cut(text, ":"); ok && field == "Restriction.Scope" && strings.Contains(" record organisation kind topic ", " "+kind+" ") && (v.words[about] || v.keys[about]) {
		return nil
	}
	if field == "Restriction.Scope" && text == scopeAll {
		return nil
	}
	for _, part := range strings.Split(text, "\n") { // notes of one contact from several messages
		if part != "" && !v.words[part] {
			return fmt.Errorf("%s (%s) shows %q, which no record says", path, field, part)
		}
	}
	return nil
}

// TestDerivedWords: the list of what may be shown and nobody said is short, has a rule for each, and holds only
// what the generated plans do show.
func TestDerivedWords(t *testing.T) {
	t.Parallel()
	n := len(derivedAnywhere()) - len(planFields())
	for field, d := range derivedWords {
		n += len(d.words)
		if d.rule == "" || len(d.words) == 0 {
			t.Errorf("%s: no rule or no words", field)
		}
	}
	if n > 60 {
		t.Errorf("%d words of ours: too many to look through", n)
	}
}

// collect gathers every word of a value.
func collect(v reflect.Value, words map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			collect(v.Elem(), words)
		}
	case reflect.Slice:
		for i := range v.Len() {
			collect(v.Index(i), words)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			collect(v.Field(i), words)
		}
	case reflect.String:
		words[v.String()] = true
		if system, id, ok := strings.Cut(v.String(), "|"); ok { // a patient's key
			words[system], words[id] = true, true
		}
	}
}

// roundTrip is P24 for records: what is stored and what is packed comes out as it went in.
func roundTrip(_ folder, w world) error {
	var s Scratch
	unpacked := Pack(w.Records, &s).Records(&s)
	for i := range w.Records {
		r := &w.Records[i]
		raw := r.AppendJSON(nil)
		back, err := ParseRecord(raw)
		if err != nil {
			return err
		}
		if again := back.AppendJSON(nil); !bytes.Equal(raw, again) {
			return differ("a stored record comes out another", string(raw), string(again))
		}
		if one, other := string(encodeContent(r.contents())), string(encodeContent(unpacked[i].facts)); one != other {
			return differ("packed content comes out another", one, other)
		}
		one, other := *r, unpacked[i]
		one.Content, one.facts, one.plain, other.Content, other.facts, other.plain = []byte("{}"), nil, false, []byte("{}"), nil, false
		if a, b := string(one.AppendJSON(nil)), string(other.AppendJSON(nil)); a != b {
			return differ("a packed record comes out another", a, b)
		}
	}
	return nil
}

// sameMapping is P25: records made again of the same messages, by the same mapping, change nothing, whether they
// stand in the place of the first ones or beside them; made by a later mapping they take their place.
func sameMapping(fold folder, w world) error {
	plan := string(fold(w.Records).JSON())
	var errs failures
	made := stored(&errs, w.Records)
	if len(errs) > 0 {
		return fmt.Errorf("store: %v", errs)
	}
	if err := differ("made again they give another plan", plan, string(fold(made).JSON())); err != nil {
		return err
	}
	both := slices.Concat(w.Records[len(w.Records)/2:], made, w.Records[:len(w.Records)/2])
	if err := differ("made twice they give another plan", plan, string(fold(both).JSON())); err != nil {
		return err
	}
	for i := range made {
		if made[i].MessageID != "" && i%2 == 0 {
			made[i].Mapping = "test/2"
		}
	}
	later := slices.Clone(w.Records)
	for i := range later {
		later[i] = made[i]
	}
	if err := differ("an upgrade leaves the old record", string(fold(later).JSON()), string(fold(slices.Concat(w.Records, made)).JSON())); err != nil {
		return err
	}
	return nil
}

// TestMadeAgain: the same message gives the same record to the byte.
func TestMadeAgain(t *testing.T) {
	for _, m := range strokeCourse() {
		one, other := m.record(t), m.record(t)
		if a, b := string(one.AppendJSON(nil)), string(other.AppendJSON(nil)); a != b {
			t.Error(differ(m.kind, a, b))
		}
	}
}
