package careplan

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestReadEndsIsWhatJSONSays: the fast way reads what encoding/json reads, of every plan as it is written and of the same one written in
// another way.
func TestReadEndsIsWhatJSONSays(t *testing.T) {
	t.Parallel()
	stays, dead := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		p := Fold(drawWorld(rt).Records)
		if rapid.Bool().Draw(rt, "dead") {
			p.Person.Deceased = &Value{Text: "true", From: []string{"a"}}
		}
		body := p.JSON()
		want, err := readEndsAnyhow(body)
		if err != nil {
			rt.Fatal(err)
		}
		var any map[string]any
		if err := json.Unmarshal(body, &any); err != nil {
			rt.Fatal(err)
		}
		spread, err := json.MarshalIndent(any, " ", "\t")
		if err != nil {
			rt.Fatal(err)
		}
		for _, b := range [][]byte{body, spread} {
			r := reader{s: string(b)}
			if got := r.ends(); !r.end() || !reflect.DeepEqual(got, want) {
				rt.Fatalf("%+v, want %+v", got, want)
			}
		}
		stays += len(want.Stays)
		if want.Deceased {
			dead++
		}
	})
	if stays == 0 || dead == 0 {
		t.Errorf("%d stays and %d dead: nothing was compared", stays, dead)
	}
}

func TestReadEndsOddly(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{", `{"stays":7}`, `{"stays":[{"status":3}]}`, `[]`, `{"person":{"deceased":{}`, `{} {}`} {
		if e, err := ReadEnds([]byte(body)); err == nil {
			t.Errorf("%s gives %+v", body, e)
		}
	}
	for _, body := range []string{`{}`, `{"stays":null,"person":null}`, `{"person":{"deceased":null}}`} {
		if e, err := ReadEnds([]byte(body)); err != nil || e.Deceased || e.Before(time.Now()) {
			t.Errorf("%s gives %+v, %v", body, e, err)
		}
	}
}

func TestEndsBefore(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	done, early, late := "finished", "2026-02-28T10:00:00+01:00", "2026-03-01T10:00:00+01:00"
	for name, c := range map[string]struct {
		e    Ends
		want bool
	}{
		"nothing is known":          {Ends{}, false},
		"dead":                      {Ends{Deceased: true, Stays: []Span{{"in-progress", ""}}}, true},
		"over":                      {Ends{Stays: []Span{{done, early}, {"cancelled", ""}}}, true},
		"over since too short":      {Ends{Stays: []Span{{done, early}, {done, late}}}, false},
		"one goes on":               {Ends{Stays: []Span{{done, early}, {"in-progress", ""}}}, false},
		"courses count, not stays":  {Ends{Courses: []Span{{done, early}}, Stays: []Span{{"in-progress", ""}}}, true},
		"a course goes on":          {Ends{Courses: []Span{{"active", ""}}, Stays: []Span{{done, early}}}, false},
		"an end that is no time":    {Ends{Stays: []Span{{done, "soon"}}}, true},
		"entered in error, no time": {Ends{Courses: []Span{{"entered-in-error", ""}}}, true},
	} {
		if got := c.e.Before(at); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func BenchmarkReadEnds(b *testing.B) {
	var body []byte
	rapid.Check(b, func(rt *rapid.T) {
		if one := Fold(drawWorld(rt).Records).JSON(); len(one) > len(body) {
			body = one
		}
	})
	for name, read := range map[string]func([]byte) (Ends, error){"fast": ReadEnds, "json": readEndsAnyhow} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := read(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
