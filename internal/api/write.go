package api

import (
	"context"
	"errors"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
)

// target is whose plan a write is about. chart is nil for a person whose plan this party does not see (yet): a
// party may always tell us about a person that it knows by number.
type target struct {
	id    samvirke.Identifier
	key   string
	plan  string
	chart *chart
}

// lock lets one write at a time check and change a plan. It holds in this process; between processes, and against
// messages that come by other ways, the plan's own rules hold: what had not been seen becomes a conflict and is
// not lost.
func (a *api) lock(plan string) (unlock func()) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(plan))
	mu := &a.writing[h.Sum32()%uint32(len(a.writing))]
	mu.Lock()
	return mu.Unlock
}

// identifierOf takes a patient key apart.
func identifierOf(key string) samvirke.Identifier {
	system, value, _ := strings.Cut(key, "|")
	return fhir.IdentifierOf(fhir.NewObject("system", system, "value", value))
}

// subjectKeys are the elements that say whom a resource is about.
func subjectKeys() []string { return []string{"subject", "patient", "for"} }

// target finds whom a resource is about: "Patient/<id>", our full URL, or the person's identifier.
func (c *call) target(n *fhir.Node) (*target, error) {
	var refs []*fhir.Node
	for _, key := range subjectKeys() {
		if v := n.Get(key); v != nil {
			refs = append(refs, v)
		}
	}
	for _, p := range n.Get("participant").Items() {
		refs = append(refs, p.Get("actor"))
	}
	for _, ref := range refs {
		t := &target{}
		literal := strings.TrimPrefix(ref.Get("reference").Text(), c.base())
		if id, ok := strings.CutPrefix(literal, "Patient/"); ok {
			plan := planIn(id)
			patient, err := c.api.patientOf(c.ctx, plan)
			if errors.Is(err, errNotFound) {
				return nil, errNeedsPatient
			}
			if err != nil {
				return nil, err
			}
			// Whoever has the id of a person was told it, and may tell us about them as with their number.
			t.key, t.plan, t.id = patient, plan, identifierOf(patient)
			if t.chart, err = c.openToWrite(plan); err != nil && !errors.Is(err, errNotFound) {
				return nil, err
			}
			return t, nil
		}
		if id := fhir.IdentifierOf(ref.Get("identifier")); id.Value != "" && ref.Get("type").Text() != "Organization" {
			if id.Type == fhir.TypeFNR || id.Type == fhir.TypeDNR || id.Type == fhir.TypeFHN {
				id.Value = fhir.NormalizePerson(id.Value)
			}
			t.id, t.key = id, id.Key()
			t.plan = c.api.o.PlanID(t.key)
			var err error
			if t.chart, err = c.openToWrite(t.plan); err != nil && !errors.Is(err, errNotFound) {
				return nil, err
			}
			return t, nil
		}
	}
	return nil, errNeedsPatient
}

// written is one resource on its way into a message.
type written struct {
	node *fhir.Node
	typ  string
	name string // what its writer calls it, see fhir.SystemElement
	id   string // id within the plan
}

// name gives a resource its name and its id within the plan. The sender is the party's enterprise.
func (c *call) name(n *fhir.Node, name string) written {
	if name == "" {
		name = uuid.NewString()
	}
	w := written{node: n, typ: n.Get("resourceType").Text(), name: name}
	w.id = careplan.ElementID(c.enterprise(), w.typ, name)
	w.node.Set("id", fhir.String(w.id))
	ids := fhir.NewArray()
	for _, id := range n.Get("identifier").Items() {
		if id.Get("system").Text() != fhir.SystemElement {
			ids.Add(id)
		}
	}
	if n.Get("identifier").IsObject() { // types that have one identifier only
		return w
	}
	ids.Add(fhir.NewObject("system", fhir.SystemElement, "value", name))
	n.Set("identifier", ids)
	return w
}

// enterprise is the HER-id under which the party's messages are filed.
func (c *call) enterprise() string {
	if len(c.party.HER) == 0 {
		return ""
	}
	return c.party.HER[0]
}

// localise turns references for others into those of the plan's own items, and takes out what is not the
// writer's to say. known maps further references, those inside a transaction.
func (c *call) localise(n *fhir.Node, t *target, known map[string]string) {
	base := c.base()
	var walk func(*fhir.Node)
	walk = func(n *fhir.Node) {
		for _, i := range n.Items() {
			walk(i)
		}
		for _, key := range n.Keys() {
			v := n.Get(key)
			if key != "reference" || !v.IsString() {
				walk(v)
				continue
			}
			text := v.Text()
			if to, ok := known[text]; ok {
				n.SetText(key, to)
				continue
			}
			text = strings.TrimPrefix(text, base)
			if text, _, _ = strings.Cut(text, "/_history/"); t.chart != nil {
				if it := t.chart.find(text); it != nil {
					n.SetText(key, it.Type+"/"+it.local(t.chart))
				}
			}
		}
	}
	walk(n)
	n.Set("meta", keepLabels(n.Get("meta")))
	for _, key := range subjectKeys() {
		if v := n.Get(key); v != nil && (strings.HasPrefix(v.Get("reference").Text(), "Patient/") || v.Get("identifier") != nil) {
			n.Set(key, fhir.NewObject("reference", "Patient/"+careplan.PatientID(t.key)))
		}
	}
}

// keepLabels keeps security labels and tags: version, time and source are ours to say.
func keepLabels(meta *fhir.Node) *fhir.Node {
	out := fhir.NewObject()
	for _, key := range []string{"profile", "security", "tag"} {
		if v := meta.Get(key); v != nil {
			out.Set(key, v)
		}
	}
	if len(out.Keys()) == 0 {
		return nil
	}
	return out
}

// local is the id of a resource inside the plan.
func (it *item) local(*chart) string { return it.Item }

// patientNode is the Patient of a message, with the id that references have.
func (t *target) patientNode() *fhir.Node {
	return fhir.NewObject("resourceType", "Patient", "id", careplan.PatientID(t.key), "identifier", fhir.NewArray(fhir.IdentifierNode(t.id)))
}

// submit hands a write over and waits for it. err tells what the writer must mend; pending that it is kept and will
// be processed later.
func (c *call) submit(t *target, w gateway.Write) (res gateway.Result, pending bool, err error) {
	w.Party, w.Patient = c.party.ID, t.id
	if w.Op != samvirke.OpCancel {
		w.Resources = append([]*fhir.Node{t.patientNode()}, w.Resources...)
	}
	ctx, cancel := context.WithTimeout(c.ctx, writeTime)
	defer cancel()
	res, err = c.api.o.Submitter.Submit(ctx, w)
	if err != nil {
		return res, false, err
	}
	if res.Fault != nil {
		return res, false, res.Fault
	}
	return res, res.IsPending(), nil
}

// accepted answers 202: the write is kept, and this is all that can be told now.
func (c *call) accepted(code, text string) error {
	c.w.Header().Set("Preference-Applied", "respond-async")
	return c.reply(http.StatusAccepted, fhir.NewObject("resourceType", "OperationOutcome", "issue", fhir.NewArray(
		fhir.NewObject("severity", "information", "code", "informational", "details",
			fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", fhir.SystemFault, "code", code)), "text", text)))))
}

func (c *call) pending(res gateway.Result) error {
	return c.accepted("pending", "the write is kept as message "+res.MessageID+" and will be processed")
}

// result answers a write with the resource as it stands now.
func (c *call) result(t *target, w written, res gateway.Result, status int) error {
	ch, err := c.openToWrite(t.plan)
	if errors.Is(err, errNotFound) {
		return c.accepted("kept", "the write is kept as message "+res.MessageID+"; the plan is not open to this party")
	}
	if err != nil {
		return err
	}
	it := ch.locate(w, res.Key)
	if it == nil {
		return c.accepted("no-element", "the write is kept as message "+res.MessageID+"; the plan shows no element of it")
	}
	return c.resultOf(ch, it, status)
}

// resultOf answers with one resource. Source: FHIR R4, http.html sections 3.1.0.4 and 3.1.0.8.
func (c *call) resultOf(ch *chart, it *item, status int) error {
	c.api.stamp(ch, it)
	h := c.w.Header()
	h.Set("ETag", weak(it.version))
	h.Set("Last-Modified", it.updated.UTC().Format(http.TimeFormat))
	h.Set("Location", c.base()+it.Ref()+"/_history/"+it.version)
	switch c.prefer {
	case "minimal":
		c.w.WriteHeader(status)
		return nil
	case "OperationOutcome":
		return c.reply(status, fhir.Outcome())
	}
	return c.reply(status, it.Resource)
}

// locate finds what a write became: by its name, else the resource of its type that rests on its message.
func (ch *chart) locate(w written, key string) *item {
	var found *item
	for i := range ch.items {
		it := &ch.items[i]
		if it.Type != w.typ {
			continue
		}
		if it.In == key && it.Name == w.name && w.name != "" || it.Item == w.id {
			return it
		}
		if found == nil && slices.Contains(it.From, key) {
			found = it
		}
	}
	return found
}

// create answers POST type.
func (c *call) create() error {
	n, err := c.body()
	if err != nil {
		return err
	}
	if n.Get("resourceType").Text() != c.typ {
		return errType
	}
	t, err := c.target(n)
	if err != nil {
		return err
	}
	defer c.api.lock(t.plan)()
	if cond := c.r.Header.Get("If-None-Exist"); cond != "" {
		done, err := c.exists(t, cond)
		if done || err != nil {
			return err
		}
	}
	w, err := c.prepare(n, t, nil)
	if err != nil {
		return err
	}
	res, pending, err := c.submit(t, gateway.Write{Resources: []*fhir.Node{w.node}})
	if err != nil {
		return err
	}
	if err := c.api.audit(c.ctx, c.party.ID, "create-plan", c.typ+"/"+t.plan, t.key); err != nil {
		return err
	}
	if pending {
		return c.pending(res)
	}
	return c.result(t, w, res, http.StatusCreated)
}

// prepare makes a new resource ready for its message.
func (c *call) prepare(n *fhir.Node, t *target, known map[string]string) (written, error) {
	if n.Get("resourceType").Text() == "CarePlan" && len(n.Get("partOf").Items()) == 0 {
		// The shared plan is made by the gateway; what a party creates is its own plan under it.
		n.Set("partOf", fhir.NewArray(fhir.NewObject("reference", "CarePlan/"+t.master())))
	}
	if err := recordsOf(n, t); err != nil {
		return written{}, err
	}
	w := c.name(n, "")
	c.localise(n, t, known)
	return w, nil
}

// master is the id of the shared plan within the plan.
func (t *target) master() string {
	if t.chart != nil {
		if it := t.chart.find("CarePlan/" + t.plan); it != nil {
			return it.Item
		}
	}
	return "master"
}

// exists answers a conditional create when there is a match already; done tells that it has.
//
// Source: FHIR R4, http.html section 3.1.0.8.1.
func (c *call) exists(t *target, condition string) (done bool, err error) {
	values, err := parseCondition(condition)
	if err != nil || len(values) == 0 {
		return false, errParameter
	}
	probe := *c
	probe.query, probe.posted, probe.strict = values, true, true // a header is no URL; a wrong condition must not create
	q, err := probe.parseQuery()
	if err != nil {
		return false, err
	}
	if t.chart == nil || len(q.criteria) == 0 {
		if len(q.criteria) == 0 {
			return false, errParameter
		}
		return false, nil
	}
	hits := probe.matching(q, t.chart)
	switch len(hits) {
	case 0:
		return false, nil
	case 1:
		return true, c.resultOf(t.chart, hits[0].it, http.StatusOK)
	}
	return false, errSeveral
}
