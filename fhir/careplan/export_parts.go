package careplan

import (
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// Extensions and code systems of the plan's own resources.
const (
	outNextEvaluation = fhir.ExtBase + "StructureDefinition/next-evaluation"
	outCoordinator    = fhir.ExtBase + "StructureDefinition/coordinator"
	outConcerns       = fhir.ExtBase + "StructureDefinition/concerns"
	outZone           = fhir.ExtBase + "StructureDefinition/zone"
	outTaskCodes      = fhir.ExtBase + "CodeSystem/task"
	outCandidate      = fhir.ExtBase + "StructureDefinition/candidate"
	outContested      = fhir.ExtBase + "StructureDefinition/contested"
	outFlagCodes      = fhir.ExtBase + "CodeSystem/flag"
	outPlanCodes      = fhir.ExtBase + "CodeSystem/care-plan"
)

// planStatus keeps Task and plan words inside the value set that FHIR binds; def stands for any other.
// Source: FHIR R4, value set request-status.
func planStatus(s, def string) string {
	switch s {
	case "draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown":
		return s
	}
	return def
}

// master is the shared plan itself: what several write together.
func (x *export) master() {
	n := fhir.NewObject("resourceType", "CarePlan", "status", "active", "intent", "plan", "subject", reference(x.subject))
	if x.p.Person.Deceased != nil {
		n.SetText("status", "completed")
	}
	var from [][]string
	period := fhir.NewObject()
	if x.p.Shared != nil {
		for _, f := range x.p.Shared.Fields {
			from = append(from, f.Value.From)
			x.sharedField(n, period, &f)
		}
	}
	if len(period.Keys()) > 0 {
		n.Set("period", period)
	}
	x.put("", n, shortID("plan", x.p.Patient), from...)
	x.plan = n
}

func (x *export) sharedField(n, period *fhir.Node, f *Field) {
	v := &f.Value
	switch f.Name {
	case FieldStatus:
		n.SetText("status", planStatus(first(v.Code, v.Text), n.Get("status").Text()))
	case FieldPeriodStart:
		period.SetText("start", dateTime(v.Text))
	case FieldPeriodEnd:
		period.SetText("end", dateTime(v.Text))
	case FieldNextEvaluation:
		if t := dateTime(v.Text); t != "" {
			n.Append("extension", fhir.NewObject("url", outNextEvaluation, "valueDateTime", t))
		}
	case FieldCoordinator:
		ref := fhir.NewObject("display", v.Text)
		if v.Code != "" {
			ref.Set("identifier", fhir.NewObject("system", v.System, "value", v.Code))
		}
		n.Append("extension", fhir.NewObject("url", outCoordinator, "valueReference", ref))
		custodian(n, f)
	}
	if f.Contested {
		n.Append("extension", fhir.NewObject("url", outContested, "valueCode", f.Name))
	}
}

func (x *export) team() {
	n := fhir.NewObject("resourceType", "CareTeam", "status", "active", "subject", reference(x.subject))
	var from [][]string
	stated := map[string]bool{}
	if x.p.Rights != nil {
		for _, m := range x.p.Rights.Members {
			stated[m.HER] = true
			part := x.participant(m.HER, m.Name, m.Role)
			part.Set("period", periodNode(formatTime(m.Start), formatTime(m.End)))
			n.Append("participant", part)
			from = append(from, m.From)
		}
	}
	for _, m := range x.p.Team {
		if !stated[m.HER] {
			n.Append("participant", x.participant(m.HER, m.Name, m.Role))
			from = append(from, m.From)
		}
	}
	if len(n.Get("participant").Items()) > 0 {
		x.plan.Append("careTeam", reference(x.put("", n, shortID("team", x.p.Patient), from...)))
	}
}

func (x *export) participant(her, name, role string) *fhir.Node {
	part := fhir.NewObject()
	if role != "" {
		part.Append("role", fhir.NewObject("text", role))
	}
	member := x.organisation(her)
	if member != nil && member.Get("display") == nil {
		member.SetText("display", name)
	}
	part.Set("member", member)
	return part
}

// sharedPart shows conflicts with all their candidates, and what parties wish of others' elements.
func (x *export) sharedPart() {
	if x.p.Shared == nil {
		return
	}
	for _, c := range x.p.Shared.Conflicts {
		n := fhir.NewObject("resourceType", "Flag", "status", "active",
			"code", conceptNode("Conflict: "+c.Field, &Value{System: outFlagCodes, Code: "conflict", Text: "Conflict"}), "subject", reference(x.subject))
		if c.Status == "resolved" {
			n.SetText("status", "inactive")
		}
		n.Set("period", periodNode(formatTime(c.Opened), ""))
		var from [][]string
		for _, d := range c.Candidates {
			parts := fhir.NewArray(fhir.NewObject("url", "field", "valueCode", c.Field), fhir.NewObject("url", "value", "valueString", first(d.Text, d.Code)))
			if by := x.organisation(d.By); by != nil {
				parts.Add(fhir.NewObject("url", "by", "valueReference", by))
			}
			if !d.At.IsZero() {
				parts.Add(fhir.NewObject("url", "at", "valueDateTime", formatTime(d.At)))
			}
			parts.Add(fhir.NewObject("url", "shown", "valueBoolean", d.Shown))
			n.Append("extension", fhir.NewObject("url", outCandidate, "extension", parts))
			from = append(from, d.From)
		}
		x.put("", n, c.ID, from...)
	}
	for i := range x.p.Shared.Proposals {
		x.proposal(&x.p.Shared.Proposals[i])
	}
	x.linkages()
}

func (x *export) proposal(p *Proposal) {
	n := fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "proposal",
		"code", conceptNode(p.Text, nil), "subject", reference(x.subject), "authoredOn", formatTime(p.At), "requester", x.organisation(p.By))
	switch p.Status {
	case "accepted", "changed", "answered":
		n.SetText("status", "completed")
	case "rejected":
		n.SetText("status", "revoked")
	}
	if ref := x.refTo(p.Element); ref != "" {
		n.Append("extension", fhir.NewObject("url", outConcerns, "valueReference", reference(ref)))
	}
	wished(n, p)
	if p.Reason != "" {
		n.Append("note", fhir.NewObject("text", p.Reason))
	}
	x.put(p.By, n, p.ID, p.From, p.Closed)
}

// refTo finds the resource of an item of the plan.
func (x *export) refTo(item string) string {
	if item == "" {
		return ""
	}
	for i := range x.list {
		if e := &x.list[i]; e.Item == item || e.ID == item {
			return e.Ref()
		}
	}
	return ""
}

// coursePart shows courses, the plans of single organisations, zone plans, progress marks and dialogue.
func (x *export) coursePart() {
	c := x.p.Course
	if c == nil {
		return
	}
	for i := range c.Courses {
		x.course(&c.Courses[i])
	}
	for i := range c.SubPlans {
		x.subPlan(&c.SubPlans[i])
	}
	for i := range c.Zones {
		x.zone(&c.Zones[i])
	}
	for i := range c.Marks {
		x.mark(&c.Marks[i])
	}
	for i := range c.Dialogue {
		x.dialogue(&c.Dialogue[i])
	}
}

func (x *export) course(c *Course) {
	status := c.Status
	switch status {
	case "planned", "waitlist", "active", "onhold", "finished", "cancelled", "entered-in-error":
	default:
		status = "active"
	}
	n := fhir.NewObject("resourceType", "EpisodeOfCare", "status", status, "patient", reference(x.subject))
	if c.Outcome != nil {
		outcome := fhir.NewObject("url", extOutcome)
		if c.Outcome.Code != "" {
			outcome.SetText("valueCode", c.Outcome.Code)
		} else {
			outcome.SetText("valueString", c.Outcome.Text)
		}
		n.Append("extension", outcome)
	}
	if c.Identifier != nil {
		n.Append("identifier", fhir.NewObject("system", c.Identifier.System, "value", c.Identifier.Text))
	}
	if c.Kind != "" {
		n.Append("type", fhir.NewObject("text", c.Kind))
	}
	n.Set("period", periodNode(textOf(c.Start), textOf(c.End)))
	n.Set("managingOrganization", x.organisation(c.Owner))
	x.put(c.Owner, n, c.ID, c.From)
}

func (x *export) subPlan(s *SubPlan) {
	n := x.underMaster(s.Owner, planStatus(s.Status, "active"), s.Title)
	n.Set("period", periodNode(textOf(s.Start), textOf(s.End)))
	for _, id := range s.Goals {
		if ref := x.refTo(id); ref != "" {
			n.Append("goal", reference(ref))
		}
	}
	for _, id := range s.Measures {
		if ref := x.refTo(id); ref != "" {
			n.Append("activity", fhir.NewObject("reference", reference(ref)))
		}
	}
	if s.Note != "" {
		n.Append("note", fhir.NewObject("text", s.Note))
	}
	x.put(s.Owner, n, s.ID, s.From)
}

// underMaster starts the plan of one organisation.
func (x *export) underMaster(owner, status, title string) *fhir.Node {
	n := fhir.NewObject("resourceType", "CarePlan", "partOf", fhir.NewArray(reference("CarePlan/"+shortID("plan", x.p.Patient))),
		"status", status, "intent", "plan", "title", title, "subject", reference(x.subject))
	n.Set("author", x.organisation(owner))
	return n
}

func (x *export) zone(z *Zone) {
	condition := fhir.NewObject("resourceType", "Condition",
		"extension", fhir.NewArray(fhir.NewObject("url", outZone, "valueCode", z.Colour)),
		"category", fhir.NewArray(codeNode(outPlanCodes, "zone")),
		"code", fhir.NewObject("text", first(z.Signs, z.Colour)), "subject", reference(x.subject))
	addressed := x.put(z.Owner, condition, shortID("zone-signs", z.ID), z.From)
	n := x.underMaster(z.Owner, "active", "")
	n.Append("extension", fhir.NewObject("url", outZone, "valueCode", z.Colour))
	n.Append("category", codeNode(outPlanCodes, "zone-plan"))
	n.Append("addresses", reference(addressed))
	for _, text := range z.Measures {
		n.Append("activity", fhir.NewObject("detail", fhir.NewObject("status", "not-started", "description", text)))
	}
	x.put(z.Owner, n, z.ID, z.From)
}

func (x *export) mark(m *Mark) {
	code := "smiley"
	if m.Scale == "light" {
		code = "traffic-light"
	}
	n := fhir.NewObject("resourceType", "Observation", "status", "final", "code", codeNode(systemFunction, code), "subject", reference(x.subject))
	if !m.At.IsZero() {
		n.SetText("effectiveDateTime", formatTime(m.At))
	}
	if by := x.organisation(m.Owner); by != nil {
		n.Append("performer", by)
	}
	n.SetText("valueString", m.Value)
	if m.Note != "" {
		n.Append("note", fhir.NewObject("text", m.Note))
	}
	x.put(m.Owner, n, m.ID, m.From)
}

func (x *export) dialogue(d *Dialogue) {
	n := fhir.NewObject("resourceType", "Communication", "status", "completed")
	n.Set("subject", reference(x.subject))
	if ref := x.refTo(d.About); ref != "" {
		n.Append("about", reference(ref))
	}
	if !d.At.IsZero() {
		n.SetText("sent", d.At.UTC().Format(time.RFC3339))
	}
	for _, her := range d.To {
		if to := x.organisation(her); to != nil {
			n.Append("recipient", to)
		}
	}
	n.Set("sender", x.organisation(d.By))
	if d.Text != "" {
		n.Append("payload", fhir.NewObject("contentString", d.Text))
	}
	x.put(d.By, n, d.ID, d.From)
}
