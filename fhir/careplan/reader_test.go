package careplan

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// slowRecord reads a record with encoding/json alone.
func slowRecord(raw []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, err
	}
	r.facts = &content{}
	return r, json.Unmarshal(r.Content, r.facts)
}

// full is a content with every field set, so that a field the reader forgot shows.
func full() *content {
	c := coded{Text: "t <&> \"x\"\n\u2028", Code: "c", System: "s"}
	return &content{
		To: []org{{"h", "i", "n", true}, {}}, From: &org{"h", "i", "n", true},
		Person: &person{"n", "b", "x", "a", "f", "d"}, Events: []event{{"c", "t", "w", true, "n", "p"}}, Out: &c, Dead: true,
		Diagnoses: []diagnosis{{c, true}}, Goals: []goal{{"t", &c, "d", "b", "y"}},
		Measures: []measure{{"r", []string{"i", "j"}, "t", &c, "k", "e", "w", "n"}},
		Services: []service{{c, "p", true, "b", "d", "a", "n"}},
		Panels:   []panel{{"i", "d", "ds", "n", []score{{c, "v", true, "u", "n", true, &scoreMore{true, "ab", "pb", "c", "s", "ai"}}, {}}, &panelMore{"se", "in", "as", "pr", "de", "fo"}}},
		Checkups: []checkup{{"b", "p", true, "n"}}, Aids: []aid{{c, "k"}}, Contacts: []contactRow{{"k", "n", "r", "rc", []string{"f"}, "o"}},
		Notes: []note{{c, "t"}}, Answers: []answer{{"r", "i", "t", "k", "w", "a"}},
		More: &more{Shared: &sharedFacts{}, Rights: &rightsFacts{}, Course: &courseFacts{}},
	}
}

func TestReaderReadsAll(t *testing.T) {
	v := reflect.ValueOf(full()).Elem()
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Fatalf("the test leaves out %s", v.Type().Field(i).Name)
		}
	}
	raw := encodeContent(full())
	r := reader{s: string(raw)}
	if got := r.content(); !r.end() || !reflect.DeepEqual(got, full()) {
		t.Errorf("read %+v (bad %v)", got, r.bad)
	}
}

// TestReaderAgrees: for generated records the fast and the slow way agree and the fast one is used.
func TestReaderAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, r := range drawWorld(t).Records {
			raw, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			fast := reader{s: string(raw)}
			got := fast.record()
			want, err := slowRecord(raw)
			if err != nil || !fast.end() || !reflect.DeepEqual(got, want) {
				t.Fatalf("fast %+v (bad %v)\nslow %+v %v", got, fast.bad, want, err)
			}
		}
	})
}

// FuzzReader: what the fast reader takes is JSON, and what is written as we write it reads the same
// both ways. (Keys given twice or in other capitals, which encoding/json has its own rules for, are not our writing.)
func FuzzReader(f *testing.F) {
	c := encodeContent(full())
	raw, _ := json.Marshal(Record{Content: c})
	f.Add(raw)
	f.Add([]byte(`{"content":{},"x":[1,{"a":null}],"key":{"sender":"\u00e5"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		fast := reader{s: string(raw)}
		got := fast.record()
		if !fast.end() || got.facts == nil {
			return
		}
		if !json.Valid(raw) {
			t.Fatal("took what is no JSON")
		}
		want, err := slowRecord(raw)
		if err != nil {
			return
		}
		if own, err := json.Marshal(want); err != nil || string(own) != string(raw) {
			return
		}
		if a, b := Fold([]Record{got}).JSON(), Fold([]Record{want}).JSON(); string(a) != string(b) {
			t.Fatalf("reads otherwise:\n%s\n%s", a, b)
		}
	})
}

// TestPlainText: entities are replaced each at its place, none is made of two others, and lines are cut at
// the ends of blocks.
func TestPlainText(t *testing.T) {
	t.Parallel()
	entities := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#39;", "'", "&apos;", "'", "&#160;", " ", "&nbsp;", " ", "&amp;", "&")
	blocks := strings.NewReplacer("<br/>", "\n", "</p>", "\n", "<b>", "")
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"&lt;", "&gt;", "&quot;", "&#39;", "&apos;", "&#160;", "&nbsp;", "&amp;",
			"&", "lt;", "x", "å", "&&", ";", " ", "\n", "<br/>", "</p>", "<b>"})).Draw(t, "s"), "")
		var want []string
		for _, l := range strings.Split(entities.Replace(blocks.Replace(s)), "\n") {
			if l = strings.TrimSpace(l); l != "" {
				want = append(want, l)
			}
		}
		if got := plainText(s); got != strings.Join(want, "\n") {
			t.Fatalf("%q gives %q, want %q", s, got, strings.Join(want, "\n"))
		}
	})
}
