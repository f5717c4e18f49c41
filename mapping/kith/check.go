package kith

import (
	"errors"
	"strings"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith/schema"
)

// checkKind demands a known type whose payload is of that type and of a known version.
func (f *Format) checkKind(src *source, env *samvirke.Envelope) error {
	t := f.tables[env.Kind]
	if t == nil {
		return faultKind("unknown-type", "this type of message is not supported")
	}
	p := payloadOf(src.root)
	if p == nil {
		return faultType("the message has no professional content")
	}
	uri, _ := scopeOf(p).uriOf(p.Space)
	known, near := t.knows(uri)
	if p.Tag != t.payload || !near {
		return faultType("the message type and the content contradict each other")
	}
	if !known {
		return faultKind("unknown-version", "this version of the message is not supported")
	}
	if t.child == "" || childNamed(p, t.child) != nil {
		return nil
	}
	for _, other := range f.tables {
		if other.child != "" && childNamed(p, other.child) != nil {
			return faultType("the message type and the content contradict each other")
		}
	}
	return nil // no child of any kind: the schema check says so
}

func faultType(safe string) *samvirke.Fault {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: "type-mismatch", Safe: safe, Receipt: "T99", Path: "/MsgHead/MsgInfo/Type"}
}

// checkSchema refuses what its published schema refuses.
func (f *Format) checkSchema(src *source) *samvirke.Fault {
	problems := f.schema.Check(src.root, src.utf8, src.strict)
	if len(problems) > 0 {
		problems = f.problemsBut(src.utf8, problems)
	}
	if len(problems) == 0 {
		return nil
	}
	p := problems[0]
	return &samvirke.Fault{
		Class: samvirke.Invalid, Code: "schema", Detail: p.Code, Safe: "the message does not follow its schema: " + p.Text,
		Receipt: "T02", Line: p.Line, Path: p.Path,
	}
}

// checkOutput demands that what we send follows its schema: it is our fault when it does not.
func (f *Format) checkOutput(doc *etree.Document, out []byte) error {
	if distinctAttributes(doc.Root()) && f.schema.Accepts(doc.Root(), out) {
		return nil // the tree says what the text says
	}
	problems := f.problems(out)
	if len(problems) > 0 {
		problems = f.problemsBut(out, problems)
	}
	if len(problems) == 0 {
		return nil
	}
	p := problems[0]
	return &samvirke.Fault{
		Class: samvirke.Permanent, Code: "render-invalid", Detail: p.Code, Safe: "the message cannot be written in this format",
		Line: p.Line, Path: p.Path, Err: errors.New(p.Text),
	}
}

// distinctAttributes tells whether no element has an attribute twice: a tree may, a text must not.
func distinctAttributes(e *etree.Element) bool {
	for i := range e.Attr {
		for j := range i {
			if e.Attr[i].Key == e.Attr[j].Key && e.Attr[i].Space == e.Attr[j].Space {
				return false
			}
		}
	}
	for _, t := range e.Child {
		if k, ok := t.(*etree.Element); ok && !distinctAttributes(k) {
			return false
		}
	}
	return true
}

// problems checks a text against the schema.
func (f *Format) problems(text []byte) []schema.Problem {
	tree := f.tree()
	defer f.done(tree)
	bound(tree)
	root, err := tree.Parse(string(text))
	if err != nil {
		return f.schema.Validate(text) // says where it is broken
	}
	return f.schema.Check(root, text, tree.Strict())
}

// check are the rules beyond the schema. The first refusing one is the Fault; the rest warns.
//
// Source: standards/no README sections 2, 3.3 and 7.2.
func (f *Format) check(src *source, p *mapping.Parsed) error {
	env := &p.Envelope
	warn := func(code, path, text string) {
		p.Warnings = append(p.Warnings, &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: text, Path: path})
	}
	if !isUUID(env.ID) {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "message-id", Safe: "the message id is not a UUID", Receipt: "E10", Path: "/MsgHead/MsgInfo/MsgId"}
	}
	if env.Sender.HER() == "" {
		warn("sender-address", "/MsgHead/MsgInfo/Sender", "the sender has no HER-id")
	}
	switch env.Op {
	case samvirke.OpNew, samvirke.OpChange, samvirke.OpAddition, samvirke.OpCancel:
	default:
		warn("unknown-op", "Forsendelsesstatus", "the status of the message is not one of N, M, A, C")
	}
	if env.Op != samvirke.OpNew && env.Parent == "" {
		warn("no-reference", "/MsgHead/MsgInfo/ConversationRef", "a change or cancellation without reference to what it changes")
	}
	f.checkEvents(src, env, warn)
	f.checkUnchecked(src, env, warn)
	f.checkFurther(src, warn)
	f.checkDialog(src, env, warn)
	err := f.checkPatient(src, p, warn)
	if err != nil && !patientDemanded(env.Kind) {
		fault := samvirke.FaultOf(err)
		warn(fault.Code, fault.Path, fault.Safe)
		return nil
	}
	return err
}

// checkEvents looks at codes and estimates of the events. Unknown codes never refuse.
func (f *Format) checkEvents(src *source, env *samvirke.Envelope, warn func(code, path, text string)) {
	want := eventOfKind(env.Kind)
	if want == "" {
		return
	}
	found := false
	for _, e := range childNamed(payloadOf(src.root), f.tables[env.Kind].child).SelectElements("TidsfestetHendelse") {
		code := ""
		if k := childNamed(e, "Hendelsekode"); k != nil {
			code = k.SelectAttrValue("V", "")
		}
		found = found || code == want
		checkEvent(e, code, warn)
	}
	if !found {
		warn("event-code", "TidsfestetHendelse", "no event of the code that this type of message is about")
	}
}

// eventOfKind is the event in list 9121 that a type of message is about; "" for one about none.
func eventOfKind(kind string) string {
	switch kind {
	case "LOG_INNLAGT":
		return "1"
	case "LOG_UTSKREVET":
		return "2"
	case "LOG_UTSKRIVNINGSKLAR":
		return "3"
	case "LOG_AVMELDING":
		return "4"
	case "LOG_DOD":
		return "13"
	}
	return ""
}

func checkEvent(e *etree.Element, code string, warn func(code, path, text string)) {
	estimate := strings.TrimSpace(textOfNamed(e, "Anslag"))
	switch code {
	case "1", "4", "13":
		if estimate == "true" || estimate == "1" {
			warn("estimate", "TidsfestetHendelse/Anslag", "an event that has happened is marked as an estimate")
		}
	case "5":
		if estimate == "false" || estimate == "0" {
			warn("estimate", "TidsfestetHendelse/Anslag", "an expected date is not marked as an estimate")
		}
	case "", "2", "3":
	default:
		warn("unknown-event", "TidsfestetHendelse/Hendelsekode", "an event code that is not in list 9121")
	}
	t := childNamed(e, "TidspunktForHendelse")
	if code == "1" && t != nil && len(t.SelectAttrValue("V", "")) <= 10 {
		warn("event-time", "TidsfestetHendelse/TidspunktForHendelse", "an admission without time of day")
	}
}

// checkPatient is rule E36: name with a number that holds, or name with birth date and sex.
func (f *Format) checkPatient(src *source, p *mapping.Parsed, warn func(code, path, text string)) error {
	const where = "/MsgHead/MsgInfo/Patient"
	ref := &p.Envelope.Patient
	pat := childNamed(childNamed(src.root, "MsgInfo"), "Patient")
	if pat == nil {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "patient-missing", Safe: "the message has no patient", Receipt: "E36", Path: where}
	}
	var opts []fhir.PersonOption
	if f.opt.AllowSynthetic {
		opts = append(opts, fhir.AllowSynthetic())
	}
	var wrong *samvirke.Fault
	good := false
	for _, id := range idents(pat) {
		err := fhir.Check(id.Type, id.Value, opts...)
		if err == nil {
			good = good || rankOf(id.Type) < len(patientTypes)
			continue
		}
		if rankOf(id.Type) == len(patientTypes) {
			warn("patient-identifier", where+"/Ident", "an identifier of the patient does not hold")
			continue
		}
		fault := *samvirke.FaultOf(err)
		fault.Receipt, fault.Path = "E36", where+"/Ident"
		wrong = &fault
	}
	enough := ref.HasName && (good || ref.HasBirthDate && ref.HasSex)
	enough = enough || f.opt.AllowH && ref.HasName && ref.HasBirthDate && ref.Type == fhir.TypeHNR
	switch {
	case wrong != nil && !good:
		// A number that does not hold must never become a key, whatever else stands there.
		ref.Identifier = samvirke.Identifier{}
		return wrong
	case wrong != nil:
		warn(wrong.Code, wrong.Path, wrong.Safe)
	case !enough:
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "patient-insufficient", Safe: "the patient is not sufficiently identified", Receipt: "E36", Path: where}
	}
	if !enough {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "patient-insufficient", Safe: "the patient is not sufficiently identified", Receipt: "E36", Path: where}
	}
	return nil
}
