package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// checkHCP are the rules beyond the schema. The first refusing one is the Fault; the rest warns.
//
// Source: standards/no README sections 4, 6 and 7.2.
func (f *Format) checkHCP(src *source, p *mapping.Parsed) error {
	env := &p.Envelope
	at, sender := "/Message/ServRprt/", "ServProvider"
	if env.Kind == kindReferral {
		at, sender = "/Message/ServReq/", "Requester"
	}
	warn := func(code, path, text string) {
		p.Warnings = append(p.Warnings, &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: text, Path: path})
	}
	if !isUUID(env.ID) {
		const text = "the message id is not a UUID"
		if AppRecVersion(env.Kind, env.Version) != "1.0" {
			return &samvirke.Fault{Class: samvirke.Invalid, Code: "message-id", Safe: text, Receipt: "E10", Path: "/Message/MsgId"}
		}
		warn("message-id", "/Message/MsgId", text) // the older versions do not ask for one
	}
	if env.Sender.HER() == "" {
		warn("sender-address", at+sender, "the sender has no HER-id")
	}
	switch env.Op {
	case samvirke.OpNew, samvirke.OpChange, samvirke.OpAddition, samvirke.OpCancel:
	default:
		warn("unknown-op", at+"ServType", "the status of the message is not one of N, M, A, C")
	}
	content := childNamed(src.root, "ServRprt")
	if env.Kind == kindReferral {
		content = childNamed(src.root, "ServReq")
		checkReferral(env, content, warn)
	} else {
		checkReport(env, content, warn)
	}
	return f.checkEpikrisePatient(childNamed(content, "Patient"), p, warn)
}

// checkReport warns of an epicrisis that cannot be found again.
func checkReport(env *samvirke.Envelope, report *etree.Element, warn func(code, path, text string)) {
	if env.Conversation == "" {
		warn("no-reference", "/Message/ServRprt/ServProvId", "an epicrisis without an id of its own cannot be changed or cancelled")
	}
	if env.Op == samvirke.OpNew && len(env.Referrals) == 0 {
		warn("no-referral", "/Message/ServRprt/ServReq/Id", "a new epicrisis that names no referral")
	}
}

// checkEpikrisePatient is rule E36: name with a number that holds, or name with birth date and sex.
func (f *Format) checkEpikrisePatient(pat *etree.Element, p *mapping.Parsed, warn func(code, path, text string)) error {
	where := "/Message/ServRprt/Patient"
	if p.Envelope.Kind == kindReferral {
		where = "/Message/ServReq/Patient"
	}
	ref := &p.Envelope.Patient
	var opts []fhir.PersonOption
	if f.opt.AllowSynthetic {
		opts = append(opts, fhir.AllowSynthetic())
	}
	var wrong *samvirke.Fault
	good := false
	for _, id := range patientIDs(pat) {
		err := fhir.Check(id.Type, id.Value, opts...)
		switch {
		case err == nil:
			good = good || rankOf(id.Type) < len(patientTypes)
		case rankOf(id.Type) == len(patientTypes):
			warn("patient-identifier", where+"/AdditionalId", "an identifier of the patient does not hold")
		default:
			fault := *samvirke.FaultOf(err)
			fault.Receipt, fault.Path = "E36", where+"/OffId"
			wrong = &fault
		}
	}
	if wrong != nil && !good {
		// A number that does not hold must never become a key, whatever else stands there.
		ref.Identifier = samvirke.Identifier{}
		return wrong
	}
	if wrong != nil {
		warn(wrong.Code, wrong.Path, wrong.Safe)
	}
	enough := ref.HasName && (good || ref.HasBirthDate && ref.HasSex)
	if !enough && !(f.opt.AllowH && ref.HasName && ref.HasBirthDate && ref.Type == fhir.TypeHNR) {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "patient-insufficient", Safe: "the patient is not sufficiently identified", Receipt: "E36", Path: where}
	}
	return nil
}
