package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// idLength is the length of the opaque ids of plans and subscriptions. Unit: hex digits. The ids of all else
// in a plan begin with it.
const idLength = 32

// maxLinked bounds how many identifiers of one person are followed.
const maxLinked = 16

// chart is one person's plan as one party may see it. Reads, searches, counts, includes, history and errors are all
// answered from charts, and a chart comes from nowhere but open: what is not in it does not exist for the party.
type chart struct {
	plan    string // opaque id
	patient string // patient key
	viewer  careplan.Viewer
	records []careplan.Record // of the person, all of them; for folding only
	view    *careplan.Plan
	items   []item
	byRef   map[string]int
}

// item is one resource of a chart.
type item struct {
	careplan.Element
	// digest marks what is shown.
	digest string
	// version is the digest and, when the same was shown before and something else since, how often: who writes with
	// the version of the first time has not seen what came in between. It is not a number that counts all: that would
	// tell the reader that something changed which is withheld from them (careplan.md section 8, S7). Changes that the
	// viewer may not see are none here, see timeline. It is the digest until stamped.
	version string
	// seq orders entries of the audit that are of one moment.
	seq int64
	// updated is when what is shown last changed for this viewer; zero until stamped.
	updated time.Time
}

// viewer is who the caller is to the plan's rules.
//
// The purpose is treatment unless the caller says otherwise; coordination is for the coordinating unit only.
func (c *call) viewer() (careplan.Viewer, error) {
	v := careplan.Viewer{HER: c.party.HER, At: c.api.o.Now().UTC(), Private: c.party.HasRole(samvirke.RolePrivateProvider)}
	if c.party.HasRole(samvirke.RolePatientPortal) {
		v.HER, v.Patient = nil, true
	}
	purpose := c.r.Header.Get("X-Purpose-Of-Use")
	if p := c.query.Get("_purpose"); p != "" {
		purpose = p
	}
	switch strings.ToLower(purpose) {
	case "", "treatment", "treat":
		// The coordinating unit owns what nobody owns: it needs no membership to look.
		if c.party.HasRole(samvirke.RoleCoordinator) {
			v.Purpose = careplan.PurposeCoordination
		}
	case "coordination", "coc":
		if !c.party.HasRole(samvirke.RoleCoordinator) {
			return v, errPurpose
		}
		v.Purpose = careplan.PurposeCoordination
	default:
		return v, errPurpose
	}
	return v, nil
}

// patientOf finds whose plan an opaque id is; errNotFound for every id that is none.
func (a *api) patientOf(ctx context.Context, plan string) (string, error) {
	if !isID(plan) {
		return "", errNotFound
	}
	patient, err := a.o.Store.Setting(ctx, gateway.PlanSetting(plan))
	if err != nil {
		return "", err
	}
	// The id must also be the one of today's key; a setting alone opens nothing.
	if patient == "" || a.o.PlanID(patient) != plan {
		return "", errNotFound
	}
	return patient, nil
}

// open is the one way to a plan: it folds it for the caller and checks that the caller may look. It gives
// errNotFound for a plan that does not exist and for one that may not be seen; the second is audited.
func (c *call) open(plan string) (*chart, error) {
	patient, err := c.api.patientOf(c.ctx, plan)
	if errors.Is(err, errNotFound) && plan != "" {
		// Audited like one that is there: an id that leads nowhere may be tried by somebody who looks for one that does.
		if err := c.api.audit(c.ctx, c.party.ID, "read-unknown", plan, ""); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	ch, err := c.chart(plan, patient)
	if errors.Is(err, errForbidden) {
		if err := c.api.audit(c.ctx, c.party.ID, "read-plan-denied", plan, patient); err != nil {
			return nil, err
		}
		return nil, errNotFound
	}
	return ch, err
}

// openToWrite is open for a writer. Whoever may not look at a plan has what it wrote itself: it can correct and
// withdraw that, and is answered as if nothing stood in its way. So the answer to a write does not tell that there is
// a limit; what may be read, reading tells. errNotFound when the party wrote nothing.
func (c *call) openToWrite(plan string) (*chart, error) {
	ch, err := c.open(plan)
	if !errors.Is(err, errNotFound) {
		return ch, err
	}
	patient, err := c.api.patientOf(c.ctx, plan)
	if err != nil {
		return nil, err
	}
	viewer, err := c.viewer()
	if err != nil {
		return nil, err
	}
	all, err := c.api.records(c.ctx, patient)
	if err != nil {
		return nil, err
	}
	own := slices.DeleteFunc(all, func(r careplan.Record) bool { return !slices.Contains(c.party.HER, r.Key.Sender) })
	if len(own) == 0 {
		return nil, errNotFound
	}
	viewer.Purpose = ""
	ch = &chart{plan: plan, patient: patient, viewer: viewer, records: own}
	ch.view = careplan.FoldWith(own, c.api.fold(careplan.Options{Subject: patient, Viewer: &viewer}))
	ch.hold(slices.DeleteFunc(c.api.export(ch.view, plan), func(it item) bool { return it.In == "" || !c.owns(&it) }))
	return ch, nil
}

// errForbidden tells a plan that exists from one that does not, inside this room only.
var errForbidden = errors.New("this party may not see the plan")

// chart folds a plan for the caller; errForbidden when it may not look.
func (c *call) chart(plan, patient string) (*chart, error) {
	viewer, err := c.viewer()
	if err != nil {
		return nil, err
	}
	records, err := c.api.records(c.ctx, patient)
	if err != nil {
		return nil, err
	}
	if viewer.Purpose == careplan.PurposeCoordination && !c.api.coordinates(c.party, patient, records) {
		viewer.Purpose = "" // another municipality's unit is a party like others
	}
	ch := &chart{plan: plan, patient: patient, viewer: viewer, records: records}
	if err := c.allowed(ch); err != nil {
		return nil, err
	}
	ch.view = careplan.FoldWith(records, c.api.fold(careplan.Options{Subject: patient, Viewer: &viewer}))
	if len(ch.view.Sources) == 0 && len(ch.view.History) == 0 {
		return nil, errForbidden // all of it is withheld
	}
	ch.hold(c.api.export(ch.view, plan))
	return ch, nil
}

// hold makes items those of the chart.
func (ch *chart) hold(items []item) {
	ch.items, ch.byRef = items, make(map[string]int, len(items))
	for i := range items {
		ch.byRef[items[i].Ref()] = i
	}
}

// fold puts the site's settings into the options of a fold.
func (a *api) fold(o careplan.Options) careplan.Options {
	o.Off, o.Priority = a.o.Rules.Off, a.o.Rules.Priority
	return o
}

// allowed asks the plan that sees all. Besides the team, a party that was sent something about the person may
// look, as long as nobody said when it takes part and no limit is against it.
func (c *call) allowed(ch *chart) error {
	all := careplan.FoldWith(ch.records, c.api.fold(careplan.Options{Subject: ch.patient}))
	ok, why := all.Allowed(ch.viewer)
	if ok {
		return nil
	}
	timeless := ch.viewer
	timeless.At = time.Time{}
	if free, _ := all.Allowed(timeless); !free || why != careplan.NotAMember {
		return errForbidden
	}
	told, err := c.api.told(c.ctx, c.party, ch.patient)
	if err != nil {
		return err
	}
	if !told {
		return errForbidden
	}
	return nil
}

// coordinates tells whether a party is the coordinating unit of the person whom the records are about.
func (a *api) coordinates(p samvirke.Party, patient string, records []careplan.Record) bool {
	if a.o.Coordinates == nil {
		return true
	}
	keys := []string{patient}
	for _, k := range careplan.Class(records, patient) {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return a.o.Coordinates(p, keys...)
}

// told tells whether something about the person has reached the party.
func (a *api) told(ctx context.Context, p samvirke.Party, patient string) (bool, error) {
	for _, purpose := range []samvirke.Purpose{samvirke.PurposeForward, samvirke.PurposeNotice} {
		list, err := a.o.Store.Deliveries(ctx, queue.DeliveryFilter{Party: p.ID, Patient: patient, Purpose: purpose,
			State: []samvirke.DeliveryState{samvirke.DeliverySent, samvirke.DeliveryAcknowledged}, Limit: 1})
		if err != nil {
			return false, err
		}
		if len(list) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// records reads all records of a person, under every identifier that is linked to the one asked for.
func (a *api) records(ctx context.Context, patient string) ([]careplan.Record, error) {
	keys := []string{patient}
	seen := map[string]bool{}
	var all []careplan.Record
	for i := 0; i < len(keys) && i < maxLinked; i++ {
		stored, err := a.o.Store.Records(ctx, keys[i])
		if err != nil {
			return nil, err
		}
		for _, s := range stored {
			if seen[s.Key+"\x1f"+s.Hash] {
				continue // a record that links stands under both
			}
			seen[s.Key+"\x1f"+s.Hash] = true
			rec, err := careplan.ParseRecord(s.Body)
			if err != nil {
				return nil, err
			}
			all = append(all, rec)
		}
		for _, k := range careplan.Class(all, patient) {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	if len(all) == 0 {
		return nil, errNotFound // erased
	}
	return all, nil
}

// export gives the resources of a view with their versions.
func (a *api) export(p *careplan.Plan, plan string) []item {
	list := p.ExportAs(plan, a.o.PlanID)
	items := make([]item, len(list))
	for i := range list {
		list[i].Resource = headFirst(list[i].Resource)
		sum := digest(&list[i])
		items[i] = item{Element: list[i], digest: sum, version: sum}
	}
	// The version of the shared plan is that of all that belongs to it: a reader who was told that the plan has
	// changed asks for it by its version.
	h := sha256.New()
	for i := range items {
		h.Write([]byte(items[i].Ref() + items[i].digest))
	}
	for i := range items {
		if items[i].Type == "CarePlan" && items[i].ID == plan {
			items[i].digest = hex.EncodeToString(h.Sum(nil)[:8])
			items[i].version = items[i].digest
		}
	}
	return items
}

// headFirst puts type, id and meta first, where people look for them.
func headFirst(n *fhir.Node) *fhir.Node {
	out := fhir.NewObject("resourceType", n.Get("resourceType"), "id", n.Get("id"), "meta", fhir.NewObject())
	for key, v := range n.Fields() {
		if key != "resourceType" && key != "id" && key != "meta" {
			out.Set(key, v)
		}
	}
	return out
}

// digest marks what a resource shows.
func digest(e *careplan.Element) string {
	sum := sha256.Sum256(e.Resource.Bytes())
	return hex.EncodeToString(sum[:8])
}

// find gives an item by its reference.
func (ch *chart) find(ref string) *item {
	if i, ok := ch.byRef[ref]; ok {
		return &ch.items[i]
	}
	return nil
}

// planIn gives the plan's id in the id of a resource; "" when it can be none.
func planIn(id string) string {
	if len(id) == idLength && isID(id) {
		return id
	}
	if len(id) > idLength+1 && len(id) <= 64 && id[idLength] == '-' && isID(id[:idLength]) && strings.Trim(id[idLength+1:], "0123456789abcdef") == "" {
		return id[:idLength]
	}
	return ""
}

// isID tells whether s can be the opaque id of a plan at all, so that nothing else reaches the store.
func isID(s string) bool {
	return len(s) == idLength && strings.Trim(s, "0123456789abcdef") == ""
}
