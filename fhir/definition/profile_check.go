package definition

import (
	"fmt"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// profileCheck is one run against a profile.
type profileCheck struct{ checker }

// instance is one value of an element: extra is its "_" sibling, typ the type that the key of a
// choice names, "" outside choices.
type instance struct {
	value, extra *fhir.Node
	typ          string
	at           *place
}

// inner is where the instance's own elements stand.
func (i instance) inner() *fhir.Node {
	if i.value.IsObject() {
		return i.value
	}
	return i.extra
}

// whole checks a value against a profile, what the profile builds on first. Profiles are written in
// the tables; one that builds on itself would be a broken table.
func (c *profileCheck) whole(p *Profile, n *fhir.Node, at *place) {
	for depth := 0; p != nil && depth < 8; depth++ {
		outer := c.profile
		c.profile = p.URL
		c.one(p.root, instance{value: n, at: at})
		c.profile = outer
		p = c.profiles[p.base]
	}
}

// one checks a single value against a rule: its own value, then its elements.
func (c *profileCheck) one(r *rule, i instance) {
	if c.full() {
		return
	}
	if r.fixed != nil && !sameValue(r.fixed, i.value, false) {
		c.add(i.at, CodeFixed, "must be the value that the profile fixes")
	}
	if r.pattern != nil && !sameValue(r.pattern, i.value, true) {
		c.add(i.at, CodePattern, "must hold what the profile's pattern demands")
	}
	c.bound(r.binding, i.value, i.at)
	c.typed(r, i)
	for _, child := range r.children {
		c.all(child, instances(i.inner(), child.name, i.at), i.at)
	}
}

// typed checks the variant of a choice and the profiles of a data type: one of them must fit.
func (c *profileCheck) typed(r *rule, i instance) {
	if len(r.types) == 0 {
		return
	}
	for _, t := range r.types {
		if i.typ != "" && !strings.EqualFold(i.typ, t.code) {
			continue
		}
		var known []*Profile
		for _, url := range t.profiles {
			if p := c.profiles[url]; p != nil {
				known = append(known, p)
			}
		}
		if len(known) < len(t.profiles) || len(known) == 0 {
			return // one that is not known may be the one that fits
		}
		c.anyOf(known, i)
		return
	}
	if i.typ != "" {
		c.add(i.at, CodeChoice, "the profile does not allow this type")
	}
}

func (c *profileCheck) anyOf(known []*Profile, i instance) {
	var first []Issue
	for _, p := range known {
		try := profileCheck{checker: checker{Set: c.Set}}
		try.whole(p, i.value, i.at)
		if len(try.list) == 0 {
			return
		}
		if first == nil {
			first = try.list
		}
	}
	for _, issue := range first {
		if !c.full() {
			c.list = append(c.list, issue)
		}
	}
}

// all checks the values of one element: how many, each one, and its slices.
func (c *profileCheck) all(r *rule, list []instance, at *place) {
	c.count(r, len(list), at.child(r.name))
	for _, i := range list {
		c.one(r, i)
	}
	if len(r.slices) == 0 {
		return
	}
	open := !r.closed
	counts := make([]int, len(r.slices))
	for _, i := range list {
		taken := false
		for k, s := range r.slices {
			fits, decided := c.fits(r.discriminators, s, i)
			if !decided {
				open, counts[k] = true, unsaid
				continue
			}
			if fits && !taken {
				taken = true
				counts[k]++
				c.one(s, i)
			}
		}
		if !taken && !open {
			c.add(i.at, CodeSlice, "fits none of the slices that the profile allows")
		}
	}
	for k, s := range r.slices {
		if counts[k] >= 0 && (len(list) > 0 || c.decidable(r.discriminators, s)) {
			c.count(s, counts[k], at.child(r.name+":"+s.name))
		}
	}
}

func (c *profileCheck) count(r *rule, n int, at *place) {
	switch {
	case n < r.min:
		c.add(at, CodeMissing, fmt.Sprintf("must stand at least %d times", r.min))
	case r.max >= 0 && n > r.max:
		c.add(at, CodeTooMany, fmt.Sprintf("may stand at most %d times", r.max))
	}
}

// fits tells whether a value belongs to a slice; decided is false when the profile does not say
// enough to tell.
func (c *profileCheck) fits(ds []discriminator, s *rule, i instance) (fits, decided bool) {
	if len(ds) == 0 {
		return false, false
	}
	for _, d := range ds {
		fits, decided := c.fitsOne(d, s, i)
		if !decided || !fits {
			return false, decided
		}
	}
	return true, true
}

func (c *profileCheck) decidable(ds []discriminator, s *rule) bool {
	_, decided := c.fits(ds, s, instance{})
	return decided
}

func (c *profileCheck) fitsOne(d discriminator, s *rule, i instance) (fits, decided bool) {
	switch d.kind {
	case "type":
		if d.path != "$this" || len(s.types) == 0 {
			return false, false
		}
		for _, t := range s.types {
			fits = fits || strings.EqualFold(t.code, i.typ)
		}
		return fits, true
	case "value", "pattern":
	default:
		return false, false
	}
	if d.path == "url" && len(s.types) == 1 && len(s.types[0].profiles) == 1 {
		return i.value.Get("url").Text() == s.types[0].profiles[0], true
	}
	target, values := s, []*fhir.Node{i.value}
	if d.path != "$this" {
		target = s.below(d.path)
		values = reach(i.value, d.path)
	}
	if target == nil {
		return false, false
	}
	var test func(*fhir.Node) bool
	switch set := c.values[target.binding.ValueSet]; {
	case target.fixed != nil:
		test = func(v *fhir.Node) bool { return sameValue(target.fixed, v, false) }
	case target.pattern != nil:
		test = func(v *fhir.Node) bool { return sameValue(target.pattern, v, true) }
	case target.binding.Strength == "required" && set != nil:
		test = func(v *fhir.Node) bool { return !v.IsNull() && set.holds(v) }
	default:
		return false, false
	}
	for _, v := range values {
		if test(v) {
			return true, true
		}
	}
	return false, true
}

// reach gives all values at a path, through arrays.
func reach(n *fhir.Node, path string) []*fhir.Node {
	list := []*fhir.Node{n}
	for step := range strings.SplitSeq(path, ".") {
		var next []*fhir.Node
		for _, v := range list {
			switch v = v.Get(step); {
			case v.IsArray():
				next = append(next, v.Items()...)
			case v != nil:
				next = append(next, v)
			}
		}
		list = next
	}
	return list
}

// instances lists the values of an element; name ends in [x] for all variants of a choice.
func instances(n *fhir.Node, name string, at *place) []instance {
	base, choice := strings.CutSuffix(name, "[x]")
	if !choice {
		return under(n, name, "", at)
	}
	var out []instance
	seen := map[string]bool{}
	for _, key := range n.Keys() {
		key = strings.TrimPrefix(key, "_")
		typ, ok := strings.CutPrefix(key, base)
		if ok && !seen[key] && typ != "" && typ[0] >= 'A' && typ[0] <= 'Z' {
			seen[key] = true
			out = append(out, under(n, key, typ, at)...)
		}
	}
	return out
}

func under(n *fhir.Node, key, typ string, at *place) []instance {
	v, extra := n.Get(key), n.Get("_"+key)
	if v == nil && extra == nil {
		return nil
	}
	at = at.child(key)
	if !v.IsArray() && !extra.IsArray() {
		return []instance{{value: v, extra: extra, typ: typ, at: at}}
	}
	var out []instance
	for i := range max(len(v.Items()), len(extra.Items())) {
		out = append(out, instance{value: item(v, i), extra: item(extra, i), typ: typ, at: at.item(i)})
	}
	return out
}

// sameValue compares without regard to the order of keys. With pattern, got may hold more than want:
// other keys, and other items in any order.
func sameValue(want, got *fhir.Node, pattern bool) bool {
	switch {
	case want.IsObject():
		if !got.IsObject() || !pattern && len(want.Keys()) != len(got.Keys()) {
			return false
		}
		for _, k := range want.Keys() {
			if !sameValue(want.Get(k), got.Get(k), pattern) {
				return false
			}
		}
		return true
	case want.IsArray():
		if !got.IsArray() || !pattern && len(want.Items()) != len(got.Items()) {
			return false
		}
		for i, w := range want.Items() {
			if !pattern && !sameValue(w, got.Items()[i], false) || pattern && !holdsItem(w, got) {
				return false
			}
		}
		return true
	}
	return want.IsString() == got.IsString() && want.IsBool() == got.IsBool() && want.IsNumber() == got.IsNumber() && want.Text() == got.Text()
}

func holdsItem(want, list *fhir.Node) bool {
	for _, g := range list.Items() {
		if sameValue(want, g, true) {
			return true
		}
	}
	return false
}
