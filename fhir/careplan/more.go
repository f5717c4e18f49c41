package careplan

import (
	"encoding/json"
	"strings"
)

// more is what only few messages state. It is kept as JSON inside a record's content: the messages of the
// hot path have none of it and pay nothing for it.
type more struct {
	Shared *sharedFacts `json:"sh,omitempty"`
	Rights *rightsFacts `json:"ri,omitempty"`
	Course *courseFacts `json:"co,omitempty"`
	// Elements are the resources of a message that the REST API made, as they were written.
	Elements []elementFact `json:"el,omitempty"`
}

// json gives what is stored.
func (m *more) json() string {
	raw, err := json.Marshal(m)
	if err != nil {
		return "{}" // cannot happen: it holds strings, numbers and times only
	}
	return string(raw)
}

// parseMore reads what json gave; what cannot be read states nothing.
func parseMore(text string) *more {
	m := &more{}
	if json.Unmarshal([]byte(text), m) != nil {
		return nil
	}
	return m
}

// more writes the rare part of a message's content.
func (e *encoder) more(m *more) {
	if m == nil {
		return
	}
	e.key("x")
	e.b = append(e.b, m.json()...)
}

// more keeps the rare part as one word.
func (k *packer) more(c *content) {
	has := c.More != nil
	k.flag(&has)
	switch {
	case !has:
		c.More = nil
	case k.write:
		text := c.More.json()
		k.text(&text)
	default:
		var text string
		k.text(&text)
		c.More = k.rare.parse(text)
	}
}

// Bounds of the rare parts that a Scratch keeps parsed.
const (
	maxRareParts = 256
	maxRareBytes = 1 << 20 // of their text
)

// rareParts are the rare parts unpacked last, so that each is parsed once and not for every message that its
// person gets. Nobody changes what was parsed.
type rareParts struct {
	known map[string]*more
	size  int
}

func (p *rareParts) parse(text string) *more {
	if p == nil {
		return parseMore(text)
	}
	if m, ok := p.known[text]; ok {
		return m
	}
	if p.known == nil || len(p.known) >= maxRareParts || p.size+len(text) > maxRareBytes {
		p.known, p.size = map[string]*more{}, 0
	}
	m := parseMore(text)
	p.known[strings.Clone(text)] = m // the text itself is part of a whole person's
	p.size += len(text)
	return m
}

// rare gives the rare part of what a message states, made when there is none yet.
func (c *content) rare() *more {
	if c.More == nil {
		c.More = &more{}
	}
	return c.More
}
