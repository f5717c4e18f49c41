package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
)

func parseCondition(s string) (url.Values, error) { return url.ParseQuery(strings.TrimPrefix(s, "?")) }

// change is one update or withdrawal, checked and ready to be made.
type change struct {
	t    *target
	it   *item
	body *fhir.Node
	// seen are the records that the writer had seen.
	seen []string
}

// update answers PUT type/id.
func (c *call) update() error {
	n, err := c.body()
	if err != nil {
		return err
	}
	switch {
	case n.Get("resourceType").Text() != c.typ:
		return errType
	case n.Get("id").Text() != c.id:
		return errID
	}
	plan := planIn(c.id)
	defer c.api.lock(plan)()
	ch, err := c.openToWrite(plan)
	if err != nil {
		return err
	}
	if err := c.seen(ch, "update-plan"); err != nil {
		return err
	}
	it := ch.find(c.typ + "/" + c.id)
	if it == nil {
		return c.withdrawn(ch)
	}
	d := &change{t: &target{id: identifierOf(ch.patient), key: ch.patient, plan: ch.plan, chart: ch}, it: it, body: n}
	if d.seen, err = c.condition(ch, it, n); err != nil {
		return err
	}
	return c.change(d)
}

// change makes an update by what may be changed of the element, and by whom.
func (c *call) change(d *change) error {
	switch {
	case d.it.Type == "CarePlan" && d.it.ID == d.t.plan:
		return c.changeMaster(d)
	case d.it.Type == "CareTeam":
		return c.changeTeam(d)
	case d.it.Type == "Task":
		return c.changeTask(d)
	case d.it.Owner == "":
		return errDerived
	case c.owns(d.it) && d.it.In != "":
		return c.changeOwn(d)
	case isPatientGoal(d.it) && d.it.Name != "":
		return c.recordAgain(d)
	case c.owns(d.it) && d.it.Type == "ServiceRequest":
		return c.propose(d, "plan")
	case c.owns(d.it):
		return errInDocument
	case proposable(d.it.Type):
		return c.propose(d, "proposal")
	}
	return errNotOwner
}

// owns tells whether the caller is the single writer of an element.
func (c *call) owns(it *item) bool {
	return it.Owner != "" && slices.Contains(c.party.HER, it.Owner) || it.Owner == samvirke.RolePatient && c.party.HasRole(samvirke.RolePatientPortal)
}

// proposable are the types of which another's element can be answered with a proposal. An assessment, a note or a
// limit is its author's alone. Source: careplan.md section 5.2.
func proposable(typ string) bool {
	switch typ {
	case "Goal", "ServiceRequest", "CarePlan", "Condition", "Appointment", "DeviceRequest", "EpisodeOfCare":
		return true
	}
	return false
}

// isPatientGoal: the patient's own goal is shared; whoever takes it down again writes the same element.
func isPatientGoal(it *item) bool {
	return it.Type == "Goal" && strings.HasPrefix(it.Resource.At("expressedBy.reference").Text(), "Patient/")
}

// sharedElement tells whether several may write an element, so that a write must say what it had seen.
func (c *call) sharedElement(it *item) bool {
	return it.Type == "CareTeam" || it.Type == "CarePlan" && len(it.ID) == idLength || isPatientGoal(it)
}

// condition holds If-Match against what stands there. It gives the records that the writer had seen: all
// that had arrived when the version named began, as far as the writer may see them.
//
// Source: careplan.md sections 3.3 and 5.3; FHIR R4, http.html section 3.1.0.5.
func (c *call) condition(ch *chart, it *item, body *fhir.Node) ([]string, error) {
	tags, any, err := matchTags(c.r.Header.Values("If-Match"))
	switch {
	case err != nil:
		return nil, err
	case len(tags) == 0:
		// Any version will do, or no condition: it does not say what had been seen, which a field that several write needs.
		if c.sharedElement(it) {
			return nil, errNeedsMatch
		}
		if any {
			return nil, nil
		}
		return seenIn(ch.view), nil
	}
	c.api.stamp(ch, it)
	if slices.Contains(tags, it.version) {
		return seenIn(ch.view), nil
	}
	// An older version of the plan in which this element stood as it stands now, and stood so ever since, is no older
	// version of the element; what had been seen is what that version held.
	list := c.api.timeline(ch).versions[it.Ref()]
	if !slices.ContainsFunc(list, func(v version) bool { return v.id != "" && slices.Contains(tags, v.id) }) {
		return nil, c.stale(ch, it, body, tags[0])
	}
	for _, v := range slices.Backward(list) {
		old := c.api.past(ch, it.Ref(), v)
		if old == nil || len(differing(old, body, it.Resource)) > 0 {
			break
		}
		if slices.Contains(tags, v.id) {
			return seenIn(c.api.at(ch, v.at)), nil
		}
	}
	return nil, c.stale(ch, it, body, tags[0])
}

// matchTags reads If-Match: the versions named, of which one must be the one that stands there, or any for "*", which
// only demands that something stands there. Weak tags are what FHIR gives out, so they are compared as they are.
//
// Source: RFC 9110 section 13.1.1; FHIR R4, http.html section 3.1.0.5.
func matchTags(headers []string) (tags []string, any bool, err error) {
	for _, header := range headers {
		if strings.TrimSpace(header) == "*" {
			any = true
			continue
		}
		for _, one := range strings.Split(header, ",") {
			one = strings.TrimSpace(one)
			tag := strings.Trim(strings.TrimPrefix(one, "W/"), `"`)
			if tag == "" || strings.ContainsAny(tag, "\"* ") {
				return nil, false, errIfMatch
			}
			tags = append(tags, tag)
		}
	}
	if any && len(tags) > 0 || len(tags) > maxTags {
		return nil, false, errIfMatch
	}
	return tags, any, nil
}

// maxTags bounds the versions that one If-Match names.
const maxTags = 50

// seenIn are the keys of all records that a view of the plan rests on, live or not.
func seenIn(p *careplan.Plan) []string {
	var out []string
	for k := range p.Sources {
		out = append(out, k)
	}
	for _, s := range p.History {
		out = append(out, s.Key)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// stale tells that the version named is not the newest: which one is, and which elements differ from it.
func (c *call) stale(ch *chart, it *item, body *fhir.Node, tag string) error {
	_, o := answerOf(invalid("version-conflict", "another version stands there now; read it and write again"))
	issue := o.At("issue.0")
	differs := fhir.NewArray()
	old := c.version(ch, it, tag)
	for _, key := range differing(old, body, it.Resource) {
		differs.Add(fhir.String(it.Type + "." + key))
	}
	if len(differs.Items()) > 0 {
		issue.Set("expression", differs)
	}
	c.api.stamp(ch, it)
	issue.SetText("diagnostics", "current version "+it.version)
	return &outcomeError{status: http.StatusPreconditionFailed, outcome: o, tag: weak(it.version)}
}

// version finds an older version of a resource; nil when there is none of that name.
func (c *call) version(ch *chart, it *item, tag string) *fhir.Node {
	for _, v := range slices.Backward(c.api.timeline(ch).versions[it.Ref()]) {
		if v.id == tag {
			return c.api.past(ch, it.Ref(), v)
		}
	}
	return nil
}

// differing lists the elements of the current resource that differ from the old version when that is known, else
// from what the writer sent.
func differing(old, body, current *fhir.Node) []string {
	base := old
	if base == nil {
		base = body
	}
	var out []string
	note := func(key string) {
		if key != "meta" && key != "id" && key != "text" && key != "resourceType" && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	for key, v := range current.Fields() {
		if w := base.Get(key); w == nil || string(w.Bytes()) != string(v.Bytes()) {
			note(key)
		}
	}
	for _, key := range base.Keys() {
		if current.Get(key) == nil {
			note(key)
		}
	}
	return out
}

// changeOwn writes a new version of what the party wrote before: a change of the same message, with all else
// that stood in it.
func (c *call) changeOwn(d *change) error {
	if err := recordsOf(d.body, d.t); err != nil {
		return err
	}
	w := c.name(d.body, d.it.Name)
	c.localise(d.body, d.t, nil)
	if d.it.Type == "CarePlan" && len(d.body.Get("partOf").Items()) == 0 {
		d.body.Set("partOf", fhir.NewArray(fhir.NewObject("reference", "CarePlan/"+d.t.master())))
	}
	parent, conversation := d.t.chart.chain(d.it.In)
	res, pending, err := c.submit(d.t, gateway.Write{Resources: append(d.t.chart.siblings(d.it), w.node), Seen: d.seen,
		Op: samvirke.OpChange, Parent: parent, Conversation: conversation})
	if err != nil {
		return err
	}
	if pending {
		return c.pending(res)
	}
	return c.result(d.t, w, res, http.StatusOK)
}

// chain gives the message id and the conversation of a record.
func (ch *chart) chain(key string) (parent, conversation string) {
	for i := range ch.records {
		if r := &ch.records[i]; r.Key.String() == key {
			return r.Key.MessageID, r.Chain.Conversation
		}
	}
	return "", ""
}

// siblings are the other resources of the message that an element was written in, as they were written.
func (ch *chart) siblings(it *item) []*fhir.Node {
	var out []*fhir.Node
	for i := range ch.items {
		if o := &ch.items[i]; o.In == it.In && (o.Name != it.Name || o.Type != it.Type) && o.Raw != nil {
			out = append(out, o.Raw)
		}
	}
	return out
}

// recordAgain takes down the patient's own goal as another organisation heard it: the same goal, a new statement.
func (c *call) recordAgain(d *change) error {
	w := c.name(d.body, d.it.Name)
	c.localise(d.body, d.t, nil)
	res, pending, err := c.submit(d.t, gateway.Write{Resources: []*fhir.Node{w.node}, Seen: d.seen})
	if err != nil {
		return err
	}
	if pending {
		return c.pending(res)
	}
	return c.result(d.t, w, res, http.StatusOK)
}

// removable tells whether the caller may take an element back, and whether it is the version that they mean.
func (c *call) removable(ch *chart, it *item) error {
	switch {
	case it.Owner == "" || len(it.ID) == idLength:
		return errDerived
	case !c.owns(it):
		return errNotOwner
	case it.In == "":
		return errInDocument
	}
	tags, _, err := matchTags(c.r.Header.Values("If-Match"))
	if err == nil && len(tags) > 0 {
		_, err = c.condition(ch, it, fhir.NewObject())
	}
	return err
}

// remove answers DELETE type/id: its author takes an element back. Everybody who was told of it is told of that.
func (c *call) remove() error {
	plan := planIn(c.id)
	defer c.api.lock(plan)()
	ch, err := c.openToWrite(plan)
	if err != nil {
		return err
	}
	it := ch.find(c.typ + "/" + c.id)
	// Each attempt, whatever comes of it: also one on what is gone, or is another party's.
	if err := c.seen(ch, "delete-plan"); err != nil {
		return err
	}
	if it == nil {
		list := c.api.timeline(ch).versions[c.typ+"/"+c.id]
		if len(list) == 0 || list[len(list)-1].id != "" {
			return errNotFound
		}
		c.w.WriteHeader(http.StatusNoContent) // it is gone already
		return nil
	}
	if err := c.removable(ch, it); err != nil {
		return err
	}
	parent, conversation := ch.chain(it.In)
	w := gateway.Write{Op: samvirke.OpCancel, Parent: parent, Conversation: conversation}
	if rest := ch.siblings(it); len(rest) > 0 {
		w.Op, w.Resources, w.Seen = samvirke.OpChange, rest, seenIn(ch.view)
	}
	res, pending, err := c.submit(&target{id: identifierOf(ch.patient), key: ch.patient, plan: ch.plan, chart: ch}, w)
	if err != nil {
		return err
	}
	if pending {
		return c.pending(res)
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
