package fhir

import (
	"fmt"

	"github.com/samvirke/samvirke"
)

// SystemFault is the code system of our own fault codes.
const SystemFault = ExtBase + "CodeSystem/fault"

// Verdict is what a class of faults means to the other side.
type Verdict struct {
	// Status is the HTTP status code.
	Status int
	// Response is MessageHeader.response.code: ok, transient-error or fatal-error.
	Response string
	// Issue and Severity are those of OperationOutcome.issue.
	Issue, Severity string
}

// VerdictOf gives what a class means to the other side, in one place for all protocols. The class
// "" means no fault.
//
// Source: FHIR R4, value sets response-code, issue-type and issue-severity.
func VerdictOf(c samvirke.Class) Verdict {
	switch c {
	case "":
		return Verdict{200, "ok", "informational", "information"}
	case samvirke.Duplicate:
		return Verdict{200, "ok", "duplicate", "information"}
	case samvirke.Invalid:
		return Verdict{422, "fatal-error", "invalid", "error"}
	case samvirke.Permanent:
		return Verdict{422, "fatal-error", "processing", "error"}
	case samvirke.Unauthorized:
		return Verdict{403, "fatal-error", "forbidden", "error"}
	case samvirke.Internal:
		return Verdict{500, "transient-error", "exception", "fatal"}
	}
	// Transient, and any class of a later version: the other side may try again.
	return Verdict{503, "transient-error", "transient", "error"}
}

// Outcome makes an OperationOutcome with one issue per fault, or one informational issue when
// there is none. Only the safe text goes out, never the cause.
func Outcome(faults ...*samvirke.Fault) *Node {
	o := NewObject("resourceType", "OperationOutcome")
	for _, f := range faults {
		o.Append("issue", issue(f))
	}
	if len(faults) == 0 {
		v := VerdictOf("")
		o.Append("issue", NewObject("severity", v.Severity, "code", v.Issue))
	}
	return o
}

func issue(f *samvirke.Fault) *Node {
	v := VerdictOf(f.Class)
	details := NewObject("coding", NewArray(Coding{System: SystemFault, Code: f.Code}.Node()))
	if f.Receipt != "" {
		details.Append("coding", Coding{System: SystemAppRecError, Code: f.Receipt}.Node())
	}
	text := f.Safe
	if f.Class == samvirke.Internal {
		text = "internal fault, the message is kept"
	}
	details.SetText("text", text)
	n := NewObject("severity", v.Severity, "code", v.Issue, "details", details)
	if f.Line > 0 {
		n.SetText("diagnostics", fmt.Sprintf("line %d", f.Line))
	}
	if f.Path != "" && f.Class != samvirke.Internal {
		n.Set("expression", NewArray(f.Path))
	}
	return n
}

// ReceiptOutcome makes the OperationOutcome of an application receipt: one issue per error of code
// list 8221, or one informational issue for a plain yes.
func ReceiptOutcome(c samvirke.ReceiptContent) *Node {
	if len(c.Errors) == 0 {
		return Outcome()
	}
	o := NewObject("resourceType", "OperationOutcome")
	severity := "error"
	if c.Status != samvirke.ReceiptRejected {
		severity = "warning"
	}
	for _, e := range c.Errors {
		system := SystemAppRecError
		if e.System != "" {
			system = OIDPrefix + e.System
		}
		n := NewObject("severity", severity, "code", "processing", "details",
			NewObject("coding", NewArray(Coding{System: system, Code: e.Code, Display: e.Display}.Node())))
		n.SetText("diagnostics", e.Detail)
		o.Append("issue", n)
	}
	return o
}

// ReceiptErrors reads the errors of an OperationOutcome; issues of severity information are none.
func ReceiptErrors(outcome *Node) []samvirke.ReceiptError {
	var out []samvirke.ReceiptError
	for _, i := range outcome.Get("issue").Items() {
		if i.Get("severity").Text() == "information" {
			continue
		}
		e := samvirke.ReceiptError{Code: "X99", Detail: i.Get("diagnostics").Text()}
		for _, c := range i.At("details.coding").Items() {
			coding := CodingOf(c)
			if coding.System == SystemFault {
				continue // ours, beside the national code
			}
			e.Code, e.Display = coding.Code, coding.Display
			if len(coding.System) > len(OIDPrefix) && coding.System != SystemAppRecError && coding.System[:len(OIDPrefix)] == OIDPrefix {
				e.System = coding.System[len(OIDPrefix):]
			}
			break
		}
		if e.Detail == "" {
			e.Detail = i.At("details.text").Text()
		}
		out = append(out, e)
	}
	return out
}
