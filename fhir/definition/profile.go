package definition

import (
	"sort"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// Profile is what a profile demands beyond the type or profile that it builds on.
type Profile struct {
	URL  string
	Type string // resource or data type
	base string
	root *rule
}

// unsaid is the max of a rule that says nothing about it; the min is -1 then.
const unsaid = -2

// rule is what a profile says about one element or one slice of it.
type rule struct {
	name           string // "medication[x]"; of a slice the slice's name
	min, max       int
	types          []typeRule
	fixed, pattern *fhir.Node
	binding        Binding
	discriminators []discriminator
	closed         bool
	slices         []*rule
	children       []*rule
}

type typeRule struct {
	code     string
	profiles []string
}

type discriminator struct{ kind, path string }

// at finds or makes the rule of an element id: "Patient.identifier:FNR.system".
func (r *rule) at(id string) *rule {
	_, rest, _ := strings.Cut(id, ".")
	for step := range strings.SplitSeq(rest, ".") {
		if step == "" {
			continue
		}
		name, slice, sliced := strings.Cut(step, ":")
		r = find(&r.children, name)
		if sliced {
			r = find(&r.slices, slice)
		}
	}
	return r
}

func find(list *[]*rule, name string) *rule {
	for _, r := range *list {
		if r.name == name {
			return r
		}
	}
	r := &rule{name: name, min: -1, max: unsaid}
	*list = append(*list, r)
	return r
}

// below follows a discriminator's path; nil when the profile says nothing there.
func (r *rule) below(path string) *rule {
	for step := range strings.SplitSeq(path, ".") {
		var next *rule
		for _, c := range r.children {
			if c.name == step {
				next = c
			}
		}
		if next == nil {
			return nil
		}
		r = next
	}
	return r
}

// Profile returns the profile of a canonical URL (a version after "|" is ignored), nil when unknown.
func (s *Set) Profile(url string) *Profile {
	url, _, _ = strings.Cut(url, "|")
	return s.profiles[url]
}

// ProfilesFor lists the known profiles of a type, sorted by URL.
func (s *Set) ProfilesFor(typ string) []*Profile {
	var out []*Profile
	for _, p := range s.profiles {
		if p.Type == typ {
			out = append(out, p)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].URL < out[j].URL })
	return out
}

// CheckProfile holds a resource or data type value against a profile and the known profiles it builds
// on: cardinalities, fixed values and patterns, types of a choice, slices told apart by value, pattern
// or type, required bindings, and profiles of data types. R4 itself is Check's. Slices whose
// discriminator the profile leaves open, and profiles that are not in the tables (those of extensions),
// are not checked. It returns nil when all is well.
func (s *Set) CheckProfile(n *fhir.Node, p *Profile) []Issue {
	c := profileCheck{checker: checker{Set: s}}
	c.whole(p, n, root(p.Type))
	return c.list
}

// CheckDeclared holds every resource inside n (itself, contained ones, entries) against the profiles that
// its meta.profile names, as far as they are known.
func (s *Set) CheckDeclared(n *fhir.Node) []Issue {
	c := profileCheck{checker: checker{Set: s}}
	c.declared(n, root(quoteless(n.Get("resourceType").Text())))
	return c.list
}

func (c *profileCheck) declared(n *fhir.Node, at *place) {
	for i, v := range n.Items() {
		c.declared(v, at.item(i))
	}
	if n.Get("resourceType") != nil {
		for _, url := range n.At("meta.profile").Items() {
			if p := c.Profile(url.Text()); p != nil && p.Type == n.Get("resourceType").Text() {
				c.whole(p, n, at)
			}
		}
	}
	for _, key := range n.Keys() {
		if v := n.Get(key); v.IsObject() || v.IsArray() {
			c.declared(v, at.child(quoteless(key)))
		}
	}
}
