package careplan

import (
	"cmp"
	"slices"
	"strings"
)

// saidTalk is a message between people in one live record.
type saidTalk struct {
	talk
	r *rec
}

// maxThread bounds how far a thread of answers is followed back. Unit: messages.
const maxThread = 50

// dialogue lists the messages between people. Those of the national dialogue kinds belong to the plan only
// when they answer something of it or name an item of it.
//
// Source: careplan.md section 3.1.
func (c *courseFold) dialogue() {
	if len(c.talks) == 0 {
		return
	}
	byID := map[string][]*rec{}
	for _, r := range c.f.live {
		byID[r.Key.MessageID] = append(byID[r.Key.MessageID], r)
	}
	for i := range c.talks {
		t := &c.talks[i]
		if c.withheld(t) {
			continue
		}
		d := Dialogue{Text: t.Text, By: t.r.Key.Sender, To: t.To, Category: t.Category, From: []string{t.r.key}}
		if t.r.Kind == "DIALOG_AVVIK" {
			d.Category = "avvik"
		}
		if len(d.To) == 0 {
			for _, o := range t.r.facts.To {
				if o.HER != "" {
					d.To = append(d.To, o.HER)
				}
			}
		}
		if d.At = parseMoment(t.At).effectiveAt(t.r).UTC(); t.At == "" {
			d.At = t.r.order
		}
		parent := parentOf(t.r, t.Answers, byID)
		if parent != nil {
			d.Message = parent.key
		}
		d.About = c.about(t.About, t.r, parent, byID)
		if d.About == "" && d.Message == "" && strings.HasPrefix(t.r.Kind, "DIALOG_") {
			continue
		}
		d.ID = shortID("dialogue", t.r.Key.Sender, t.r.line.conversation, t.r.Key.MessageID, d.Text, formatTime(d.At))
		if t.Name != "" {
			d.ID = ElementID(t.r.Key.Sender, "Communication", t.Name)
		}
		if !slices.ContainsFunc(c.part.Dialogue, func(o Dialogue) bool { return o.ID == d.ID }) {
			c.part.Dialogue = append(c.part.Dialogue, d)
		}
	}
	slices.SortFunc(c.part.Dialogue, func(a, b Dialogue) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) })
}

// withheld: a deviation is between professionals and not shown to the person. Source: careplan.md section 2.
func (c *courseFold) withheld(t *saidTalk) bool {
	v := c.f.o.Viewer
	return v != nil && v.Patient && (t.r.Kind == "DIALOG_AVVIK" || t.Category == "avvik" || t.Category == "deviation")
}

// parentOf is the live message that a message answers; nil when it names none, or an id that several
// senders have used.
func parentOf(r *rec, answers string, byID map[string][]*rec) *rec {
	for _, id := range []string{answers, r.Chain.Parent, r.Chain.Conversation} {
		if list := byID[id]; id != "" && len(list) == 1 && list[0] != r {
			return list[0]
		}
	}
	return nil
}

// about is the item a message is about: the one it names, else that of the thread it answers, else the
// only item of the message it answers.
func (c *courseFold) about(refs []named, r, parent *rec, byID map[string][]*rec) string {
	for range maxThread {
		for _, n := range refs {
			if id := c.item(n, r); id != "" {
				return id
			}
		}
		if parent == nil {
			return ""
		}
		if id := c.onlyItem(parent); id != "" {
			return id
		}
		if !statesCourse(parent) || len(parent.facts.More.Course.Talks) != 1 {
			return ""
		}
		t := parent.facts.More.Course.Talks[0]
		refs, r = t.About, parent
		parent = parentOf(r, t.Answers, byID)
	}
	return ""
}

// onlyItem is the one goal, measure or check-up that a message states, "" when it states none or several.
func (c *courseFold) onlyItem(r *rec) string {
	if len(r.facts.Goals)+len(r.facts.Measures)+len(r.facts.Checkups) != 1 {
		return ""
	}
	for _, g := range c.f.p.Goals {
		if contains(g.From, r.key) {
			return g.ID
		}
	}
	if len(r.facts.Measures) == 1 {
		return measureIDs(r)[0]
	}
	if len(r.facts.Checkups) == 1 {
		return checkupID(r, 0)
	}
	return ""
}
