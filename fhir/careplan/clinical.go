package careplan

import (
	"slices"
	"strconv"
	"strings"
)

// clinical lists what live records state about diagnoses, goals, measures, services, check-ups,
// aids, contacts and notes. Every organisation keeps its own; the same thing stated twice by
// one organisation is one entry with two sources. The records come in order.
func (f *fold) clinical(live []*rec) {
	for _, r := range live {
		if r.says&ofItems == 0 {
			continue
		}
		f.diagnoses(r)
		f.goals(r)
		f.measures(r)
		f.services(r)
		f.rest(r)
	}
}

// clinicalAnew lists what all records state.
func (f *fold) clinicalAnew() {
	f.expect()
	f.anew = true
	f.clinical(f.live)
	f.anew = false
}

// expect makes room for what the records state.
func (f *fold) expect() {
	var measures, goals, notes, checkups, all int
	for r := range f.with(ofItems) {
		c := r.facts
		measures, goals, notes, checkups = measures+len(c.Measures), goals+len(c.Goals), notes+len(c.Notes), checkups+len(c.Checkups)
		all += len(c.Diagnoses) + len(c.Notes) + len(c.Services) + len(c.Aids)
	}
	p := f.p
	p.Measures, p.Goals = slices.Grow(p.Measures, measures), slices.Grow(p.Goals, goals)
	p.Notes, p.Checkups = slices.Grow(p.Notes, notes), slices.Grow(p.Checkups, checkups)
	f.index = make([]saidAt, 0, min(all, 4*len(f.live), fewSaid))
}

// elementID names a thing by the conversation it stands in and what it says, so that it keeps
// its id through changes elsewhere in the message, and loses it when it becomes something else.
func elementID(prefix string, r *rec, seen map[string]int, parts ...string) string {
	what := strings.Join(parts, "\x1f")
	n := seen[what]
	seen[what]++
	return shortID(prefix, r.line.sender, r.line.conversation, r.line.kind, what, strconv.Itoa(n))
}

// said is what an item says, for finding the one that says it already. Equal means the same item.
type said struct {
	kind  byte
	owner string
	words [7]string
}

// saidAt is where the item stands that says something.
type saidAt struct {
	said
	at int
}

// fewSaid is how many items are searched faster than a map of them is made.
const fewSaid = 16

// again gives the place of the item that says the same; when there is none, that of the next one, and false.
func (f *fold) again(what said, next int) (at int, found bool) {
	if f.many != nil {
		if at, found = f.many[what]; found {
			return at, true
		}
		f.many[what] = next
		return next, false
	}
	for i := range f.index {
		if f.index[i].said == what {
			return f.index[i].at, true
		}
	}
	if len(f.index) < fewSaid {
		f.index = append(f.index, saidAt{what, next})
		return next, false
	}
	f.many = make(map[said]int, 4*fewSaid)
	for i := range f.index {
		f.many[f.index[i].said] = f.index[i].at
	}
	f.many[what] = next
	return next, false
}

// addFrom gives a sorted list with key in it; it never changes the list it is given, which others may share.
func addFrom(from []string, key string) []string {
	at, found := slices.BinarySearch(from, key)
	if found {
		return from
	}
	out := make([]string, 0, len(from)+1)
	return append(append(append(out, from[:at]...), key), from[at:]...)
}

// also is addFrom for the sources of an item that clinical lists: those lists that it makes anew are nobody else's yet
// and grow where they are.
func (f *fold) also(from []string, key string) []string {
	if !f.anew {
		return addFrom(from, key)
	}
	at, found := slices.BinarySearch(from, key)
	if found {
		return from
	}
	if len(from) == cap(from) {
		from = append(make([]string, 0, 2*len(from)+2), from...)
	}
	return slices.Insert(from, at, key)
}

func (c coded) value(key string) Value { return c.of([]string{key}) }

func (c coded) of(from []string) Value {
	return Value{Text: c.Text, Code: c.Code, System: c.System, From: from}
}

func (f *fold) diagnoses(r *rec) {
	for _, d := range r.facts.Diagnoses {
		what := said{kind: 'd', owner: r.Key.Sender, words: [7]string{plainCode(d.Code), d.System}}
		if d.Code == "" {
			what.words[2] = d.Text
		}
		if at, found := f.again(what, len(f.p.Diagnoses)); found {
			o := &f.p.Diagnoses[at]
			o.From = f.also(o.From, r.key)
			o.Main = o.Main || d.Main
			continue
		}
		f.p.Diagnoses = append(f.p.Diagnoses, Diagnosis{Value: d.of(r.own), Main: d.Main, Owner: r.Key.Sender})
	}
}

// plainCode leaves out the dot that some systems write in ICD-10 codes: I63.4 is I634.
func plainCode(code string) string { return strings.ReplaceAll(code, ".", "") }

func (f *fold) goals(r *rec) {
	if len(r.facts.Goals) == 0 {
		return
	}
	if f.goalSeen == nil {
		f.goalSeen, f.goalIndex = map[[3]string]int{}, map[said]*goalPlace{}
	}
	for i, g := range r.facts.Goals {
		out := Goal{Text: g.Text, Status: "active", Owner: r.Key.Sender, ExpressedBy: g.By, From: r.own,
			Due: f.value(g.Due, r.own...), Start: f.value(g.Start, r.own...)}
		var code string
		if g.Code != nil {
			v := g.Code.of(r.own)
			out.Code = &v
			code = g.Code.Code
			out.Text = first(out.Text, v.Text, v.Code)
		}
		if f.goalGone(r, i) {
			continue
		}
		if out.ID = first(r.elementNamed("go", i), f.sharedGoalID(r, i)); out.ID != "" {
			f.p.Goals = append(f.p.Goals, out)
			continue
		}
		if f.goalAgain(r, &out) {
			continue
		}
		// Not the conversation: the same goal in a further document is the same goal.
		what := [3]string{out.Owner, g.Text, code}
		out.ID = shortID("goal", out.Owner, g.Text, code, strconv.Itoa(f.goalSeen[what]))
		f.goalSeen[what]++
		f.p.Goals = append(f.p.Goals, out)
	}
}

// goalAgain tells whether an organisation states in a further document exactly the goal it stated before.
func (f *fold) goalAgain(r *rec, g *Goal) bool {
	what := said{kind: 'g', owner: g.Owner, words: [7]string{g.Text, g.ExpressedBy}}
	for i, v := range []*Value{g.Code, g.Due, g.Start} { // Due and Start have no code and are never empty
		if v != nil {
			what.words[2+i] = v.Text
		}
	}
	if g.Code != nil {
		what.words[5], what.words[6] = g.Code.Code, "coded"
	}
	at := f.goalIndex[what]
	if at == nil {
		at = &goalPlace{}
		f.goalIndex[what] = at
	}
	if at.rec != r {
		at.rec, at.used = r, 0
	}
	for ; at.used < len(at.list); at.used++ {
		o := &f.p.Goals[at.list[at.used]]
		if contains(o.From, r.key) {
			continue
		}
		at.used++
		o.From = f.also(o.From, r.key)
		o.Code, o.Due, o.Start = o.Code.on(o.From), o.Due.on(o.From), o.Start.on(o.From)
		return true
	}
	at.list = append(at.list, len(f.p.Goals)) // where the caller puts it
	at.used++
	return false
}

// on is a value with other sources; nil stays nil.
func (v *Value) on(from []string) *Value {
	if v == nil {
		return nil
	}
	out := *v
	out.From = from
	return &out
}

// goalPlace tells where the goals stand that say the same, and how many of them one record has repeated.
type goalPlace struct {
	list []int
	rec  *rec
	used int
}

// measureIDs gives the id of every measure of a record, in order.
func measureIDs(r *rec) []string {
	known := r.onLine()
	if known.measures != nil {
		return known.measures
	}
	ids := make([]string, len(r.facts.Measures))
	seen := map[string]int{}
	for i, m := range r.facts.Measures {
		var code string
		if m.Code != nil {
			code = m.Code.Code
		}
		if ids[i] = r.elementNamed("me", i); ids[i] == "" {
			ids[i] = elementID("measure", r, seen, m.Kind, m.Text, code)
		}
	}
	known.measures = ids
	return ids
}

func (f *fold) measures(r *rec) {
	if len(r.facts.Measures) == 0 {
		return
	}
	ids := measureIDs(r)
	for i, m := range r.facts.Measures {
		out := Measure{ID: ids[i], Text: m.Text, Kind: m.Kind, Requester: r.Key.Sender, Evaluation: f.value(m.Eval, r.own...),
			Period: m.Period, Note: m.Note, From: r.own}
		if m.Code != nil {
			v := m.Code.of(r.own)
			out.Code = &v
			out.Text = first(out.Text, v.Text, v.Code)
		}
		switch m.Kind {
		case "proposal":
			out.Status = "requested"
		case "done":
			out.Status, out.Owner = "completed", r.Key.Sender
		default:
			out.Status, out.Owner = "active", r.Key.Sender
		}
		f.p.Measures = append(f.p.Measures, out)
	}
}

func (f *fold) services(r *rec) {
	for _, s := range r.facts.Services {
		out := Service{Value: s.of(r.own), Provider: s.Provider, Private: s.Private, Start: s.Start, End: s.End,
			Amount: s.Amount, Note: s.Note, Owner: r.Key.Sender}
		what := said{'s', out.Owner, [7]string{s.Code, s.Text, s.Provider, s.Start, s.End, s.Amount, s.Note}}
		if at, found := f.again(what, len(f.p.Services)); found {
			f.p.Services[at].From = f.also(f.p.Services[at].From, r.key)
			continue
		}
		f.p.Services = append(f.p.Services, out)
	}
}

func (f *fold) rest(r *rec) {
	var seen map[string]int
	if len(r.facts.Checkups) > 0 {
		seen = map[string]int{}
	}
	for i, k := range r.facts.Checkups {
		id := r.elementNamed("ck", i)
		if id == "" {
			id = elementID("checkup", r, seen, k.Start, k.Place, k.Note)
		}
		f.p.Checkups = append(f.p.Checkups, Checkup{ID: id, Start: k.Start,
			Place: k.Place, Booked: k.Booked, Note: k.Note, Owner: r.Key.Sender, From: r.own})
	}
	for _, a := range r.facts.Aids {
		at, found := f.again(said{'a', r.Key.Sender, [7]string{a.Text, a.Code, a.Status}}, len(f.p.Aids))
		if found {
			f.p.Aids[at].From = f.also(f.p.Aids[at].From, r.key)
			continue
		}
		f.p.Aids = append(f.p.Aids, Aid{Value: a.of(r.own), Status: a.Status, Owner: r.Key.Sender})
	}
	if f.p.Contacts == nil { // later records mostly say the same again
		f.p.Contacts = slices.Grow(f.p.Contacts, len(r.facts.Contacts))
	}
	for i := range r.facts.Contacts {
		f.contact(r, &r.facts.Contacts[i])
	}
	for _, n := range r.facts.Notes {
		at, found := f.again(said{'n', r.Key.Sender, [7]string{n.Text, n.Heading.Text, n.Heading.Code}}, len(f.p.Notes))
		if found {
			f.p.Notes[at].Heading.From = f.also(f.p.Notes[at].Heading.From, r.key)
			continue
		}
		f.p.Notes = append(f.p.Notes, Note{Heading: n.Heading.of(r.own), Text: n.Text, Owner: r.Key.Sender})
	}
}

// contact lists a contact; what one organisation says of the same person or unit in several places
// is one entry.
func (f *fold) contact(r *rec, c *contactRow) {
	for _, at := range f.namesakes(r.Key.Sender, c) {
		if f.contactAgain(r, &f.p.Contacts[at], c) {
			return
		}
	}
	if f.contacts != nil {
		who := [3]string{r.Key.Sender, c.Kind, c.Name}
		f.contacts[who] = append(f.contacts[who], len(f.p.Contacts))
	}
	f.p.Contacts = append(f.p.Contacts, Contact{Kind: c.Kind, Name: c.Name, Role: c.Role, RoleCode: c.Code,
		Phone: f.numbers(r, c), Note: c.Note, Owner: r.Key.Sender, From: r.own})
}

// namesakes tells where the contacts stand that an owner has of this kind and name, in order. The list is good until the
// next.
func (f *fold) namesakes(owner string, c *contactRow) []int {
	list := f.p.Contacts
	if f.contacts == nil && len(list) > fewRecords {
		f.contacts = make(map[[3]string][]int, 2*len(list))
		for i := range list {
			who := [3]string{list[i].Owner, list[i].Kind, list[i].Name}
			f.contacts[who] = append(f.contacts[who], i)
		}
	}
	if f.contacts != nil {
		return f.contacts[[3]string{owner, c.Kind, c.Name}]
	}
	f.found = f.found[:0]
	for i := range list {
		if o := &list[i]; o.Name == c.Name && o.Kind == c.Kind && o.Owner == owner {
			f.found = append(f.found, i)
		}
	}
	return f.found
}

// contactAgain adds what is said of a contact to the entry of the same name, unless the two have other roles.
func (f *fold) contactAgain(r *rec, o *Contact, c *contactRow) bool {
	if o.Role != c.Role && o.Role != "" && c.Role != "" {
		return false
	}
	o.From = f.also(o.From, r.key)
	o.Role, o.RoleCode = first(o.Role, c.Role), first(o.RoleCode, c.Code)
	for _, p := range c.Phone {
		if !contains(o.Phone, p) {
			o.Phone = append(slices.Clip(o.Phone), p)
		}
	}
	if c.Note != "" && !strings.Contains(o.Note, c.Note) {
		o.Note = strings.TrimPrefix(o.Note+"\n"+c.Note, "\n")
	}
	return true
}
