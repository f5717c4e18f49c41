package careplan

import "encoding/json"

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
		c.More = parseMore(text)
	}
}

// rare gives the rare part of what a message states, made when there is none yet.
func (c *content) rare() *more {
	if c.More == nil {
		c.More = &more{}
	}
	return c.More
}
