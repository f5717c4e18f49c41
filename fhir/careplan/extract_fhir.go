package careplan

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// extRemark is a remark (Merknad) on a thing that FHIR gives no note.
const extRemark = fhir.ExtBase + "StructureDefinition/remark"

// extractor reads one canonical Bundle.
type extractor struct {
	b    *fhir.Bundle
	kind string
	// index finds an entry by fullUrl and by type/id; panelAt a panel by instrument and date.
	index   entryTable
	panelAt map[string]int
}

func newExtractor(b *fhir.Bundle, kind string) extractor {
	x := extractor{b: b, kind: kind, panelAt: map[string]int{}}
	if b != nil {
		x.index = newEntryTable(b.Entries())
	}
	return x
}

// resolve finds the entry a reference points to, like fhir.Bundle.Resolve but at once.
func (x extractor) resolve(ref string) (fhir.Entry, bool) {
	if i, ok := x.place(ref); ok {
		return x.b.Entries()[i], true
	}
	return fhir.Entry{}, false
}

// place tells where the entry stands that a reference points to.
func (x extractor) place(ref string) (int, bool) {
	if x.b == nil {
		return 0, false
	}
	return x.index.find(x.b.Entries(), ref)
}

func (x extractor) fill(c *content) {
	inPanel := x.panels(c)
	addressing := x.addressing()
	written := x.written()
	for i, e := range x.b.Entries() {
		if addressing[i] {
			continue
		}
		n := e.Resource
		before := c.sizes()
		label := c.label(n)
		switch e.Type {
		case "Patient":
			x.patient(n, c)
		case "Encounter":
			x.encounter(n, c)
		case "Condition":
			x.condition(n, c)
			x.severity(n, c)
		case "Goal":
			had := len(c.Goals)
			x.goal(n, c)
			x.patientGoal(n, c, had)
		case "ServiceRequest":
			if !x.wishedChange(e, c) {
				x.request(e, c)
			}
		case "Procedure":
			x.procedure(e, c)
		case "Observation":
			if !inPanel[i] && !x.mark(n, c) {
				x.single(n, c)
			}
		case "Appointment":
			x.appointment(n, c)
		case "DeviceRequest":
			x.device(n, c)
		case "RelatedPerson":
			x.kin(n, c)
		case "PractitionerRole":
			x.role(n, c)
		case "Organization":
			if p := phones(n); len(p) > 0 {
				c.addContact(contactRow{Kind: "unit", Name: n.Get("name").Text(), Phone: p, Note: noteText(n)})
			}
		case "Composition":
			x.sections(n.Get("section"), "", c, 0)
		case "Task":
			if !x.hold(n, c) && !x.decided(n, c) {
				x.task(n, c)
			}
		case "ClinicalImpression":
			x.impression(n, c)
		case "Consent":
			x.reservation(n, c)
		case "CarePlan", "EpisodeOfCare", "Communication", "CommunicationRequest":
			x.course(e, c)
			if e.Type == "CarePlan" {
				x.masterPlan(n, c)
			}
		case "Linkage":
			x.linkage(n, c)
		}
		x.rights(e, c)
		c.unlabel(label, inPanel[i])
		if written {
			x.element(e, c, before)
		}
	}
	c.unlabel(c.label(x.b.Root), false)
	x.settleEvents(c)
}

// addressing finds the entries that only say who sends and who receives: they are no contacts.
func (x extractor) addressing() []bool {
	out := make([]bool, len(x.b.Entries()))
	// met tells how deep an entry stood when it was met, plus one: from there or deeper it leads nowhere new. Without that a resource
	// that names itself in four places would be walked 4 to the power of the depth, for each receiver.
	met := make([]uint8, len(out))
	var walk func(ref *fhir.Node, depth uint8)
	walk = func(ref *fhir.Node, depth uint8) {
		at, ok := x.place(ref.Get("reference").Text())
		if !ok || depth > 8 || met[at] != 0 && met[at] <= depth+1 {
			return
		}
		e := &x.b.Entries()[at]
		if e.Type == "Patient" || e.Type == "Organization" && len(phones(e.Resource)) > 0 {
			met[at] = 1
			return // an organisation that gives its number is a contact wherever it stands
		}
		out[at], met[at] = true, depth+1
		for _, k := range [...]string{"partOf", "organization", "practitioner", "providedBy"} {
			if n := e.Resource.Get(k); n != nil {
				walk(n, depth+1)
			}
		}
	}
	h := x.b.First("MessageHeader")
	walk(h.Get("sender"), 0)
	for _, d := range h.Get("destination").Items() {
		walk(d.Get("receiver"), 0)
	}
	return out
}

// kin reads a next of kin; a RelatedPerson that nobody calls kin (who asked for something, an
// interpreter) has no relationship and is none.
func (x extractor) kin(n *fhir.Node, c *content) {
	var roles []string
	for _, r := range n.Get("relationship").Items() {
		if t := concept(r).Text; t != "" && !contains(roles, t) {
			roles = append(roles, t)
		}
	}
	listed := len(roles) > 0 || n.Extension(extRemark) != nil || x.inSection(n, "ParorendeForesatt")
	if listed {
		c.addContact(contactRow{Kind: "kin", Name: humanName(n.Get("name")), Role: strings.Join(roles, ", "), Phone: phones(n), Note: noteText(n)})
	}
}

// inSection tells whether a section of this name lists the resource.
func (x extractor) inSection(n *fhir.Node, name string) bool {
	for _, s := range x.b.First("Composition").Get("section").Items() {
		if !hasCode(fhir.NewArray(s.Get("code")), fhir.SystemSection, name) {
			continue
		}
		for _, ref := range s.Get("entry").Items() {
			if e, ok := x.resolve(ref.Get("reference").Text()); ok && e.Resource == n {
				return true
			}
		}
	}
	return false
}

func (c *content) addContact(r contactRow) {
	if r.Name == "" && len(r.Phone) == 0 {
		return
	}
	c.Contacts = append(c.Contacts, r)
}

// noForwarding tells whether the message carries the patient's objection to forwarding.
func (x extractor) noForwarding() bool {
	for _, n := range x.b.All("Consent") {
		if n.Get("status").Text() != "active" || n.At("provision.type").Text() != "deny" {
			continue
		}
		for _, cat := range n.Get("category").Items() {
			for _, cd := range cat.Get("coding").Items() {
				if cd.Get("system").Text() == fhir.SystemSection && cd.Get("code").Text() == "ForbeholdOmVideresending" {
					return true
				}
			}
		}
	}
	return false
}

// author is who answers for the content: of the header, else of the report.
func (x extractor) author() string {
	if h := x.b.First("MessageHeader"); h != nil {
		for _, k := range []string{"responsible", "author"} {
			if s := x.named(h.Get(k)); s != "" {
				return s
			}
		}
	}
	if c := x.b.First("Composition"); c != nil {
		for _, a := range c.Get("attester").Items() {
			if s := x.named(a.Get("party")); s != "" {
				return s
			}
		}
		for _, a := range c.Get("author").Items() {
			if s := x.named(a); s != "" {
				return s
			}
		}
	}
	return ""
}

// named gives the name of a person behind a reference; "" for organisations.
func (x extractor) named(ref *fhir.Node) string {
	if ref == nil {
		return ""
	}
	e, ok := x.resolve(ref.Get("reference").Text())
	if !ok {
		return ref.Get("display").Text()
	}
	switch e.Type {
	case "Practitioner":
		return humanName(e.Resource.Get("name"))
	case "PractitionerRole":
		if p, ok := x.resolve(e.Resource.At("practitioner.reference").Text()); ok {
			return humanName(p.Resource.Get("name"))
		}
		return e.Resource.At("practitioner.display").Text()
	}
	return ""
}

func (x extractor) patient(n *fhir.Node, c *content) {
	if c.Person != nil {
		return // entries after the first are other people (a newborn, for instance)
	}
	p := person{Name: humanName(n.Get("name")), Birth: n.Get("birthDate").Text(), Sex: n.Get("gender").Text(),
		Deceased: n.Get("deceasedDateTime").Text()}
	if p.Deceased == "" && n.Get("deceasedBoolean").Text() == "true" {
		p.Deceased = "true"
	}
	if a := firstItem(n.Get("address")); a != nil {
		p.Address = address(a)
	}
	if f := phones(n); len(f) > 0 {
		p.Phone = f[0]
	}
	if p != (person{}) {
		c.Person = &p
	}
}

func (x extractor) role(n *fhir.Node, c *content) {
	r := contactRow{Kind: "professional", Phone: phones(n), Note: noteText(n)}
	if p, ok := x.resolve(n.At("practitioner.reference").Text()); ok {
		r.Name = humanName(p.Resource.Get("name"))
		if len(r.Phone) == 0 {
			r.Phone = phones(p.Resource)
		}
	} else {
		r.Name = n.At("practitioner.display").Text()
	}
	for _, cc := range n.Get("code").Items() {
		for _, cd := range cc.Get("coding").Items() {
			if cd.Get("system").Text() == fhir.SystemRole {
				r.Code = cd.Get("code").Text()
			}
		}
		if r.Role == "" {
			r.Role = concept(cc).Text
		}
	}
	c.addContact(r)
}

func (x extractor) task(n *fhir.Node, c *content) {
	f := n.Get("focus")
	a := answer{
		Ref: f.Get("reference").Text(), ID: f.At("identifier.value").Text(), Text: f.Get("display").Text(),
		Status: n.Get("status").Text(), Reason: concept(n.Get("statusReason")).Text,
		At: first(n.Get("lastModified").Text(), n.At("executionPeriod.start").Text(), n.Get("authoredOn").Text()),
	}
	if a.Text == "" {
		a.Text = n.Get("description").Text()
	}
	// A focus inside the same Bundle names the measure by what that resource says.
	if e, ok := x.resolve(a.Ref); ok && e.Type == "ServiceRequest" {
		if a.ID == "" {
			a.ID = firstItem(e.Resource.Get("identifier")).Get("value").Text()
		}
		if t := concept(e.Resource.Get("code")).Text; t != "" {
			a.Text = t
		}
	}
	if a.Reason == "" {
		a.Reason = noteText(n)
	}
	if a.Status != "" && (a.Ref != "" || a.ID != "" || a.Text != "") {
		c.Answers = append(c.Answers, a)
	}
}
