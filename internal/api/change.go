package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
)

// extOperation marks a participant of a CareTeam that joins or leaves; valueCode add or remove.
const extOperation = fhir.ExtBase + "StructureDefinition/operation"

// unwritable tells which elements of a resource cannot be written that way.
func unwritable(typ string, keys []string) error {
	_, o := answerOf(invalid("not-writable", "an element that is worked out from others, or is somebody else's, was changed; leave it as it was read"))
	list := fhir.NewArray()
	for _, k := range keys {
		list.Add(fhir.String(typ + "." + k))
	}
	o.At("issue.0").Set("expression", list)
	return &outcomeError{status: http.StatusUnprocessableEntity, outcome: o}
}

// sharedFields are the shared fields of the master plan, with their place in the resource.
func sharedFields() []string {
	return []string{careplan.FieldStatus, careplan.FieldPeriodStart, careplan.FieldPeriodEnd, careplan.FieldNextEvaluation, careplan.FieldCoordinator}
}

func fieldText(n *fhir.Node, field string) string {
	var v *fhir.Node
	switch field {
	case careplan.FieldStatus:
		v = n.Get("status")
	case careplan.FieldPeriodStart:
		v = n.At("period.start")
	case careplan.FieldPeriodEnd:
		v = n.At("period.end")
	case careplan.FieldNextEvaluation:
		v = n.Extension(careplan.ExtNextEvaluation)
	case careplan.FieldCoordinator:
		v = n.Extension(careplan.ExtCoordinator)
	}
	if v == nil {
		return ""
	}
	return string(v.Bytes())
}

// changeMaster writes the shared fields that differ from the version read; all else must be as it was read.
func (c *call) changeMaster(d *change) error {
	for _, key := range differing(nil, d.body, d.it.Resource) {
		if key != "status" && key != "period" && key != "extension" {
			return unwritable("CarePlan", []string{key})
		}
	}
	n := fhir.NewObject("resourceType", "CarePlan", "status", d.body.Get("status").Text(), "intent", "plan", "subject",
		fhir.NewObject("reference", "Patient/"+careplan.PatientID(d.t.key)))
	if v := d.body.Get("period"); v != nil {
		n.Set("period", v)
	}
	changed := 0
	for _, field := range sharedFields() {
		if fieldText(d.body, field) == fieldText(d.it.Resource, field) {
			continue
		}
		changed++
		n.Append("extension", fhir.NewObject("url", careplan.ExtStates, "valueCode", field))
		for url, name := range map[string]string{careplan.ExtNextEvaluation: careplan.FieldNextEvaluation, careplan.ExtCoordinator: careplan.FieldCoordinator} {
			if e := d.body.Extension(url); e != nil && name == field {
				n.Append("extension", e)
			}
		}
	}
	if changed == 0 {
		return c.resultOf(d.t.chart, d.it, http.StatusOK)
	}
	return c.state(d, n)
}

// state submits what is said of a shared element and answers with the element as it stands then.
func (c *call) state(d *change, n *fhir.Node) error {
	res, pending, err := c.submit(d.t, gateway.Write{Resources: []*fhir.Node{n}, Seen: d.seen})
	if err != nil {
		return err
	}
	if pending {
		return c.pending(res)
	}
	ch, err := c.open(d.t.plan)
	if err != nil {
		return err
	}
	it := ch.find(d.it.Ref())
	if it == nil {
		return errNotFound
	}
	return c.resultOf(ch, it, http.StatusOK)
}

// changeTeam writes who joins and who leaves. A party writes itself, the coordinating unit everybody; what
// another one says of a third party becomes a proposal.
func (c *call) changeTeam(d *change) error {
	for _, key := range differing(nil, d.body, d.it.Resource) {
		if key != "participant" {
			return unwritable("CareTeam", []string{key})
		}
	}
	had := participants(d.it.Resource)
	want := participants(d.body)
	n := fhir.NewObject("resourceType", "CareTeam", "status", "active", "subject", fhir.NewObject("reference", "Patient/"+careplan.PatientID(d.t.key)))
	for _, key := range slices.Sorted(keysOf(want)) {
		p := want[key]
		if old := had[key]; old == nil || string(old.Get("period").Bytes()) != string(p.Get("period").Bytes()) || string(old.Get("role").Bytes()) != string(p.Get("role").Bytes()) {
			op := "add"
			if old != nil && old.At("period.end") == nil && p.At("period.end") != nil {
				op = "remove"
			}
			n.Append("participant", withOperation(p, op))
		}
	}
	for _, key := range slices.Sorted(keysOf(had)) {
		if want[key] == nil {
			n.Append("participant", withOperation(had[key], "remove"))
		}
	}
	if n.Get("participant") == nil {
		return c.resultOf(d.t.chart, d.it, http.StatusOK)
	}
	if c.speaksForOthers(d.t.chart, n) {
		res, pending, err := c.submit(d.t, gateway.Write{Resources: []*fhir.Node{n}, Seen: d.seen})
		if err != nil {
			return err
		}
		if pending {
			return c.pending(res)
		}
		return c.accepted("proposed", "who else takes part is for them and the coordinating unit to say: it was proposed")
	}
	return c.state(d, n)
}

// speaksForOthers tells whether a change of the team is about others than the writer only.
func (c *call) speaksForOthers(ch *chart, team *fhir.Node) bool {
	if ch.viewer.Purpose == careplan.PurposeCoordination {
		return false
	}
	return !slices.ContainsFunc(team.Get("participant").Items(), func(p *fhir.Node) bool {
		return slices.Contains(c.party.HER, p.At("member.identifier.value").Text())
	})
}

// participants are those of a team by whom they are and when they began.
func participants(team *fhir.Node) map[string]*fhir.Node {
	out := map[string]*fhir.Node{}
	for _, p := range team.Get("participant").Items() {
		key := p.At("member.identifier.value").Text() + "\x1f" + p.At("member.reference").Text() + "\x1f" + p.At("period.start").Text()
		out[key] = p
	}
	return out
}

func keysOf(m map[string]*fhir.Node) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func withOperation(p *fhir.Node, op string) *fhir.Node {
	out := fhir.NewObject("extension", fhir.NewArray(fhir.NewObject("url", extOperation, "valueCode", op)))
	for key, v := range p.Fields() {
		if key != "extension" {
			out.Set(key, v)
		}
	}
	return out
}

// changeTask answers: whoever a task asks accepts, rejects or reports. Nobody answers for another.
func (c *call) changeTask(d *change) error {
	coordinator := d.it.Owner == "coordinator" && d.t.chart.viewer.Purpose == careplan.PurposeCoordination
	if d.it.Owner == "" || !c.owns(d.it) && !coordinator {
		return errNotOwner
	}
	for _, key := range differing(nil, d.body, d.it.Resource) {
		switch key {
		case "status", "statusReason", "businessStatus", "note", "output", "lastModified", "executionPeriod", "owner":
		default:
			return unwritable("Task", []string{key})
		}
	}
	if d.it.Resource.Get("focus") == nil {
		return errDerived // it ends when what it asks for is done
	}
	w := c.name(d.body, d.it.Name)
	c.localise(d.body, d.t, nil)
	if d.body.Get("lastModified") == nil {
		d.body.SetText("lastModified", fhir.Instant(c.api.o.Now().UTC()))
	}
	write := gateway.Write{Resources: []*fhir.Node{w.node}, Seen: d.seen}
	if d.it.In != "" && c.owns(d.it) {
		write.Op, write.Resources = samvirke.OpChange, append(d.t.chart.siblings(d.it), w.node)
		write.Parent, write.Conversation = d.t.chart.chain(d.it.In)
	}
	res, pending, err := c.submit(d.t, write)
	if err != nil {
		return err
	}
	if pending {
		return c.pending(res)
	}
	ch, err := c.open(d.t.plan)
	if err != nil {
		return err
	}
	if it := ch.find(d.it.Ref()); it != nil {
		return c.resultOf(ch, it, http.StatusOK)
	}
	return c.result(d.t, w, res, http.StatusOK)
}

// propose makes of an update of another's element a proposal to its owner (intent proposal), or of one's own
// measure in a document its new content (intent plan).
func (c *call) propose(d *change, intent string) error {
	n := fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", intent,
		"extension", fhir.NewArray(fhir.NewObject("url", careplan.ExtConcerns, "valueReference", fhir.NewObject("reference", d.it.Type+"/"+d.it.Item))))
	code := d.body.Get("code")
	if code == nil {
		code = d.body.Get("description")
	}
	if !code.IsObject() {
		code = fhir.NewObject("text", first(d.body.Get("title").Text(), code.Text(), d.it.Type))
	}
	n.Set("code", code)
	n.Set("subject", fhir.NewObject("reference", "Patient/"+careplan.PatientID(d.t.key)))
	for _, key := range []string{"note", "occurrencePeriod", "occurrenceDateTime"} {
		if v := d.body.Get(key); v != nil && d.it.Type == "ServiceRequest" {
			n.Set(key, v)
		}
	}
	if e := d.body.Extension(fhir.ExtEvaluation); e != nil {
		n.Append("extension", e)
	}
	w := c.name(n, "")
	c.localise(n, d.t, nil)
	res, pending, err := c.submit(d.t, gateway.Write{Resources: []*fhir.Node{n}, Seen: d.seen})
	if err != nil {
		return err
	}
	if pending {
		return c.pending(res)
	}
	ch, err := c.open(d.t.plan)
	if err != nil {
		return err
	}
	if intent != "proposal" {
		if it := ch.find(d.it.Ref()); it != nil {
			return c.resultOf(ch, it, http.StatusOK)
		}
	}
	if it := ch.locate(w, res.Key); it != nil {
		c.api.stamp(ch, it)
		c.w.Header().Set("Location", c.base()+it.Ref()+"/_history/"+it.version)
	}
	return c.accepted("proposed", "the element is another party's: the change was proposed to its owner, who answers it")
}

func first(list ...string) string {
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			return s
		}
	}
	return ""
}
