package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// idLength is the length of the opaque ids of plans and subscriptions. Unit: hex digits.
const idLength = 32

// plan answers GET CarePlan/{id} with the CarePlan resource alone.
func (a *api) plan(w http.ResponseWriter, r *http.Request, p samvirke.Party) error {
	v, err := a.view(r, p, "read-plan")
	if err != nil || v.unchanged(w, r) {
		return err
	}
	write(w, http.StatusOK, v.carePlan)
	return nil
}

// everything answers GET CarePlan/{id}/$everything with all that belongs to the plan.
func (a *api) everything(w http.ResponseWriter, r *http.Request, p samvirke.Party) error {
	v, err := a.view(r, p, "read-plan")
	if err != nil || v.unchanged(w, r) {
		return err
	}
	base := a.base(r)
	entries := fhir.NewArray()
	for _, e := range v.bundle.Entries() {
		mode := "include"
		if e.Resource == v.carePlan {
			mode = "match"
		}
		ref := e.Type + "/" + e.Resource.Get("id").Text()
		entries.Add(fhir.NewObject("fullUrl", base+ref, "resource", e.Resource, "search", fhir.NewObject("mode", mode)))
	}
	link := fhir.NewObject("relation", "self", "url", base+"CarePlan/"+v.id+"/$everything")
	write(w, http.StatusOK, fhir.NewObject("resourceType", "Bundle", "type", "searchset", "total", 1,
		"link", fhir.NewArray(link), "entry", entries))
	return nil
}

// view is one person's plan as one party may see it.
type view struct {
	id       string
	bundle   *fhir.Bundle
	carePlan *fhir.Node
	// version is a digest of what is shown. It is not the number of the plan's version: that would
	// tell the reader that something changed which is withheld from them (careplan.md section 8, S7).
	version string
}

// view folds the plan for the party, checks that the party may read it, and writes the audit.
func (a *api) view(r *http.Request, p samvirke.Party, action string) (*view, error) {
	ctx, id := r.Context(), r.PathValue("id")
	if !isID(id) {
		return nil, errNotFound
	}
	patient, err := a.o.Store.Setting(ctx, gateway.PlanSetting(id))
	if err != nil {
		return nil, err
	}
	// The id must also be the one of today's key; a setting alone opens nothing.
	if patient == "" || a.o.PlanID(patient) != id {
		return nil, errNotFound
	}
	plan, err := a.fold(ctx, patient, p)
	if err != nil {
		return nil, err
	}
	allowed, err := a.mayRead(ctx, plan, p)
	if err != nil {
		return nil, err
	}
	if !allowed {
		if err := a.audit(ctx, p.ID, action+"-denied", id, patient); err != nil {
			return nil, err
		}
		return nil, errNotFound
	}
	v, err := a.export(plan, id)
	if err != nil {
		return nil, err
	}
	return v, a.audit(ctx, p.ID, action, id, patient)
}

func (a *api) fold(ctx context.Context, patient string, p samvirke.Party) (*careplan.Plan, error) {
	stored, err := a.o.Store.Records(ctx, patient)
	if err != nil {
		return nil, err
	}
	records := make([]careplan.Record, 0, len(stored))
	for _, s := range stored {
		rec, err := careplan.ParseRecord(s.Body)
		if err != nil {
			return nil, err
		}
		records = append(records, rec)
	}
	if len(records) == 0 {
		return nil, errNotFound // erased
	}
	return careplan.FoldFor(records, careplan.Viewer{HER: p.HER}), nil
}

// mayRead is the access rule of the package comment.
func (a *api) mayRead(ctx context.Context, plan *careplan.Plan, p samvirke.Party) (bool, error) {
	for _, m := range plan.Team {
		if slices.Contains(p.HER, m.HER) {
			return true, nil
		}
	}
	for _, purpose := range []samvirke.Purpose{samvirke.PurposeForward, samvirke.PurposeNotice} {
		told, err := a.o.Store.Deliveries(ctx, queue.DeliveryFilter{Party: p.ID, Patient: plan.Patient, Purpose: purpose,
			State: []samvirke.DeliveryState{samvirke.DeliverySent, samvirke.DeliveryAcknowledged}, Limit: 1})
		if err != nil {
			return false, err
		}
		if len(told) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// export makes the FHIR form with ids that do not tell who it is, and marks the version.
func (a *api) export(plan *careplan.Plan, id string) (*view, error) {
	bundle := plan.Export(a.o.PlanID)
	if bundle == nil {
		return nil, errPanic
	}
	v := &view{id: id, bundle: bundle, carePlan: bundle.First("CarePlan")}
	if v.carePlan == nil {
		return nil, errNotFound
	}
	sum := sha256.New()
	for _, e := range bundle.Entries() {
		sum.Write(e.Resource.Bytes())
	}
	v.version = hex.EncodeToString(sum.Sum(nil))[:16]
	meta := v.carePlan.Get("meta")
	if meta == nil {
		meta = fhir.NewObject()
		v.carePlan.Set("meta", meta)
	}
	meta.SetText("versionId", v.version)
	return v, nil
}

// unchanged sets the ETag and answers 304 when the caller has this version.
func (v *view) unchanged(w http.ResponseWriter, r *http.Request) bool {
	tag := `W/"` + v.version + `"`
	w.Header().Set("ETag", tag)
	for _, have := range strings.Split(r.Header.Get("If-None-Match"), ",") {
		if have = strings.TrimSpace(have); have == tag || have == "*" || have == strings.TrimPrefix(tag, "W/") {
			w.WriteHeader(http.StatusNotModified)
			return true
		}
	}
	return false
}

// isID tells whether s can be an opaque id at all, so that nothing else reaches the store.
func isID(s string) bool {
	return len(s) == idLength && strings.Trim(s, "0123456789abcdef") == ""
}
