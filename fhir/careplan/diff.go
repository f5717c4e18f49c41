package careplan

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"strconv"
	"strings"
)

// Change is one visible difference between two versions of a plan.
type Change struct {
	// Path names the value for machines: list, id of the item, field.
	Path string `json:"path"`
	// Label names it for people.
	Label string `json:"label"`
	// Old is "" for what is new, New is "" for what is gone.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
	// From are the sources of the new value, of the old one when it is gone.
	From []string `json:"from,omitempty"`
}

// Diff lists what a reader sees differently: first what is new or changed in the order of the
// new plan, then what is gone in the order of the old one. Either may be nil.
func Diff(old, new *Plan) []Change {
	before := map[string]leaf{}
	for _, l := range leaves(old) {
		before[l.path] = l
	}
	var out []Change
	kept := map[string]bool{}
	for _, l := range leaves(new) {
		o, ok := before[l.path]
		kept[l.path] = true
		if ok && o.text == l.text {
			continue
		}
		out = append(out, Change{Path: l.path, Label: l.label, Old: o.text, New: l.text, From: l.from})
	}
	for _, l := range leaves(old) {
		if !kept[l.path] {
			out = append(out, Change{Path: l.path, Label: l.label, Old: l.text, From: l.from})
		}
	}
	return out
}

// SamePlan tells whether two versions show the same: nobody needs to be told of the second.
//
// It leaves out what a reader of the plan does not see as content: History, Sources and the From
// lists. So a repeated fact from a further message is the same plan, but it is a new version to
// store, because provenance changed: a version is stored when JSON differs, and told when
// SamePlan is false. A duplicate message changes neither.
func SamePlan(a, b *Plan) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a == b || a.Shown() == b.Shown()
}

// Shown is a digest of what SamePlan compares: plans with equal digests show the same. The zero digest
// is that of no plan. It is the same walk as leaves without the cost of naming each, and the words go
// into the digest as they come.
func (p *Plan) Shown() (sum [sha256.Size]byte) {
	if p == nil {
		return sum
	}
	l := &leafList{digest: sha256.New(), flat: make([]byte, 0, flatSize)}
	l.walk(p)
	l.digest.Write(l.flat)
	l.digest.Sum(sum[:0])
	return sum
}

// Bare tells whether no live message stands behind the plan: every one that does has its sender in the team. A withdrawal
// that came before what it withdraws is on record and flagged, but there is nothing that anybody is to be told of.
//
// Source: careplan.md sections 5.1 and 12 (S2).
func (p *Plan) Bare() bool {
	return p == nil || len(p.Team) == 0 && p.Person.Deceased == nil && p.Shared == nil && p.Rights == nil && p.Course == nil
}

// flatSize is how many bytes of words are gathered before they go into the digest.
const flatSize = 2 << 10

// leaf is one visible value of a plan.
type leaf struct {
	path, label, text string
	from              []string
}

type leafList struct {
	list   []leaf
	used   map[string]int
	digest hash.Hash // when not nil, leaves go here, through flat
	flat   []byte
}

// item is one item of a list, to which its values are added.
type item struct {
	l           *leafList
	base, label string
}

// item opens one item of a list, for people label and name; items without an id of their own are named
// by what they say, and by number when several say the same.
func (l *leafList) item(list, label, name string, id ...string) item {
	if l.digest != nil {
		l.say(list)
		l.say(id...)
		return item{l: l}
	}
	base := list + "/" + strings.Join(id, " ")
	n := l.used[base]
	l.used[base]++
	if n > 0 {
		base += "~" + strconv.Itoa(n)
	}
	return item{l, base, label + name}
}

// add adds a value under a field; an empty one is not shown.
func (i item) add(field, text string, from []string) {
	switch {
	case text == "":
	case i.l.digest != nil:
		i.l.say(field)
		i.l.say(text)
	default:
		i.leaf(field, text, from)
	}
}

// addOf adds a value whose field is two words.
func (i item) addOf(field, of, text string, from []string) {
	switch {
	case text == "":
	case i.l.digest != nil:
		i.l.say(field, of)
		i.l.say(text)
	default:
		i.leaf(field+" "+of, text, from)
	}
}

func (i item) leaf(field, text string, from []string) {
	l := i.l
	lab := i.label
	if field != "" {
		lab = strings.TrimSpace(lab + " · " + field)
	}
	path := i.base + "/" + strings.ReplaceAll(field, " ", "-")
	n := l.used[path]
	l.used[path]++
	if n > 0 {
		path += "~" + strconv.Itoa(n)
	}
	l.list = append(l.list, leaf{path: path, label: lab, text: text, from: from})
}

// value adds a value that may be missing.
func (i item) value(field string, v *Value) {
	if v != nil {
		i.add(field, v.Text, v.From)
	}
}

// say writes words as one, with the length in front so that no two different plans say the same.
func (l *leafList) say(words ...string) {
	n := max(0, len(words)-1)
	for _, w := range words {
		n += len(w)
	}
	if len(l.flat)+n+binary.MaxVarintLen64 > flatSize {
		l.digest.Write(l.flat)
		l.flat = l.flat[:0]
	}
	l.flat = binary.AppendUvarint(l.flat, uint64(n))
	for i, w := range words {
		if i > 0 {
			l.flat = append(l.flat, ' ')
		}
		l.flat = append(l.flat, w...)
	}
}

// words joins two words, either of which may be missing.
func words(a, b string) string {
	switch {
	case b == "":
		return strings.TrimSpace(a)
	case a == "":
		return strings.TrimSpace(b)
	}
	return strings.TrimSpace(a + " " + b)
}

// leaves lists every visible value of a plan in its order.
func leaves(p *Plan) []leaf {
	if p == nil {
		return nil
	}
	l := &leafList{used: map[string]int{}}
	l.walk(p)
	return l.list
}
