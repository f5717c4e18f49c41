package rest

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strconv"
	"time"

	"github.com/samvirke/samvirke"
)

// ProblemBase is the root of the "type" of problem documents; the fault code follows.
const ProblemBase = "https://samvirke.github.io/problem/"

// systemFault is the code system of fault codes in an OperationOutcome; package fhir, which no
// connector imports, uses the same.
const systemFault = "https://samvirke.github.io/fhir/CodeSystem/fault"

// Faults of the wire itself. Their codes are part of the interface.
var (
	faultLogin    = &samvirke.Fault{Class: samvirke.Unauthorized, Code: "not-authenticated", Safe: "a valid bearer token or client certificate is needed"}
	faultMethod   = &samvirke.Fault{Class: samvirke.Invalid, Code: "method-not-allowed", Safe: "only POST is allowed here"}
	faultPath     = &samvirke.Fault{Class: samvirke.Invalid, Code: "not-found", Safe: "there is nothing here"}
	faultEmpty    = &samvirke.Fault{Class: samvirke.Invalid, Code: "empty-body", Safe: "the request has no body"}
	faultHalf     = &samvirke.Fault{Class: samvirke.Invalid, Code: "incomplete-body", Safe: "the body ended before its announced end; nothing was kept"}
	faultSlow     = &samvirke.Fault{Class: samvirke.Transient, Code: "body-timeout", Safe: "the body did not arrive in time; nothing was kept"}
	faultGzip     = &samvirke.Fault{Class: samvirke.Invalid, Code: "bad-gzip", Safe: "the body is not valid gzip; nothing was kept"}
	faultEncoding = &samvirke.Fault{Class: samvirke.Invalid, Code: "content-encoding", Safe: "this Content-Encoding is not supported; use gzip or none"}
	faultTooLarge = &samvirke.Fault{Class: samvirke.Invalid, Code: "too-large", Safe: "the message is over the size limit"}
	faultBusy     = &samvirke.Fault{Class: samvirke.Transient, Code: "busy", Safe: "too many requests at a time, try again", RetryAfter: time.Second}
	faultStore    = &samvirke.Fault{Class: samvirke.Transient, Code: "not-kept", Safe: "the message could not be kept, try again", RetryAfter: 5 * time.Second}
	faultInternal = &samvirke.Fault{Class: samvirke.Internal, Code: "internal", Safe: "internal error"}
	faultRespond  = &samvirke.Fault{Class: samvirke.Invalid, Code: "response-url", Safe: "response-url is not supported: answers go to the address of the configured party"}
)

// statusByCode is the table from fault code to HTTP status and FHIR issue type. Codes that are not
// here go by class, see statusOf.
var statusByCode = map[string]struct {
	status int
	issue  string
}{
	"party-busy":          {http.StatusTooManyRequests, "throttled"},
	"not-authenticated":   {http.StatusUnauthorized, "login"},
	"method-not-allowed":  {http.StatusMethodNotAllowed, "not-supported"},
	"not-found":           {http.StatusNotFound, "not-found"},
	"empty-body":          {http.StatusBadRequest, "required"},
	"incomplete-body":     {http.StatusBadRequest, "incomplete"},
	"body-timeout":        {http.StatusRequestTimeout, "timeout"},
	"bad-gzip":            {http.StatusBadRequest, "structure"},
	"content-encoding":    {http.StatusUnsupportedMediaType, "not-supported"},
	"response-url":        {http.StatusBadRequest, "not-supported"},
	"too-large":           {http.StatusRequestEntityTooLarge, "too-long"},
	"busy":                {http.StatusServiceUnavailable, "throttled"},
	"not-kept":            {http.StatusServiceUnavailable, "transient"},
	"internal":            {http.StatusInternalServerError, "exception"},
	"not-well-formed":     {http.StatusBadRequest, "structure"},
	"not-xml":             {http.StatusBadRequest, "structure"},
	"not-json":            {http.StatusBadRequest, "structure"},
	"doctype":             {http.StatusBadRequest, "structure"},
	"two-roots":           {http.StatusBadRequest, "structure"},
	"too-deep":            {http.StatusBadRequest, "structure"},
	"too-many-elements":   {http.StatusBadRequest, "structure"},
	"too-many-attributes": {http.StatusBadRequest, "structure"},
	"too-many-namespaces": {http.StatusBadRequest, "structure"},
	"encoding":            {http.StatusBadRequest, "structure"},
	"empty":               {http.StatusBadRequest, "required"},
	"json-syntax":         {http.StatusBadRequest, "structure"},
	"json-encoding":       {http.StatusBadRequest, "structure"},
	"json-duplicate-key":  {http.StatusBadRequest, "structure"},
	"json-depth":          {http.StatusBadRequest, "structure"},
	"json-size":           {http.StatusRequestEntityTooLarge, "too-long"},
	"not-bundle":          {http.StatusUnprocessableEntity, "structure"},
	"not-message":         {http.StatusUnprocessableEntity, "structure"},
	"unknown-format":      {http.StatusUnsupportedMediaType, "not-supported"},
	"unknown-type":        {http.StatusUnprocessableEntity, "not-supported"},
	"message-id-reused":   {http.StatusConflict, "conflict"},
	"sender-mismatch":     {http.StatusForbidden, "forbidden"},
	"unknown-sender":      {http.StatusForbidden, "forbidden"},
}

// statusOf gives HTTP status and FHIR issue type (value set issue-type) of a fault.
func statusOf(f *samvirke.Fault) (status int, issue string) {
	if s, ok := statusByCode[f.Code]; ok {
		return s.status, s.issue
	}
	switch f.Class {
	case samvirke.Invalid, samvirke.Permanent:
		return http.StatusUnprocessableEntity, "processing"
	case samvirke.Duplicate:
		return http.StatusConflict, "duplicate"
	case samvirke.Unauthorized:
		return http.StatusForbidden, "forbidden"
	case samvirke.Transient:
		return http.StatusServiceUnavailable, "transient"
	}
	return http.StatusInternalServerError, "exception"
}

// problem is a problem document. Source: RFC 9457 section 3.1; code and id are our members.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Code   string `json:"code"`
	// ID is the gateway's id of the message when it was kept.
	ID string `json:"id,omitempty"`
	// Line is where in the message, from 1.
	Line int `json:"line,omitempty"`
}

// outcome is the part of a FHIR OperationOutcome that is used here.
type outcome struct {
	XMLName  xml.Name `json:"-" xml:"http://hl7.org/fhir OperationOutcome"`
	Type     string   `json:"resourceType" xml:"-"`
	ID       *value   `json:"id,omitempty" xml:"id,omitempty"`
	Severity value    `json:"-" xml:"issue>severity"`
	Code     value    `json:"-" xml:"issue>code"`
	System   *value   `json:"-" xml:"issue>details>coding>system,omitempty"`
	Fault    *value   `json:"-" xml:"issue>details>coding>code,omitempty"`
	Text     value    `json:"-" xml:"issue>diagnostics"`
}

type value struct {
	V string `xml:"value,attr"`
}

// MarshalJSON writes the plain string that FHIR JSON has where FHIR XML has @value.
func (v value) MarshalJSON() ([]byte, error) { return json.Marshal(v.V) }

func newOutcome(severity, issue, code, text, id string) outcome {
	o := outcome{Type: "OperationOutcome", Severity: value{severity}, Code: value{issue}, Text: value{text}}
	if id != "" {
		o.ID = &value{id}
	}
	if code != "" {
		o.System, o.Fault = &value{systemFault}, &value{code}
	}
	return o
}

// MarshalJSON writes the one issue in its FHIR JSON place.
func (o outcome) MarshalJSON() ([]byte, error) {
	type coding struct {
		System *value `json:"system"`
		Code   *value `json:"code"`
	}
	type details struct {
		Coding []coding `json:"coding"`
	}
	type issue struct {
		Severity    value    `json:"severity"`
		Code        value    `json:"code"`
		Details     *details `json:"details,omitempty"`
		Diagnostics value    `json:"diagnostics"`
	}
	is := issue{Severity: o.Severity, Code: o.Code, Diagnostics: o.Text}
	if o.Fault != nil {
		is.Details = &details{Coding: []coding{{o.System, o.Fault}}}
	}
	return json.Marshal(struct {
		Type  string  `json:"resourceType"`
		ID    *value  `json:"id,omitempty"`
		Issue []issue `json:"issue"`
	}{o.Type, o.ID, []issue{is}})
}

// writeFault answers with a problem document, or an OperationOutcome on the FHIR path.
func writeFault(w http.ResponseWriter, r *http.Request, f *samvirke.Fault, id string) int {
	status, issue := statusOf(f)
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(f.RetryAfter.Round(time.Second)/time.Second))))
	}
	if r.URL.Path == PathProcess {
		writeOutcome(w, r, status, newOutcome("error", issue, f.Code, f.Safe, id))
		return status
	}
	p := problem{Type: ProblemBase + f.Code, Title: http.StatusText(status), Status: status,
		Detail: f.Safe, Code: f.Code, ID: id, Line: f.Line}
	writeJSON(w, "application/problem+json", status, p)
	return status
}

// writeOutcome writes FHIR XML when the caller asked for it, else FHIR JSON.
func writeOutcome(w http.ResponseWriter, r *http.Request, status int, o outcome) {
	if !wantsXML(r) {
		writeJSON(w, "application/fhir+json; charset=utf-8", status, o)
		return
	}
	b, err := xml.Marshal(o)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/fhir+xml; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

func writeJSON(w http.ResponseWriter, contentType string, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // only our own fixed types come here
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}
