package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
)

// taskHold is the code of the task that sets a record aside.
const taskHold = "hold-record"

// hold sets a record aside: it counts no more until it is released.
func (s *Server) hold(w http.ResponseWriter, r *http.Request, x *session) error {
	return s.holdOr(w, r, x, "hold-record", "in-progress", "Set aside. The plan no longer counts that message; everything else stays.")
}

// release lets a record that was set aside count again.
func (s *Server) release(w http.ResponseWriter, r *http.Request, x *session) error {
	return s.holdOr(w, r, x, "release-record", "cancelled", "The message counts again.")
}

// reasoned reads what every decision about a single record begins with: whose plan it is, the reason, and the plan as it
// stands for whoever decides.
func (s *Server) reasoned(r *http.Request, x *session) (patient, reason string, pl *careplan.Plan, err error) {
	if patient, err = s.openPerson(r); err != nil {
		return "", "", nil, err
	}
	if reason, err = reasonOf(r); err != nil {
		return "", "", nil, err
	}
	pl, _, err = s.readPlanFor(r.Context(), x, patient, 0)
	return patient, reason, pl, err
}

func (s *Server) holdOr(w http.ResponseWriter, r *http.Request, x *session, action, status, done string) error {
	patient, reason, pl, err := s.reasoned(r, x)
	if err != nil {
		return err
	}
	key := r.PostForm.Get("key")
	_, live := pl.Sources[key]
	held := pl.Rights != nil && slices.ContainsFunc(pl.Rights.Held, func(h careplan.Held) bool { return h.Key == key })
	if status == "cancelled" && !held || status != "cancelled" && (!live || held) {
		return errGone
	}
	task := fhir.NewObject("resourceType", "Task", "status", status, "intent", "order", "code", ourCode(taskHold), "statusReason", fhir.NewObject("text", reason),
		"input", fhir.NewArray(fhir.NewObject("type", fhir.NewObject("text", "record"), "valueString", key)))
	d := decision{action: action, object: key, reason: reason, patient: patient, parts: []*fhir.Node{task}}
	if d.seen, err = s.seenBy(r.Context(), x, patient, 0, pl); err != nil {
		return err
	}
	return s.decide(w, r, x, d, done)
}

// linkSystem is a kind of identifier that can be linked.
type linkSystem struct{ Code, Name, System, Type string }

func linkSystems() []linkSystem {
	return []linkSystem{{"fnr", identifierName(systemFNR), systemFNR, fhir.TypeFNR}, {"dnr", identifierName(systemDNR), systemDNR, fhir.TypeDNR},
		{"fhn", identifierName(systemFHN), systemFHN, fhir.TypeFHN}, {"cpr", identifierName(systemCPR), systemCPR, ""}}
}

// LinkSystems are the kinds of identifier that the form offers.
func (p *planPage) LinkSystems() []linkSystem { return linkSystems() }

var errIdentifier = &samvirke.Fault{Class: samvirke.Invalid, Code: "bad-identifier", Safe: "The identifier is not one of its kind: its length or check digit is wrong."}

// link says with evidence that another identifier is the same person's.
func (s *Server) link(w http.ResponseWriter, r *http.Request, x *session) error {
	patient, err := s.openPerson(r)
	if err != nil {
		return err
	}
	reason, err := reasonOf(r)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(linkSystems(), func(l linkSystem) bool { return l.Code == r.PostForm.Get("system") })
	value := strings.NewReplacer(" ", "", "-", "", ".", "").Replace(r.PostForm.Get("value"))
	if i < 0 || !plausible(linkSystems()[i].Type, value) {
		return errIdentifier
	}
	other := samvirke.Identifier{System: linkSystems()[i].System, Value: value}
	if other.Key() == patient {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "same-identifier", Safe: "That is the identifier of this plan itself."}
	}
	system, own, _ := strings.Cut(patient, "|")
	node := fhir.NewObject("resourceType", "Patient", "identifier", fhir.NewArray(fhir.IdentifierNode(samvirke.Identifier{System: system, Value: own})),
		"link", fhir.NewArray(fhir.NewObject("other", fhir.NewObject("identifier", fhir.IdentifierNode(other), "display", "the same person: "+reason), "type", "seealso")))
	d := decision{action: "link-identity", object: "identifiers of one person", reason: reason, role: samvirke.RoleIdentityAuthority, patient: patient, parts: []*fhir.Node{node}}
	return s.decide(w, r, x, d, "Linked: the two are shown as one person. Withdrawing the link undoes it.")
}

// plausible tells whether an identifier can be one of its kind: by its check digits in Norway, by its form in Denmark,
// where numbers without check digits are issued.
func plausible(typ, value string) bool {
	if typ != "" {
		return fhir.Check(typ, value, fhir.AllowSynthetic()) == nil
	}
	_, err := time.Parse("0201", value[:min(4, len(value))])
	return err == nil && len(value) == 10 && strings.Trim(value, "0123456789") == ""
}

// unlink withdraws a link that was made here: each plan is then exactly what its own records give.
func (s *Server) unlink(w http.ResponseWriter, r *http.Request, x *session) error {
	patient, reason, pl, err := s.reasoned(r, x)
	if err != nil {
		return err
	}
	key := r.PostForm.Get("key")
	src, ok := pl.Sources[key]
	stated := pl.Rights != nil && slices.ContainsFunc(pl.Rights.Identities, func(i careplan.Identity) bool { return slices.Contains(i.From, key) })
	if !ok || !stated {
		return errGone
	}
	_, id, _ := strings.Cut(key, "/")
	d := decision{action: "unlink-identity", object: key, reason: reason, role: samvirke.RoleIdentityAuthority, patient: patient, op: samvirke.OpCancel, parent: id}
	if src.Kind != gateway.KindPlanWrite {
		return errNotHere
	}
	for _, p := range s.parties(r.Context()) {
		if slices.Contains(p.HER, src.Sender) {
			d.party = p.Party
		}
	}
	if d.party.ID == "" {
		return errNotHere
	}
	return s.decide(w, r, x, d, "The link is withdrawn: the plans stand apart again.")
}

// same confirms that two items of the plan are the same real thing.
func (s *Server) same(w http.ResponseWriter, r *http.Request, x *session) error {
	patient, err := s.openPerson(r)
	if err != nil {
		return err
	}
	reason, err := maybeReason(r)
	if err != nil {
		return err
	}
	pl, _, err := s.readPlanFor(r.Context(), x, patient, 0)
	if err != nil {
		return err
	}
	a, b := r.PostForm.Get("a"), r.PostForm.Get("b")
	if pl.Shared == nil || !slices.ContainsFunc(pl.Shared.Same, func(o careplan.SameAs) bool { return o.A == a && o.B == b && !o.Confirmed }) {
		return errGone
	}
	item := func(kind, id string) *fhir.Node {
		return fhir.NewObject("type", kind, "resource", fhir.NewObject("reference", id))
	}
	node := fhir.NewObject("resourceType", "Linkage", "active", true, "item", fhir.NewArray(item("source", a), item("alternate", b)))
	d := decision{action: "confirm-same", object: fmt.Sprintf("%s and %s", a, b), reason: reason, role: samvirke.RoleCoordinator, patient: patient, parts: []*fhir.Node{node}}
	if d.seen, err = s.seenBy(r.Context(), x, patient, 0, pl); err != nil {
		return err
	}
	return s.decide(w, r, x, d, "Linked as the same thing. Both stay, each with its owner.")
}
