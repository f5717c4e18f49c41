package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/queue"
)

func invalid(code, safe string) *samvirke.Fault {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: safe}
}

// Faults of this room. errNotFound answers for unknown, malformed and forbidden ids alike.
var (
	errNotFound     = invalid("not-found", "there is nothing here for this party")
	errGone         = invalid("gone", "it was withdrawn; its history can be read")
	errLogin        = &samvirke.Fault{Class: samvirke.Unauthorized, Code: "not-authenticated", Safe: "a valid bearer token or client certificate is needed"}
	errMethod       = invalid("method-not-allowed", "this method is not allowed here, see the CapabilityStatement")
	errAccept       = invalid("not-acceptable", "answers are application/fhir+json or application/fhir+xml, FHIR 4.0")
	errQuery        = invalid("bad-parameter", "event numbers are whole numbers from 1, and the last is not before the first")
	errParameter    = invalid("bad-parameter", "the query cannot be read")
	errQueryLong    = invalid("query-too-long", "the query is too long, use POST _search")
	errManyParams   = invalid("too-many-parameters", "the search has too many parameters or values")
	errPersonInURL  = invalid("person-in-url", "an identifier of a person must not stand in a URL; use POST _search with the parameters in the body")
	errPurpose      = &samvirke.Fault{Class: samvirke.Unauthorized, Code: "purpose-not-allowed", Safe: "this party may not read for that purpose"}
	errForm         = invalid("form-expected", "POST _search takes application/x-www-form-urlencoded")
	errMedia        = invalid("media-type", "a body is application/fhir+json or application/fhir+xml")
	errTooLarge     = invalid("too-large", "the body is larger than this server takes")
	errNeedsMatch   = invalid("if-match-required", "a field that several write needs If-Match with the version that was read")
	errIfMatch      = invalid("bad-if-match", `If-Match is W/"version" of the version that was read, or *`)
	errType         = invalid("resource-type", "the resource is of another type than the URL says")
	errID           = invalid("resource-id", "the id of the resource is not that of the URL")
	errNotOwner     = &samvirke.Fault{Class: samvirke.Unauthorized, Code: "not-the-owner", Safe: "only its owner may change this element"}
	errDerived      = invalid("derived", "this element is worked out from others and cannot be written")
	errInDocument   = invalid("in-a-document", "this element was stated in a document; send a new version of the document from the system that wrote it")
	errSeveral      = invalid("several-matches", "more than one element matches the condition")
	errNeedsPatient = invalid("needs-patient", "the resource names no patient whose plan is known to this party")
	errTooCostly    = invalid("too-costly", "this search needs a patient")
	errChannel      = invalid("channel-not-supported", "the channel is rest-hook")
	errHeader       = invalid("header-not-supported", "headers are not taken from a subscription: the gateway shows who it is as configured")
	errPayload      = invalid("payload-not-supported", "the payload is application/fhir+json")
	errModifier     = invalid("modifier-not-supported", "the subscription has a modifier that this server does not know")
	errFilter       = invalid("bad-filter", "a filter is CarePlan?_id=id or Type?patient=Patient/id; several filters must have a plan in common")
	errNoPlan       = invalid("no-such-plan", "a filter names a plan that is not there for this party")
	errBusy         = &samvirke.Fault{Class: samvirke.Transient, Code: "busy", Safe: "too many requests at a time, try again", RetryAfter: time.Second}
	errPanic        = &samvirke.Fault{Class: samvirke.Internal, Code: "internal", Safe: "internal error", Err: errors.New("panic while reading")}
	errSlow         = errors.New("time limit of one request")
)

// answer is what a fault code is in HTTP and FHIR.
type answer struct {
	status int
	issue  string
}

// answers is the table from our own fault codes to HTTP status and FHIR issue type; all others go by class.
//
// Source: FHIR R4, value set issue-type; http.html sections on each interaction.
var answers = map[string]answer{
	"not-found":              {http.StatusNotFound, "not-found"},
	"gone":                   {http.StatusGone, "deleted"},
	"not-authenticated":      {http.StatusUnauthorized, "login"},
	"method-not-allowed":     {http.StatusMethodNotAllowed, "not-supported"},
	"not-acceptable":         {http.StatusNotAcceptable, "not-supported"},
	"bad-parameter":          {http.StatusBadRequest, "value"},
	"unknown-parameter":      {http.StatusBadRequest, "not-supported"},
	"query-too-long":         {http.StatusRequestURITooLong, "too-long"},
	"too-many-parameters":    {http.StatusBadRequest, "too-costly"},
	"person-in-url":          {http.StatusBadRequest, "security"},
	"purpose-not-allowed":    {http.StatusForbidden, "forbidden"},
	"form-expected":          {http.StatusUnsupportedMediaType, "not-supported"},
	"media-type":             {http.StatusUnsupportedMediaType, "not-supported"},
	"too-large":              {http.StatusRequestEntityTooLarge, "too-long"},
	"if-match-required":      {http.StatusPreconditionRequired, "required"},
	"bad-if-match":           {http.StatusBadRequest, "value"},
	"version-conflict":       {http.StatusPreconditionFailed, "conflict"},
	"several-matches":        {http.StatusPreconditionFailed, "multiple-matches"},
	"resource-type":          {http.StatusBadRequest, "invalid"},
	"resource-id":            {http.StatusBadRequest, "invalid"},
	"not-the-owner":          {http.StatusForbidden, "forbidden"},
	"derived":                {http.StatusMethodNotAllowed, "not-supported"},
	"in-a-document":          {http.StatusConflict, "business-rule"},
	"needs-patient":          {http.StatusUnprocessableEntity, "required"},
	"invalid-resource":       {http.StatusBadRequest, "invalid"},
	"too-costly":             {http.StatusForbidden, "too-costly"},
	"body-unread":            {http.StatusBadRequest, "transient"},
	"bundle-expected":        {http.StatusBadRequest, "invalid"},
	"too-many-entries":       {http.StatusRequestEntityTooLarge, "too-long"},
	"bad-entry":              {http.StatusBadRequest, "invalid"},
	"transaction-limit":      {http.StatusUnprocessableEntity, "not-supported"},
	"several-patients":       {http.StatusUnprocessableEntity, "business-rule"},
	"not-writable":           {http.StatusUnprocessableEntity, "business-rule"},
	"unknown-topic":          {http.StatusUnprocessableEntity, "not-supported"},
	"endpoint-not-allowed":   {http.StatusUnprocessableEntity, "business-rule"},
	"no-endpoint":            {http.StatusUnprocessableEntity, "business-rule"},
	"channel-not-supported":  {http.StatusUnprocessableEntity, "not-supported"},
	"header-not-supported":   {http.StatusUnprocessableEntity, "not-supported"},
	"payload-not-supported":  {http.StatusUnprocessableEntity, "not-supported"},
	"modifier-not-supported": {http.StatusUnprocessableEntity, "not-supported"},
	"bad-filter":             {http.StatusUnprocessableEntity, "not-supported"},
	"no-such-plan":           {http.StatusUnprocessableEntity, "business-rule"},
	"bad-content":            {http.StatusUnprocessableEntity, "value"},
	"bad-period":             {http.StatusUnprocessableEntity, "value"},
	"bad-end":                {http.StatusUnprocessableEntity, "value"},
	"bad-reason":             {http.StatusUnprocessableEntity, "value"},
	"bad-status":             {http.StatusUnprocessableEntity, "value"},
	"too-many-subscriptions": {http.StatusUnprocessableEntity, "business-rule"},
	"configured":             {http.StatusUnprocessableEntity, "business-rule"},
	"busy":                   {http.StatusServiceUnavailable, "throttled"},
}

// answerOf gives status and OperationOutcome of a fault.
func answerOf(f *samvirke.Fault) (status int, outcome *fhir.Node) {
	outcome = fhir.Outcome(f)
	status = fhir.VerdictOf(f.Class).Status
	if a, ok := answers[f.Code]; ok {
		status = a.status
		outcome.At("issue.0").SetText("code", a.issue)
	} else if f.Receipt == "T01" {
		status = http.StatusBadRequest // the bytes are no resource at all
		outcome.At("issue.0").SetText("code", "structure")
	}
	return status, outcome
}

// outcomeError carries an OperationOutcome of its own to the answer.
type outcomeError struct {
	status  int
	outcome *fhir.Node
	// tag is the ETag of what stands there now; "" for none.
	tag string
}

func (e *outcomeError) Error() string { return "answered with an outcome" }

// faultOf turns an error of the store into one for the other side.
func faultOf(err error) *samvirke.Fault {
	if f, ok := errors.AsType[*samvirke.Fault](err); ok {
		return f
	}
	if errors.Is(err, queue.ErrNotFound) {
		return errNotFound
	}
	return &samvirke.Fault{Class: samvirke.Transient, Code: "unavailable", Safe: "the store cannot be reached right now, try again",
		RetryAfter: 5 * time.Second, Err: err}
}

// fail answers with an OperationOutcome, and logs what is not the caller's doing.
func (c *call) fail(name string, err error) {
	h := c.w.Header()
	for _, key := range []string{"ETag", "Last-Modified", "Location", "Content-Location"} {
		h.Del(key)
	}
	if told, ok := errors.AsType[*outcomeError](err); ok {
		if told.tag != "" {
			h.Set("ETag", told.tag)
		}
		_ = c.reply(told.status, told.outcome)
		return
	}
	f := faultOf(err)
	status, outcome := answerOf(f)
	if status >= 500 && f != errBusy && !errors.Is(err, context.Canceled) {
		c.api.o.Logger.Error("request failed", "party", c.party.ID, "request", name, "class", string(f.Class), "err", err)
	}
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="samvirke"`)
	case http.StatusMethodNotAllowed:
		h.Set("Allow", c.api.allowed(c))
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", strconv.Itoa(max(1, int(f.RetryAfter/time.Second))))
	}
	if c.reply(status, outcome) != nil {
		c.format = format{} // it could not be written as XML
		_ = c.reply(status, outcome)
	}
}
