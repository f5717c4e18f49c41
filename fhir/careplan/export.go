package careplan

import (
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// FHIR gives the plan as a Bundle of type collection: the resources of Elements. Ids are those of the plan's
// items; the same plan gives the same bytes.
func (p *Plan) FHIR() *fhir.Bundle {
	entries := fhir.NewArray()
	for _, e := range p.Elements() {
		entries.Add(fhir.NewObject("fullUrl", fhir.ExtBase+e.Ref(), "resource", e.Resource))
	}
	root := fhir.NewObject("resourceType", "Bundle", "type", "collection")
	root.Set("entry", entries)
	b, err := fhir.BundleOf(root)
	if err != nil {
		return nil // cannot happen: every entry above has a type
	}
	return b
}

// Element is one resource of the plan's FHIR form.
type Element struct {
	Type, ID string
	// Item is the id of the plan's item; that of the resource unless a party named it, see ElementID.
	Item     string
	Resource *fhir.Node
	// Owner is the HER-id (or other name) of the single writer; "" for what several write and what is derived.
	Owner string
	// From are the sources it rests on.
	From []string
	// Written: it is served as its owner wrote it. In is the source of that message, Name what the owner calls
	// the element there, Raw the resource of the message.
	Written  bool
	In, Name string
	Raw      *fhir.Node
}

// Ref is the relative reference, "Goal/goal-1".
func (e *Element) Ref() string { return e.Type + "/" + e.ID }

// Elements gives the plan as resources: Patient, CarePlan with CareTeam, Goal, ServiceRequest, Task,
// Encounter, EpisodeOfCare, Flag, Observation, Condition, Communication, Consent, Appointment, DeviceRequest,
// DocumentReference, and one Provenance for every message something rests on. The first two are always Patient and
// the master CarePlan.
func (p *Plan) Elements() []Element {
	x := &export{p: p, targets: map[string][]string{}, seen: map[string]int{}, ids: map[string]string{}}
	x.patient()
	x.master()
	x.team()
	x.stays()
	x.conditions()
	x.goals()
	x.measures()
	x.function()
	x.services()
	x.checkups()
	x.aids()
	x.documents()
	x.sharedPart()
	x.rightsPart()
	x.coursePart()
	x.tasks()
	x.flags()
	for i := range x.list {
		redirect(x.list[i].Resource, x.ids)
	}
	x.provenance()
	return x.list
}

// export is a list of resources in the making.
type export struct {
	p       *Plan
	list    []Element
	subject string
	plan    *fhir.Node     // the master
	seen    map[string]int // how often again was asked for the same
	// targets are the resources that rest on each source, by source key.
	targets map[string][]string
	// ids are the references of items that their parties named, by the reference with the plan's own id.
	ids map[string]string
}

// put adds a resource with its id, its owner and what it rests on. An id that is taken is not added again.
func (x *export) put(owner string, n *fhir.Node, item string, from ...[]string) string {
	e := Element{Type: n.Get("resourceType").Text(), Item: item, Owner: owner}
	for _, list := range from {
		for _, k := range list {
			if !contains(e.From, k) {
				e.From = append(e.From, k)
			}
		}
	}
	fact, in, id := x.p.behind(n, item, e.From)
	if e.Type == "Task" && !strings.HasPrefix(item, "answer-") {
		id = item // what is asked stays what it is, whoever answers; the answer stands in it
		answerIn(n, fact)
		fact = nil
	}
	e.ID, e.Resource = id, n
	if fact != nil {
		e.In, e.Name, e.Raw = in, fact.Name, fact.resource()
	}
	if e.Raw != nil && !hasMembers(e.Raw) {
		e.Resource, e.Written = x.overlay(e.Raw, n), true
	}
	e.Resource.Set("id", fhir.String(id))
	ref := e.Type + "/" + id
	if x.seen["ref\x1f"+ref]++; x.seen["ref\x1f"+ref] > 1 {
		return ref
	}
	if item != id {
		x.ids[e.Type+"/"+item] = ref
	}
	for _, k := range e.From {
		x.targets[k] = append(x.targets[k], ref)
	}
	x.list = append(x.list, e)
	return ref
}

// answerIn puts into a Task that asks what its answer says beside status and reason.
func answerIn(n *fhir.Node, fact *elementFact) {
	if fact == nil {
		return
	}
	raw := fact.resource()
	for _, key := range []string{"businessStatus", "note", "output"} {
		if v := raw.Get(key); v != nil {
			n.Set(key, v)
		}
	}
}

// hasMembers: what an Observation is made of stands in other resources of its message.
func hasMembers(raw *fhir.Node) bool { return len(raw.Get("hasMember").Items()) > 0 }

// overlay puts what the plan knows better over a resource as written: whom it is about, who carries a
// proposal, how far it has come.
func (x *export) overlay(raw, n *fhir.Node) *fhir.Node {
	out := fhir.NewObject("resourceType", n.Get("resourceType").Text(), "id", "x")
	for key, v := range raw.Fields() {
		if key != "resourceType" && key != "id" && key != "meta" {
			out.Set(key, v)
		}
	}
	for _, key := range []string{"subject", "patient", "for"} {
		if v := n.Get(key); v != nil {
			out.Set(key, v)
		}
	}
	if n.Get("resourceType").Text() == "ServiceRequest" {
		if v := n.Get("performer"); v != nil {
			out.Set("performer", v)
		}
		if n.Get("status").Text() == "completed" {
			out.SetText("status", "completed")
		}
	}
	// The name under which it came in is between its writer and us.
	ids := fhir.NewArray()
	for _, id := range raw.Get("identifier").Items() {
		if id.Get("system").Text() != fhir.SystemElement {
			ids.Add(id)
		}
	}
	if raw.Get("identifier").IsArray() {
		out.Set("identifier", ids)
		if len(ids.Items()) == 0 {
			out.Set("identifier", nil)
		}
	}
	return out
}

// again numbers things that say the same, so that the id of one does not hang on those before it.
func (x *export) again(parts ...string) string {
	key := strings.Join(parts, "\x1f")
	n := x.seen[key]
	x.seen[key]++
	return strconv.Itoa(n)
}

func reference(ref string) *fhir.Node { return fhir.NewObject("reference", ref) }

// organisation is a reference by HER-id, or by whatever the party calls itself.
func (x *export) organisation(her string) *fhir.Node {
	if her == "" {
		return nil
	}
	id := fhir.NewObject("system", fhir.SystemHER, "value", her)
	if typ, value, ok := strings.Cut(her, ":"); ok {
		id = fhir.NewObject("system", fhir.ExtBase+"party/"+typ, "value", value)
	}
	n := fhir.NewObject("type", "Organization", "identifier", id)
	for _, m := range x.p.Team {
		if m.HER == her {
			n.SetText("display", m.Name)
		}
	}
	return n
}

func conceptNode(text string, v *Value) *fhir.Node {
	n := fhir.NewObject()
	if v != nil && v.Code != "" {
		n.Append("coding", fhir.NewObject("system", v.System, "code", v.Code, "display", v.Text))
	}
	n.SetText("text", text)
	if len(n.Keys()) == 0 {
		return nil
	}
	return n
}

func codeNode(system, code string) *fhir.Node {
	return fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", system, "code", code)))
}

// periodNode is a Period of texts that are FHIR dateTimes; nil when neither is one.
func periodNode(start, end string) *fhir.Node {
	start, end = dateTime(start), dateTime(end)
	if start == "" && end == "" {
		return nil
	}
	return fhir.NewObject("start", start, "end", end)
}

func textOf(v *Value) string {
	if v == nil {
		return ""
	}
	return v.Text
}

// dateTime returns text when it is a FHIR dateTime, "" otherwise.
func dateTime(text string) string {
	if len(text) > 10 {
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			return ""
		}
		return text
	}
	if parseMoment(text).at.IsZero() {
		return ""
	}
	return text
}

func dateOnly(text string) string {
	if len(text) > 10 {
		text = text[:10]
	}
	return dateTime(text)
}

func (x *export) patient() {
	p := &x.p.Person
	n := fhir.NewObject("resourceType", "Patient")
	x.identifiers(n)
	if p.Name != nil {
		n.Append("name", fhir.NewObject("text", p.Name.Text))
	}
	if p.Phone != nil {
		n.Append("telecom", fhir.NewObject("system", "phone", "value", p.Phone.Text))
	}
	if p.Sex != nil && strings.Contains(" male female other unknown ", " "+p.Sex.Text+" ") {
		n.SetText("gender", p.Sex.Text)
	}
	if p.BirthDate != nil {
		n.SetText("birthDate", dateOnly(p.BirthDate.Text))
	}
	if p.Deceased != nil {
		if t := dateTime(p.Deceased.Text); t != "" {
			n.SetText("deceasedDateTime", t)
		} else {
			n.Set("deceasedBoolean", fhir.Bool(true))
		}
	}
	if p.Address != nil {
		n.Append("address", fhir.NewObject("text", p.Address.Text))
	}
	x.contacts(n)
	id := PatientID(x.p.Patient)
	x.subject = "Patient/" + id
	from := [][]string{p.Identifier.From}
	for _, v := range []*Value{p.Name, p.BirthDate, p.Sex, p.Address, p.Phone, p.Deceased} {
		if v != nil {
			from = append(from, v.From)
		}
	}
	x.put("", n, id, from...)
}

// contacts lists next of kin, who have a place in Patient.
func (x *export) contacts(n *fhir.Node) {
	for _, c := range x.p.Contacts {
		if c.Kind != "kin" {
			continue
		}
		out := fhir.NewObject()
		if c.Role != "" {
			out.Append("relationship", fhir.NewObject("text", c.Role))
		}
		if c.Name != "" {
			out.Set("name", fhir.NewObject("text", c.Name))
		}
		for _, phone := range c.Phone {
			out.Append("telecom", fhir.NewObject("system", "phone", "value", phone))
		}
		if len(out.Keys()) > 0 {
			n.Append("contact", out)
		}
	}
}

// provenance names, for each message, what rests on it. Source: careplan.md principle 7.
func (x *export) provenance() {
	targets := x.targets
	for _, k := range sortedKeys(targets) {
		s, ok := x.p.Sources[k]
		if !ok {
			continue
		}
		n := fhir.NewObject("resourceType", "Provenance")
		for _, ref := range targets[k] {
			n.Append("target", reference(ref))
		}
		n.SetText("occurredDateTime", formatTime(s.Event))
		recorded := s.Received // not known for a plan read from storage; FHIR demands a time
		if recorded.IsZero() {
			recorded = s.Sent
		}
		n.SetText("recorded", recorded.UTC().Format(time.RFC3339))
		agent := fhir.NewObject("who", x.organisation(s.Sender))
		if s.Author != "" {
			agent.Set("who", fhir.NewObject("display", s.Author))
			agent.Set("onBehalfOf", x.organisation(s.Sender))
		}
		n.Append("agent", agent)
		what := fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemURI, "value", messageURI(k)), "display", s.Kind)
		n.Append("entity", fhir.NewObject("role", entityRole(s.Op), "what", what))
		x.put("", n, shortID("provenance", k))
	}
}
func messageURI(key string) string {
	_, id, _ := strings.Cut(key, "/")
	if fhir.IsUUID(id) {
		return "urn:uuid:" + id
	}
	return id
}

func entityRole(op string) string {
	if samvirke.Op(op) == samvirke.OpChange {
		return "revision"
	}
	return "source"
}
