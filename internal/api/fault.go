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

// Faults of this room. errNotFound answers for unknown, malformed and forbidden ids alike.
var (
	errNotFound = &samvirke.Fault{Class: samvirke.Invalid, Code: "not-found", Safe: "there is nothing here for this party"}
	errLogin    = &samvirke.Fault{Class: samvirke.Unauthorized, Code: "not-authenticated", Safe: "a valid bearer token or client certificate is needed"}
	errMethod   = &samvirke.Fault{Class: samvirke.Invalid, Code: "method-not-allowed", Safe: "only GET is allowed here"}
	errAccept   = &samvirke.Fault{Class: samvirke.Invalid, Code: "not-acceptable", Safe: "answers are application/fhir+json"}
	errQuery    = &samvirke.Fault{Class: samvirke.Invalid, Code: "bad-parameter", Safe: "event numbers are whole numbers from 1, and the last is not before the first"}
	errBusy     = &samvirke.Fault{Class: samvirke.Transient, Code: "busy", Safe: "too many requests at a time, try again", RetryAfter: time.Second}
	errPanic    = &samvirke.Fault{Class: samvirke.Internal, Code: "internal", Safe: "internal error", Err: errors.New("panic while reading")}
	errSlow     = errors.New("time limit of one read")
)

// answers is the table from our own fault codes to HTTP status and FHIR issue type; all others go by class.
var answers = map[string]struct {
	status int
	issue  string
}{
	errNotFound.Code: {http.StatusNotFound, "not-found"},
	errLogin.Code:    {http.StatusUnauthorized, "login"},
	errMethod.Code:   {http.StatusMethodNotAllowed, "not-supported"},
	errAccept.Code:   {http.StatusNotAcceptable, "not-supported"},
	errQuery.Code:    {http.StatusBadRequest, "value"},
	errBusy.Code:     {http.StatusServiceUnavailable, "throttled"},
}

// answerOf gives status and OperationOutcome of a fault.
func answerOf(f *samvirke.Fault) (status int, outcome *fhir.Node) {
	outcome = fhir.Outcome(f)
	a, ok := answers[f.Code]
	if !ok {
		return fhir.VerdictOf(f.Class).Status, outcome
	}
	outcome.At("issue.0").SetText("code", a.issue)
	return a.status, outcome
}

// faultOf turns an error of the store into one for the other side.
func faultOf(err error) *samvirke.Fault {
	if f, ok := errors.AsType[*samvirke.Fault](err); ok {
		return f
	}
	if errors.Is(err, queue.ErrNotFound) {
		return errNotFound
	}
	return &samvirke.Fault{Class: samvirke.Transient, Code: "unavailable", Safe: "the store cannot be read right now, try again",
		RetryAfter: 5 * time.Second, Err: err}
}

// fail answers with an OperationOutcome, and logs what is not the caller's doing.
func (a *api) fail(w http.ResponseWriter, party, name string, err error) {
	f := faultOf(err)
	status, outcome := answerOf(f)
	if status >= 500 && f != errBusy && !errors.Is(err, context.Canceled) {
		a.o.Logger.Error("read failed", "party", party, "read", name, "class", string(f.Class), "err", err)
	}
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="samvirke"`)
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", "GET, HEAD")
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(f.RetryAfter/time.Second))))
	}
	w.Header().Del("ETag")
	write(w, status, outcome)
}
