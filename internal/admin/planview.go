package admin

import (
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// planPage is the data of one person's plan.
type planPage struct {
	*careplan.Plan
	PersonID, Label string
	Version         queue.PlanVersion
	Latest          int64
	Versions        []versionRow
	SourceList      []sourceView
	Instruments     []instrumentView
	OpenGaps        []careplan.Gap // gaps whose time has come
	Where           word
	Now             time.Time
	// Frozen: an older version or an earlier time is shown, so nothing can be decided here.
	Frozen bool
	// Then is set when the page shows what a party knew at a time.
	Then    *thenView
	Picture *pictureView
	may     *standing
	sealer  *sealer
	byKey   map[string]sourceView
	orgs    map[string]string
}

// versionRow is one stored version.
type versionRow struct {
	queue.PlanVersion
	Kind    string
	Current bool
}

// sourceView is one source with the number under which the page cites it.
type sourceView struct {
	careplan.Source
	Number int
}

// citation is what stands behind a value: its sources, and what the value is, for those who hear the page.
type citation struct {
	What    string
	Sources []sourceView
	Missing int
	// Rule derived the value from what the sources say; "" when a source says it itself.
	Rule string
	// Mark names the value for the page that shows the place in the message; it says nothing without the store's key.
	Mark string
	// Closed: the person may not open whole messages.
	Closed bool
}

// Short is the citation as it stands after a value: 4, 2–7 for a run, 1, 3 … 9 for many.
func (c citation) Short() string {
	var n []string
	for _, s := range c.Sources {
		n = append(n, strconv.Itoa(s.Number))
	}
	switch last := len(n) - 1; {
	case last < 0:
		return "?"
	case last >= 2 && c.Sources[last].Number-c.Sources[0].Number == last:
		return n[0] + "–" + n[last]
	case last >= 3:
		return n[0] + ", " + n[1] + " … " + n[last]
	}
	return strings.Join(n, ", ")
}

// Cite gives the citation for a value that its sources state; text is the value as it stands in the plan.
func (p *planPage) Cite(what, text string, from []string) citation {
	c := p.cite(what, from)
	if p.sealer != nil && text != "" && !c.Closed {
		c.Mark = p.sealer.seal(placeMark{what, text}.String())
	}
	return c
}

// SourceName is what a source is called, with its number; "" when it is not shown.
func (p *planPage) SourceName(key string) string {
	if v, ok := p.byKey[key]; ok {
		return v.Kind + " (source " + strconv.Itoa(v.Number) + ")"
	}
	return ""
}

// Derived gives the citation for what a rule made of its sources.
func (p *planPage) Derived(what, rule string, from []string) citation {
	c := p.cite(what, from)
	c.Rule = rule
	return c
}

func (p *planPage) cite(what string, from []string) citation {
	c := citation{What: what, Closed: p.may != nil && p.may.bound()}
	for _, k := range from {
		if s, ok := p.byKey[k]; ok {
			c.Sources = append(c.Sources, s)
		} else {
			c.Missing++
		}
	}
	slices.SortFunc(c.Sources, func(a, b sourceView) int { return a.Number - b.Number })
	return c
}

// Org names an organisation by its HER-id, as the plan's own sources name it.
func (p *planPage) Org(her string) string {
	if n := p.orgs[her]; n != "" {
		return n
	}
	switch her {
	case "":
		return "nobody yet"
	case "coordinator", "patient":
		return "the " + her
	}
	if strings.Contains(her, ":") { // a person by another identifier
		return her
	}
	return "HER " + her
}

// Subject names the measure or goal that a gap is about, unless its text does so already.
func (p *planPage) Subject(g careplan.Gap) string {
	name := ""
	for _, m := range p.Measures {
		if m.ID == g.Subject {
			name = m.Text
		}
	}
	for _, o := range p.Goals {
		if o.ID == g.Subject {
			name = o.Text
		}
	}
	if g.Subject == "" || strings.Contains(g.Text, name) {
		return ""
	}
	return name
}

// OpenTasks are the tasks that somebody still has to do, ClosedTasks the others.
func (p *planPage) OpenTasks() []careplan.Task { return p.tasks(true) }

// ClosedTasks are the tasks that are done or have ended.
func (p *planPage) ClosedTasks() []careplan.Task { return p.tasks(false) }

func (p *planPage) tasks(open bool) []careplan.Task {
	var list []careplan.Task
	for _, t := range p.Tasks {
		if (t.Status == "requested") == open {
			list = append(list, t)
		}
	}
	return list
}

// Withheld names what is not shown to this viewer, where policy allows that sign.
func (p *planPage) Withheld() []string {
	if p.Rights == nil {
		return nil
	}
	return p.Rights.Withheld
}

// CourseWord says how a course or plan stands.
func (p *planPage) CourseWord(status string) word {
	switch status {
	case "planned", "draft":
		return word{"planned", "wait", "…", ""}
	case "active":
		return word{"going on", "busy", "●", ""}
	case "onhold", "on-hold":
		return word{"paused", "warn", "‖", ""}
	case "finished", "completed":
		return word{"finished", "ok", "✓", ""}
	case "cancelled", "revoked":
		return word{"ended early", "calm", "–", ""}
	}
	return word{status, "calm", "?", ""}
}

// outcomes are the classes of an outcome in words.
var outcomes = map[string]string{"self-reliant": "self-reliant", "less": "less help", "same": "the same help", "more": "more help",
	"maintained": "maintained", "dropped-out": "dropped out"}

// OutcomeText says an outcome class in words.
func (p *planPage) OutcomeText(v careplan.Value) string {
	return or(outcomes[or(v.Code, v.Text)], or(v.Text, v.Code))
}

// FieldName names a shared field.
func (p *planPage) FieldName(name string) string { return fieldName(name) }

// OrgList names several organisations.
func (p *planPage) OrgList(her []string) string { return p.orgList(her) }

// PlainTime is Time without markup, for what is read out.
func (p *planPage) PlainTime(text string) string { return shortTime(text) }

// Time shows a value that is a time.
func (p *planPage) Time(text string) template.HTML {
	from, until, period := strings.Cut(text, "/")
	switch {
	case !period:
		return planTime(text)
	case until == "":
		return "from " + planTime(from)
	case from == "":
		return "until " + planTime(until)
	}
	return planTime(from) + " to " + planTime(until)
}

// ReadyOf gives the discharge-ready periods of one stay.
func (p *planPage) ReadyOf(stay string) []careplan.Ready {
	var list []careplan.Ready
	for _, r := range p.Ready {
		if r.Stay == stay {
			list = append(list, r)
		}
	}
	return list
}

// StayWord says how a stay stands.
func (p *planPage) StayWord(st careplan.Stay) word {
	return stayWord(st, openReady(p.Plan, st.ID) != nil)
}

// AnswerWord says what an answer was.
func (p *planPage) AnswerWord(a careplan.Answer) word { return taskWord(a.Status) }

func taskWord(status string) word {
	switch status {
	case "requested":
		return word{"waits for an answer", "wait", "…", "Nobody has taken it on yet."}
	case "accepted":
		return word{"accepted", "ok", "✓", ""}
	case "rejected":
		return word{"declined", "stop", "✕", ""}
	case "answered", "changed":
		return word{"answered", "busy", "→", "Answered with a change."}
	case "entered-in-error":
		return word{"withdrawn", "calm", "–", ""}
	case "active":
		return word{"ongoing", "busy", "●", ""}
	case "completed", "done":
		return word{"done", "ok", "✓", ""}
	case "cancelled":
		return word{"ended", "calm", "–", ""}
	}
	return word{status, "calm", "?", ""}
}

// index numbers the sources by the time of what they tell, and gathers the names of organisations.
func (p *planPage) index() {
	p.byKey, p.orgs, p.SourceList = make(map[string]sourceView), make(map[string]string), nil
	keys := slices.Sorted(maps.Keys(p.Sources))
	slices.SortStableFunc(keys, func(a, b string) int { return sourceTime(p.Sources[a]).Compare(sourceTime(p.Sources[b])) })
	for i, k := range keys {
		src := p.Sources[k]
		if src.Key == "" {
			src.Key = k
		}
		v := sourceView{Source: src, Number: i + 1}
		p.byKey[k] = v
		p.SourceList = append(p.SourceList, v)
		p.addOrg(src.Sender, src.Name)
	}
	for _, st := range p.Stays {
		p.addOrg(st.Organiser, st.Name)
	}
	for _, m := range p.Team {
		p.addOrg(m.HER, m.Name)
	}
	if p.Rights != nil {
		for _, m := range p.Rights.Members {
			p.addOrg(m.HER, m.Name)
		}
	}
}

func (p *planPage) addOrg(her, name string) {
	if name = strings.TrimSpace(name); her != "" && name != "" && p.orgs[her] == "" {
		p.orgs[her] = name
	}
}

func sourceTime(s careplan.Source) time.Time {
	for _, t := range []time.Time{s.Event, s.Sent, s.Received} {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

func dueGaps(list []careplan.Gap, now time.Time) []careplan.Gap {
	var due []careplan.Gap
	for _, g := range list {
		if g.Due.IsZero() || !g.Due.After(now) {
			due = append(due, g)
		}
	}
	return due
}

// TaskWord says how a task stands.
func (p *planPage) TaskWord(status string) word { return taskWord(status) }

// span is a stretch of a stay, in thousandths of its length.
type span struct{ X1, Width float64 }

// Bar gives the discharge-ready periods of a stay as stretches of it; nil when its start is not
// known. A stay or period that goes on is drawn up to when the version was written.
func (p *planPage) Bar(st careplan.Stay) []span {
	if st.Start == nil || st.Status == "entered-in-error" {
		return nil
	}
	start, ok := planInstant(st.Start.Text)
	end := endOr(st.End, p.Version.At)
	if !ok || !end.After(start) {
		return nil
	}
	var list []span
	for _, r := range p.ReadyOf(st.ID) {
		from, ok := planInstant(r.Set.Text)
		if !ok {
			continue
		}
		x1 := share(start, end, from)
		list = append(list, span{X1: x1, Width: max(4, share(start, end, endOr(r.End, p.Version.At))-x1)})
	}
	return list
}

func endOr(v *careplan.Value, other time.Time) time.Time {
	if v != nil {
		if t, ok := planInstant(v.Text); ok {
			return t
		}
	}
	return other
}

// share is where t lies between start and end, in thousandths, within bounds.
func share(start, end, t time.Time) float64 {
	return 1000 * min(1, max(0, float64(t.Sub(start))/float64(end.Sub(start))))
}
