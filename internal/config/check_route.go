package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
)

// route checks rule number n, from 0.
func (c *checker) route(r *Route, n int) {
	at := fmt.Sprintf("routes[%d]", n)
	if r.Name == "" {
		r.Name = fmt.Sprintf("rule %d", n+1)
	}
	if first, taken := c.owners["route\x00"+r.Name]; taken {
		c.report(at+".name", CodeDuplicate, "has the same name as "+first, "the trace shows names: give each rule its own")
	} else {
		c.owners["route\x00"+r.Name] = at
	}
	c.kinds(r.Kinds, at+".kinds")
	for i, m := range r.Municipality {
		c.number(fmt.Sprintf("%s.municipality[%d]", at, i), m)
	}
	for i, from := range r.From {
		if !slices.Contains(c.ids, from) && !slices.Contains(c.roles, from) {
			c.report(fmt.Sprintf("%s.from[%d]", at, i), CodeUnknownParty, fmt.Sprintf("no party and no party's role is %q", from),
				meant(from, slices.Concat(c.ids, c.roles)))
		}
	}
	selectors := []string{"addressees", "copies", "municipality", "gp", "team"}
	for i, to := range r.To {
		if !slices.Contains(c.ids, to) && !slices.Contains(selectors, to) {
			c.report(fmt.Sprintf("%s.to[%d]", at, i), CodeUnknownParty, fmt.Sprintf("no party is %q", to), meant(to, slices.Concat(c.ids, selectors)))
		}
	}
	if _, there := c.lines[at+".to"]; there && len(r.To) == 0 {
		c.report(at+".to", CodeEmpty, "names nobody", "name receivers, or take the rule out")
	}
}

// knownKinds are the message kinds somebody may mean when they mistype one. Kinds that are not here
// are possible too: formats grow.
func knownKinds() []string {
	var out []string
	for _, k := range samvirke.Kinds() {
		out = append(out, k.Code)
	}
	return out
}

// kinds checks kind patterns: a star only at the end, and nothing that is a slip of a known kind.
func (c *checker) kinds(kinds []string, at string) {
	known := knownKinds()
	for i, k := range kinds {
		place := fmt.Sprintf("%s[%d]", at, i)
		prefix, star := strings.CutSuffix(k, "*")
		switch {
		case k == "" || strings.Contains(prefix, "*"):
			c.report(place, CodeValue, fmt.Sprintf("%q is no kind", k), "write a whole kind, or its beginning and a star at the end")
		case star:
			if !slices.ContainsFunc(known, func(s string) bool { return strings.HasPrefix(s, prefix) }) {
				c.report(place, CodeValue, fmt.Sprintf("no kind begins with %q", prefix), "take the beginning of a kind, for instance LOG_*")
			}
		case !slices.Contains(known, k):
			if s := suggest(k, known); s != "" {
				c.report(place, CodeValue, fmt.Sprintf("no kind is %q", k), fmt.Sprintf("did you mean %q?", s))
			}
		}
	}
}
