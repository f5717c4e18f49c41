package careplan

import "github.com/samvirke/samvirke/fhir"

// custodian is the responsible party of the plan as R5 has it: R4's author is not that.
// Source: careplan.md section 2.
func custodian(plan *fhir.Node, f *Field) {
	ref := fhir.NewObject("display", f.Value.Text)
	if f.Value.Code != "" {
		ref.Set("identifier", fhir.NewObject("system", f.Value.System, "value", f.Value.Code))
	}
	plan.Append("extension", fhir.NewObject("url", extCustodian, "valueReference", ref))
}

// wished says which field a proposal is about and what it is to be, in the form that is read back.
func wished(n *fhir.Node, p *Proposal) {
	if p.Field != "" {
		n.Append("extension", fhir.NewObject("url", ExtField, "valueCode", p.Field))
	}
	if p.Wanted != nil {
		e := fhir.NewObject("url", ExtWanted, "valueString", p.Wanted.Text)
		if p.Wanted.Code != "" {
			e = fhir.NewObject("url", ExtWanted, "valueCodeableConcept", conceptNode(p.Wanted.Text, p.Wanted))
		}
		n.Append("extension", e)
	}
}

// sharedTask gives a task about a disagreement or a proposal what it is about, and how it ended.
func (x *export) sharedTask(n *fhir.Node, t *Task) {
	if x.p.Shared == nil {
		return
	}
	switch t.Rule {
	case "conflict":
		for _, c := range x.p.Shared.Conflicts {
			if t.ID == conflictTaskID(c.ID) {
				n.Set("focus", reference("Flag/"+c.ID))
			}
		}
	case "change-proposal":
		for i := range x.p.Shared.Proposals {
			if p := &x.p.Shared.Proposals[i]; t.ID == changeTaskID(p.ID) {
				n.Set("focus", reference("ServiceRequest/"+p.ID))
				if p.Status == "accepted" || p.Status == "rejected" {
					n.SetText("status", p.Status)
				}
				if p.Reason != "" {
					n.Set("statusReason", fhir.NewObject("text", p.Reason))
				}
			}
		}
	}
}

// linkages are the pairs that a person said are the same real thing.
func (x *export) linkages() {
	for _, s := range x.p.Shared.Same {
		a, b := x.refTo(s.A), x.refTo(s.B)
		if !s.Confirmed || a == "" || b == "" {
			continue
		}
		n := fhir.NewObject("resourceType", "Linkage", "active", true, "item", fhir.NewArray(
			fhir.NewObject("type", "source", "resource", reference(a)), fhir.NewObject("type", "alternate", "resource", reference(b))))
		x.put("", n, shortID("same", s.A, s.B), s.From)
	}
}
