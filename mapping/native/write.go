package native

import (
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// Fault codes of what is written into a plan, all of class Invalid.
const (
	CodeNoMember  = "no-member"      // CareTeam.participant that says of nobody
	CodeNoRecord  = "no-record-key"  // a hold without the record that it is about
	CodeNoLinked  = "no-linked"      // Patient.link without an identifier
	CodeLinkSelf  = "linked-to-self" // Patient.link to the patient's own identifier
	CodeNoConsent = "no-status"      // Consent without status
	CodeBadDate   = "bad-date"       // the next evaluation or a period is no FHIR dateTime
	CodePeriod    = "period-reversed"
)

// systemTask are codes of tasks that are decisions of people.
const systemTask = fhir.ExtBase + "CodeSystem/task"

// checkWrite wants the resources of a plan-write to say what a plan takes from them: a decision without its object, or
// a date that is none, would be kept and have no effect, and the writer would believe otherwise. A plan-update of a party is
// carried as it always was, with a warning for each.
func (f *Format) checkWrite(p *mapping.Parsed, b *fhir.Bundle) error {
	for i, e := range b.Entries() {
		path := "Bundle.entry[" + strconv.Itoa(i) + "].resource"
		var err *samvirke.Fault
		switch e.Type {
		case "Task":
			err = checkDecision(e.Resource)
		case "CareTeam":
			err = checkTeam(b, e.Resource)
		case "Consent":
			if e.Resource.Get("status").Text() == "" {
				err = wrong(CodeNoConsent, ".status", "a Consent has no status")
			}
		case "Patient":
			err = f.checkLinks(b, p, e.Resource)
		case "CarePlan":
			err = checkCarePlan(e.Resource)
		}
		if err == nil {
			continue
		}
		err.Path = path + err.Path
		if p.Envelope.Kind != KindPlanWrite {
			err.Receipt = ""
			p.Warnings = append(p.Warnings, err)
			continue
		}
		return err
	}
	return nil
}

func wrong(code, path, safe string) *samvirke.Fault {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: safe, Receipt: "T02", Path: path}
}

// checkDecision looks at tasks that are decisions; any other task answers something.
func checkDecision(t *fhir.Node) *samvirke.Fault {
	code := ""
	for _, c := range t.At("code.coding").Items() {
		if c.Get("system").Text() == systemTask {
			code = c.Get("code").Text()
		}
	}
	switch {
	case t.Get("status").Text() == "":
		return wrong(CodeNoTask, ".status", "a Task has no status")
	case code == "hold-record":
		for _, in := range t.Get("input").Items() {
			if in.Get("valueString").Text() != "" {
				return nil
			}
		}
		return wrong(CodeNoRecord, ".input", "a hold does not say which record")
	case !has(t.Get("focus"), "reference", "identifier", "display") && t.Get("description").Text() == "":
		return wrong(CodeNoTaskFocus, ".focus", "a Task does not say what it is about")
	}
	return nil
}

func checkTeam(b *fhir.Bundle, t *fhir.Node) *samvirke.Fault {
	for i, p := range t.Get("participant").Items() {
		at := ".participant[" + strconv.Itoa(i) + "]"
		member := p.Get("member")
		_, found := b.Resolve(member.Get("reference").Text())
		if !found && member.At("identifier.value").Text() == "" {
			return wrong(CodeNoMember, at+".member", "a participant of the team has no identifier")
		}
		if f := checkPeriod(p.Get("period"), at+".period"); f != nil {
			return f
		}
	}
	return nil
}

// checkLinks holds the identifiers that a person is linked with against their check digits: a slip of one digit would
// show one person's plan as another's.
func (f *Format) checkLinks(b *fhir.Bundle, p *mapping.Parsed, n *fhir.Node) *samvirke.Fault {
	for i, l := range n.Get("link").Items() {
		at := ".link[" + strconv.Itoa(i) + "].other"
		other := l.Get("other")
		id := fhir.IdentifierOf(other.Get("identifier"))
		if e, ok := b.Resolve(other.Get("reference").Text()); ok && id.Value == "" {
			id = personIdentifier(e.Resource)
		}
		if id.Value == "" {
			return wrong(CodeNoLinked, at, "a link names no identifier")
		}
		if id.Key() == p.Envelope.Patient.Key() {
			return wrong(CodeLinkSelf, at, "a link names the patient's own identifier")
		}
		var opts []fhir.PersonOption
		if f.opt.AllowSynthetic {
			opts = append(opts, fhir.AllowSynthetic())
		}
		if err := fhir.Check(id.Type, id.Value, opts...); err != nil {
			bad := *samvirke.FaultOf(err)
			bad.Receipt, bad.Path = "E36", at
			return &bad
		}
	}
	return nil
}

func checkCarePlan(n *fhir.Node) *samvirke.Fault {
	if v := n.Extension(fhir.ExtBase + "StructureDefinition/next-evaluation"); v != nil && !isDate(v.Get("valueDateTime").Text()) && !isDate(v.Get("valueDate").Text()) {
		return wrong(CodeBadDate, ".extension", "the next evaluation is no date")
	}
	return checkPeriod(n.Get("period"), ".period")
}

func checkPeriod(p *fhir.Node, at string) *samvirke.Fault {
	start, end := p.Get("start").Text(), p.Get("end").Text()
	switch {
	case start != "" && !isDate(start) || end != "" && !isDate(end):
		return wrong(CodeBadDate, at, "a period has something that is no date")
	case start != "" && end != "" && !moment(start).IsZero() && !moment(end).IsZero() && moment(end).Before(moment(start)):
		return wrong(CodePeriod, at, "a period ends before it begins")
	}
	return nil
}

// isDate tells whether s is a FHIR dateTime, of any precision.
func isDate(s string) bool {
	for _, layout := range [...]string{"2006", "2006-01", time.DateOnly} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	_, err := time.Parse(time.RFC3339Nano, s)
	return err == nil && strings.Contains(s, "T")
}
