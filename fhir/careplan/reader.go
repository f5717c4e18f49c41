package careplan

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/samvirke/samvirke"
)

// reader reads the JSON of records. It is much faster than encoding/json because it knows the
// shape, and every plan change reads all records of a person. It is made for what json.Marshal
// writes for a Record and nothing else; what it does not understand sets bad, and the caller then
// asks encoding/json, which also gives the error.
type reader struct {
	s   string
	i   int
	bad bool
}

// maxSkip bounds the nesting of values that a reader skips; records nest far less.
const maxSkip = 32

func (r *reader) space() {
	for r.i < len(r.s) {
		switch r.s[r.i] {
		case ' ', '\t', '\n', '\r':
			r.i++
		default:
			return
		}
	}
}

// next skips white space and takes c when it comes next.
func (r *reader) next(c byte) bool {
	r.space()
	if r.i < len(r.s) && r.s[r.i] == c {
		r.i++
		return true
	}
	return false
}

// object calls field for every key; field must read the value.
func (r *reader) object(field func(key string)) {
	if !r.next('{') {
		r.bad = true
		return
	}
	if r.next('}') {
		return
	}
	for !r.bad {
		key := r.text()
		if !r.next(':') {
			r.bad = true
			return
		}
		field(key)
		if r.next('}') {
			return
		}
		if !r.next(',') {
			r.bad = true
		}
	}
}

// array calls item for every element; item must read it.
func (r *reader) array(item func()) {
	if !r.next('[') {
		r.bad = true
		return
	}
	if r.next(']') {
		return
	}
	for !r.bad {
		item()
		if r.next(']') {
			return
		}
		if !r.next(',') {
			r.bad = true
		}
	}
}

// text reads a string. Without escapes it is a part of the record's own text, not a copy.
func (r *reader) text() string {
	if !r.next('"') {
		r.bad = true
		return ""
	}
	start := r.i
	end := strings.IndexByte(r.s[start:], '"')
	if end < 0 {
		r.bad = true
		return ""
	}
	t := r.s[start : start+end]
	if strings.IndexByte(t, '\\') < 0 {
		r.i = start + end + 1
		plain := true
		for i := range len(t) {
			if t[i] < 0x20 {
				r.bad = true
			}
			plain = plain && t[i] < utf8.RuneSelf
		}
		if !plain && !utf8.ValidString(t) {
			r.bad = true
		}
		return t
	}
	return r.escaped(start)
}

// escaped reads a string with escapes, from its first character.
func (r *reader) escaped(start int) string {
	i := start
	for i < len(r.s) && r.s[i] != '"' {
		if r.s[i] == '\\' {
			i++
		}
		i++
	}
	if i >= len(r.s) {
		r.bad = true
		return ""
	}
	var out string
	if err := json.Unmarshal([]byte(r.s[start-1:i+1]), &out); err != nil {
		r.bad = true
	}
	r.i = i + 1
	return out
}

func (r *reader) texts() (out []string) {
	r.array(func() { out = append(out, r.text()) })
	return out
}

func (r *reader) boolean() bool {
	r.space()
	switch {
	case strings.HasPrefix(r.s[r.i:], "true"):
		r.i += 4
		return true
	case strings.HasPrefix(r.s[r.i:], "false"):
		r.i += 5
	default:
		r.bad = true
	}
	return false
}

func (r *reader) time() time.Time {
	t, err := time.Parse(time.RFC3339Nano, r.text())
	if err != nil {
		r.bad = true
	}
	return t
}

// skip passes over one value and returns its text.
func (r *reader) skip(depth int) string {
	r.space()
	start := r.i
	if depth > maxSkip || r.i >= len(r.s) {
		r.bad = true
		return ""
	}
	switch r.s[r.i] {
	case '{':
		r.object(func(string) { r.skip(depth + 1) })
	case '[':
		r.array(func() { r.skip(depth + 1) })
	case '"':
		r.text()
	default:
		for r.i < len(r.s) && strings.IndexByte(",]} \t\r\n", r.s[r.i]) < 0 {
			r.i++
		}
		if !json.Valid([]byte(r.s[start:r.i])) {
			r.bad = true
		}
	}
	return r.s[start:r.i]
}

// end tells whether all went well and nothing is left.
func (r *reader) end() bool {
	r.space()
	return !r.bad && r.i == len(r.s)
}

// record reads a Record with its content.
func (r *reader) record() (out Record) {
	r.object(func(key string) {
		switch key {
		case "key":
			r.object(func(key string) {
				switch key {
				case "sender":
					out.Key.Sender = r.text()
				case "message_id":
					out.Key.MessageID = r.text()
				default:
					r.skip(0)
				}
			})
		case "hash":
			out.Hash = r.text()
		case "chain":
			r.object(func(key string) {
				switch key {
				case "conversation":
					out.Chain.Conversation = r.text()
				case "parent":
					out.Chain.Parent = r.text()
				case "op":
					out.Chain.Op = samvirke.Op(r.text())
				default:
					r.skip(0)
				}
			})
		case "subject":
			out.Subject = r.text()
		case "kind":
			out.Kind = r.text()
		case "event":
			out.Event = r.time()
		case "sent":
			out.Sent = r.time()
		case "received":
			out.Receive = r.time()
		case "message_id":
			out.MessageID = r.text()
		case "sender_name":
			out.SenderName = r.text()
		case "author":
			out.Author = r.text()
		case "original":
			out.Original = r.texts()
		case "no_forwarding":
			out.NoForwarding = r.boolean()
		case "seen":
			out.Seen = r.texts()
		case "roles":
			out.Roles = r.texts()
		case "mapping":
			out.Mapping = r.text()
		case "content":
			r.space()
			start := r.i
			out.facts = r.content()
			out.Content = json.RawMessage(r.s[start:r.i])
		default:
			r.skip(0)
		}
	})
	return out
}
