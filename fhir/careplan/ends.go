package careplan

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Ends is what a stored plan says of its end, see ReadEnds.
type Ends struct {
	Deceased       bool
	Courses, Stays []Span
}

// Span is a stay or a course of care: its status, and its end as RFC 3339, "" where it has none.
type Span struct{ Status, End string }

// ReadEnds reads what a plan, as AppendJSON writes it, says of its end, and passes over the rest. Retention asks it of every plan that was
// changed, so it is several times faster than encoding/json, which has what is written in any other way, and tells what is wrong. What is
// passed over is not checked: the body has a checksum.
func ReadEnds(body []byte) (Ends, error) {
	r := reader{s: string(body)}
	if e := r.ends(); r.end() {
		return e, nil
	}
	return readEndsAnyhow(body)
}

func (r *reader) ends() (e Ends) {
	r.object(func(key string) {
		switch key {
		case "person":
			r.object(func(key string) {
				if v := r.pass(); key == "deceased" {
					e.Deceased = v != "null"
				}
			})
		case "stays":
			r.array(func() { e.Stays = append(e.Stays, r.span()) })
		case "course":
			r.object(func(key string) {
				if key != "courses" {
					r.pass()
					return
				}
				r.array(func() { e.Courses = append(e.Courses, r.span()) })
			})
		default:
			r.pass()
		}
	})
	return e
}

func (r *reader) span() (s Span) {
	r.object(func(key string) {
		switch key {
		case "status":
			s.Status = r.text()
		case "end":
			r.object(func(key string) {
				if key == "text" {
					s.End = r.text()
				} else {
					r.pass()
				}
			})
		default:
			r.pass()
		}
	})
	return s
}

// pass passes over a value and gives its text. Of an object or array it only looks where that ends.
func (r *reader) pass() string {
	r.space()
	start := r.i
	if start >= len(r.s) || r.s[start] != '{' && r.s[start] != '[' {
		return r.skip(0)
	}
	depth := 0
	for i := start; i < len(r.s); i++ {
		switch r.s[i] {
		case '"':
			for i++; i < len(r.s) && r.s[i] != '"'; i++ {
				if r.s[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				r.i = i + 1
				return r.s[start:r.i]
			}
		}
	}
	r.bad = true
	return ""
}

func readEndsAnyhow(body []byte) (Ends, error) {
	type span struct {
		Status string `json:"status"`
		End    *Value `json:"end"`
	}
	var read struct {
		Person struct {
			Deceased *json.RawMessage `json:"deceased"`
		} `json:"person"`
		Stays  []span `json:"stays"`
		Course struct {
			Courses []span `json:"courses"`
		} `json:"course"`
	}
	if err := json.Unmarshal(body, &read); err != nil {
		return Ends{}, fmt.Errorf("read a plan: %w", err)
	}
	spans := func(list []span) (out []Span) {
		for _, s := range list {
			one := Span{Status: s.Status}
			if s.End != nil {
				one.End = s.End.Text
			}
			out = append(out, one)
		}
		return out
	}
	return Ends{Deceased: read.Person.Deceased != nil, Stays: spans(read.Stays), Courses: spans(read.Course.Courses)}, nil
}

// Before tells whether the person is dead, or every course has ended, since before a time. Where no course is known the stays are what could
// end; a plan without either has no end that could be told.
func (e *Ends) Before(at time.Time) bool {
	if e.Deceased {
		return true // the last change is before that time
	}
	all := e.Courses
	if len(all) == 0 {
		all = e.Stays
	}
	return len(all) > 0 && !slices.ContainsFunc(all, func(s Span) bool { return !s.closed(at) })
}

// closed tells whether it is over since before a time.
func (s Span) closed(before time.Time) bool {
	if s.Status != "finished" && s.Status != "cancelled" && s.Status != "entered-in-error" {
		return false
	}
	at, err := time.Parse(time.RFC3339, s.End)
	return err != nil || at.Before(before)
}
