package careplan

import (
	"bytes"
	"fmt"
	"reflect"
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
	words := map[string]bool{"coordinator": true, // whoever that is
		"No longer asked for by its requester": true, "revoked": true} // what a withdrawn measure asks of its owner
	for _, name := range planFields() {
		words[name] = true
	}
	for i := range w.Records {
		r := &w.Records[i]
		collect(reflect.ValueOf(*r), words)
		collect(reflect.ValueOf(*r.contents()), words)
		for _, t := range []time.Time{r.Event, r.Sent, r.Receive, r.OrderTime()} {
			words[formatTime(t)] = true
		}
	}
	shown := Plan{Person: p.Person, Stays: p.Stays, Ready: p.Ready, Diagnoses: p.Diagnoses, Goals: p.Goals, Measures: p.Measures,
		Services: p.Services, Function: p.Function, Checkups: p.Checkups, Aids: p.Aids, Contacts: p.Contacts, Notes: p.Notes,
		Team: p.Team, Shared: p.Shared, Rights: p.Rights, Course: p.Course}
	return invented(reflect.ValueOf(shown), "plan", words)
}

// derivedWords are fields that hold no word of a source: ids of ours, links inside the plan, and words of our own closed
// lists, which say what became of something.
var derivedWords = map[string]bool{"ID": true, "From": true, "Stay": true, "Status": true, "Why": true, "DateSource": true, "Kind": true, "For": true, "Scope": true,
	"Line": true, "HigherIs": true, "Role": true, "Issues": true, "State": true, "Field": true, "Element": true, "Rule": true, "Closed": true, "Problem": true,
	"Variant": true, "Withheld": true, "A": true, "B": true, "Plan": true}

func invented(v reflect.Value, path string, words map[string]bool) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return invented(v.Elem(), path, words)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := invented(v.Index(i), fmt.Sprintf("%s[%d]", path, i), words); err != nil {
				return err
			}
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return nil
		}
		if v.Type() == reflect.TypeFor[Score]() && v.FieldByName("Code").String() != "" {
			words[v.FieldByName("Text").String()] = true // the label of a coded variable is ours
		}
		if v.Type() == reflect.TypeFor[Proposal]() { // of a wish that has no words: ours, and what it is about
			text := v.FieldByName("Text").String()
			if _, about, ok := strings.Cut(text, ": "); ok && words[about] {
				words[text] = true
			}
		}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || derivedWords[f.Name] {
				continue
			}
			if err := invented(v.Field(i), path+"."+f.Name, words); err != nil {
				return err
			}
		}
	case reflect.String:
		for _, part := range strings.Split(v.String(), "\n") { // notes of one contact from several messages
			if part != "" && !words[part] {
				return fmt.Errorf("%s shows %q, which no record says", path, part)
			}
		}
	}
	return nil
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
