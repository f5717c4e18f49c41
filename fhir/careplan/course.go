package careplan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// systemOutcome are the classes that a course of rehabilitation may end in.
const systemOutcome = fhir.ExtBase + "CodeSystem/course-outcome"

// outcomeClasses are what systemOutcome holds. A person who keeps what they have is a class of its own.
const outcomeClasses = " self-reliant less same more maintained dropped-out "

// course lists what live records state about the course of rehabilitation. Every organisation keeps its
// own: of what it states again, the latest counts, and when that is withdrawn the one before comes back.
//
// Source: careplan.md sections 2 and 5.2.
func (f *fold) course() {
	var c *courseFold
	for r := range f.courseOf() {
		if c == nil {
			c = &courseFold{f: f, part: &CoursePart{}}
		}
		c.state(r)
	}
	if c == nil {
		return
	}
	c.courses()
	c.plans()
	c.zones()
	c.marked()
	c.drops()
	c.dialogue()
	c.bookings()
	c.onBehalf()
	if p := c.part; len(p.Courses)+len(p.SubPlans)+len(p.Zones)+len(p.Marks)+len(p.Dialogue) > 0 {
		f.p.Course = p
	}
}

func statesCourse(r *rec) bool { return r.facts.More != nil && r.facts.More.Course != nil }

// courseFold is the course in the making.
type courseFold struct {
	f       *fold
	part    *CoursePart
	episode latest[episode]
	own     latest[ownPlan]
	zone    latest[zone]
	booked  latest[appointment]
	marks   []madeMark
	talks   []saidTalk
	names   map[string]target // of measures, see measureNames; nil until somebody asks
}

// latest keeps, for each thing that an organisation states, its latest statement.
type latest[T any] struct {
	at   map[string]int
	list []kept[T]
}

type kept[T any] struct {
	v    T
	r    *rec
	from []string
	id   string // what identifies the thing, in words
	say  string
}

// named is the id of a thing: what its author calls it decides, when it was written as a resource of that name.
func (k *kept[T]) named(prefix, resourceType, name string) string {
	if name != "" {
		return ElementID(k.r.Key.Sender, resourceType, name)
	}
	return shortID(prefix, k.id)
}

// put keeps a statement; the records come in order, so that a later one replaces, and one that says the same
// stands beside it as a source. Things that one message states twice are two.
func (l *latest[T]) put(r *rec, v T, seen map[string]int, id ...string) {
	key := strings.Join(append([]string{r.Key.Sender}, id...), "\x1f")
	seen[key]++
	key += "\x1f" + strconv.Itoa(seen[key])
	k := kept[T]{v: v, r: r, from: []string{r.key}, id: key, say: fmt.Sprint(v)}
	if l.at == nil {
		l.at = map[string]int{}
	}
	i, known := l.at[key]
	switch {
	case !known:
		l.at[key] = len(l.list)
		l.list = append(l.list, k)
	case l.list[i].say == k.say:
		l.list[i].from = addFrom(l.list[i].from, r.key)
	default:
		l.list[i] = k
	}
}

// state takes what one record states.
func (c *courseFold) state(r *rec) {
	facts, seen := r.facts.More.Course, map[string]int{}
	for _, e := range facts.Courses {
		c.episode.put(r, e, seen, "course", first(e.Name, e.ID, r.line.conversation), e.System)
	}
	for _, p := range facts.Plans {
		c.own.put(r, p, seen, "plan", first(p.Name, p.ID, r.line.conversation))
	}
	for _, z := range facts.Zones {
		c.zone.put(r, z, seen, "zone", first(z.Name, z.Colour))
	}
	for _, a := range facts.Booked {
		c.booked.put(r, a, seen, "booked", first(a.ID, a.Start+a.Place))
	}
	for _, m := range facts.Marks {
		c.marks = append(c.marks, madeMark{mark: m, r: r})
	}
	for _, t := range facts.Talks {
		c.talks = append(c.talks, saidTalk{talk: t, r: r})
	}
}

func (c *courseFold) courses() {
	for _, k := range c.episode.list {
		e := k.v
		if e.Status == "entered-in-error" {
			continue
		}
		out := Course{ID: k.named("course", "EpisodeOfCare", e.Name), Status: courseStatus(e.Status), Kind: e.Kind, Owner: k.r.Key.Sender, From: k.from,
			Start: c.f.value(e.Start, k.from...), End: c.f.value(e.End, k.from...)}
		if e.ID != "" {
			out.Identifier = &Value{Text: e.ID, System: e.System, From: k.from}
		}
		if e.Outcome != "" {
			out.Outcome = &Value{Text: e.Outcome, From: k.from}
			if strings.Contains(outcomeClasses, " "+e.Outcome+" ") {
				out.Outcome.Code, out.Outcome.System = e.Outcome, systemOutcome
			} else {
				c.f.flag("outcome-unknown", "A course of rehabilitation ended in a class that is not known.", k.from...)
			}
		}
		if dead := c.f.p.Person.Deceased; dead != nil && (out.Status == "active" || out.Status == "planned" || out.Status == "onhold") {
			out.Status = "finished" // careplan.md section 7, item 4
			for _, key := range dead.From {
				out.From = addFrom(out.From, key)
			}
		}
		c.part.Courses = append(c.part.Courses, out)
	}
	slices.SortFunc(c.part.Courses, func(a, b Course) int {
		return cmp.Or(startOfValue(a.Start).Compare(startOfValue(b.Start)), strings.Compare(a.ID, b.ID))
	})
}

func startOfValue(v *Value) time.Time {
	if v == nil {
		return time.Time{}
	}
	return parseMoment(v.Text).at
}

// courseStatus reads EpisodeOfCare.status. Source: FHIR R4 value set episode-of-care-status.
func courseStatus(s string) string {
	switch s {
	case "waitlist":
		return "planned"
	case "planned", "active", "onhold", "finished", "cancelled":
		return s
	}
	return "active"
}

// plans are the organisations' own plans under the shared one.
func (c *courseFold) plans() {
	for _, k := range c.own.list {
		p := k.v
		if p.Status == "entered-in-error" {
			continue
		}
		out := SubPlan{ID: k.named("subplan", "CarePlan", p.Name), Owner: k.r.Key.Sender, Title: p.Title, Status: first(p.Status, "active"), Note: p.Note, From: k.from,
			Start: c.f.value(p.Start, k.from...), End: c.f.value(p.End, k.from...)}
		out.Goals = c.items(p.Goals, k.r)
		out.Measures = c.items(p.Measures, k.r)
		c.part.SubPlans = append(c.part.SubPlans, out)
	}
	slices.SortFunc(c.part.SubPlans, func(a, b SubPlan) int {
		return cmp.Or(strings.Compare(a.Owner, b.Owner), startOfValue(a.Start).Compare(startOfValue(b.Start)), strings.Compare(a.ID, b.ID))
	})
}

// items finds the plan's items that references lead to. One that leads nowhere yet is flagged: it may come.
func (c *courseFold) items(refs []named, r *rec) []string {
	var out []string
	for _, n := range refs {
		id := c.item(n, r)
		switch {
		case id == "":
			c.f.flag("reference-unresolved", "A plan of an organisation names a goal or measure that is not here.", r.key)
		case !contains(out, id):
			out = append(out, id)
		}
	}
	return out
}

// item is the id of the plan's item that a reference of a record leads to, "" when there is none or no
// saying which: by our own id, then by what the item is called, then by what it says.
func (c *courseFold) item(n named, r *rec) string {
	ref, _, _ := strings.Cut(n.Ref, "/_history/")
	tail := ref[strings.LastIndexByte(ref, '/')+1:]
	p := c.f.p
	if id := c.own1(tail); id != "" {
		return id
	}
	if n.Type == "Goal" || n.Type == "" {
		var hits []string
		for _, g := range p.Goals {
			if n.Text != "" && g.Text == n.Text && contains(g.From, r.key) {
				return g.ID
			}
			if n.Text != "" && plainKey(g.Text) == plainKey(n.Text) {
				hits = append(hits, g.ID)
			}
		}
		if len(hits) == 1 {
			return hits[0]
		}
	}
	if n.Type == "ServiceRequest" || n.Type == "Procedure" || n.Type == "" {
		if c.names == nil {
			c.names = c.f.measureNames()
		}
		return resolveAnswer(c.names, answer{Ref: n.Ref, ID: n.ID, Text: n.Text})
	}
	return ""
}

// own1 tells whether an id is that of an item of the plan.
func (c *courseFold) own1(id string) string {
	p := c.f.p
	switch {
	case id == "":
	case slices.ContainsFunc(p.Goals, func(g Goal) bool { return g.ID == id }),
		slices.ContainsFunc(p.Measures, func(m Measure) bool { return m.ID == id }),
		slices.ContainsFunc(p.Checkups, func(k Checkup) bool { return k.ID == id }),
		slices.ContainsFunc(p.Stays, func(s Stay) bool { return s.ID == id }),
		slices.ContainsFunc(p.Function, func(a Assessment) bool { return a.ID == id }),
		slices.ContainsFunc(c.part.Courses, func(k Course) bool { return k.ID == id }),
		slices.ContainsFunc(c.part.SubPlans, func(k SubPlan) bool { return k.ID == id }),
		slices.ContainsFunc(c.part.Zones, func(k Zone) bool { return k.ID == id }),
		slices.ContainsFunc(c.part.Marks, func(k Mark) bool { return k.ID == id }):
		return id
	}
	return ""
}

func (c *courseFold) zones() {
	for _, k := range c.zone.list {
		if k.v.Ended {
			continue
		}
		c.part.Zones = append(c.part.Zones, Zone{ID: k.named("zone", "CarePlan", k.v.Name), Owner: k.r.Key.Sender, Colour: k.v.Colour, Signs: k.v.Signs,
			Measures: slices.Clone(k.v.Measures), From: k.from})
	}
	rank := map[string]int{"green": 0, "yellow": 1, "red": 2}
	slices.SortFunc(c.part.Zones, func(a, b Zone) int {
		return cmp.Or(strings.Compare(a.Owner, b.Owner), cmp.Compare(rank[a.Colour], rank[b.Colour]), strings.Compare(a.ID, b.ID))
	})
}

// bookings moves and cancels check-ups that a later message of their owner names by identifier.
func (c *courseFold) bookings() {
	for _, k := range c.booked.list {
		var gone []string // records whose statement of this check-up a later one replaced
		for r := range c.f.courseOf() {
			if r == k.r || r.Key.Sender != k.r.Key.Sender {
				continue
			}
			for _, a := range r.facts.More.Course.Booked {
				if a.Row > 0 && k.v.ID != "" && a.ID == k.v.ID && !contains(k.from, r.key) {
					gone = append(gone, checkupID(r, a.Row-1))
				}
			}
		}
		c.f.p.Checkups = slices.DeleteFunc(c.f.p.Checkups, func(o Checkup) bool { return contains(gone, o.ID) })
		if k.v.Row > 0 {
			continue
		}
		c.f.p.Checkups = append(c.f.p.Checkups, Checkup{ID: shortID("checkup", k.id), Start: k.v.Start, Place: k.v.Place, Cancelled: true,
			Note: k.v.Note, Owner: k.r.Key.Sender, From: k.from})
	}
}

// checkupID is the id that the plan gives a check-up of a record.
func checkupID(r *rec, row int) string {
	seen := map[string]int{}
	for i, k := range r.facts.Checkups {
		id := r.elementNamed("ck", i)
		if id == "" {
			id = elementID("checkup", r, seen, k.Start, k.Place, k.Note)
		}
		if i == row {
			return id
		}
	}
	return ""
}

// onBehalf tells of a goal in the words of next of kin why the patient did not say it.
func (c *courseFold) onBehalf() {
	for r := range c.f.courseOf() {
		for _, b := range r.facts.More.Course.OnBehalf {
			for i := range c.f.p.Goals {
				if g := &c.f.p.Goals[i]; g.Text == b.Goal && g.ExpressedBy == "kin" && contains(g.From, r.key) {
					g.OnBehalf = b.Reason
				}
			}
		}
	}
}
