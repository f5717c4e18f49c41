package api

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/definition"
	"github.com/samvirke/samvirke/fhir/fhirxml"
)

// definitions are the rules of R4. They take 3 MB, so that they are unpacked when the first body comes.
func definitions() *definition.Set {
	set, err := definition.R4()
	if err != nil {
		panic(err) // a broken build, never input
	}
	return set
}

// maxIssues is how many mistakes of a resource one answer lists.
const maxIssues = 50

// body reads the resource of a request: JSON or XML, bounded, without duplicate keys, and right by the
// definitions of R4.
func (c *call) body() (*fhir.Node, error) {
	n, err := c.parse()
	if err != nil {
		return nil, err
	}
	if issues := definitions().Check(n); len(issues) > 0 {
		return nil, &outcomeError{status: http.StatusBadRequest, outcome: issuesOutcome(issues)}
	}
	return n, nil
}

func (c *call) parse() (*fhir.Node, error) {
	raw, err := io.ReadAll(io.LimitReader(c.r.Body, c.api.o.MaxBody+1))
	if err != nil {
		return nil, invalid("body-unread", "the body could not be read")
	}
	if int64(len(raw)) > c.api.o.MaxBody {
		return nil, errTooLarge
	}
	xml := false
	if header := c.r.Header.Get("Content-Type"); header != "" {
		media, _, err := mime.ParseMediaType(header)
		known := false
		if xml, known = mediaKind(header); err != nil || !known || strings.Contains(media, "*") || media == "text/html" {
			return nil, errMedia
		}
	}
	if xml {
		return fhirxml.Parse(raw, fhirxml.Options{MaxBytes: int(c.api.o.MaxBody)})
	}
	if !bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n\ufeff"), []byte("{")) {
		return nil, &samvirke.Fault{Class: samvirke.Invalid, Code: fhir.CodeJSONSyntax, Safe: "the body is no JSON object", Receipt: "T01"}
	}
	return fhir.ParseNode(raw)
}

// issuesOutcome tells what is wrong with a resource: places and rules, never values.
func issuesOutcome(issues []definition.Issue) *fhir.Node {
	o := fhir.NewObject("resourceType", "OperationOutcome")
	for _, i := range issues[:min(len(issues), maxIssues)] {
		if i.Code == definition.CodeUnknownElement {
			// The name of what should not be there is the writer's own text.
			i.Path = i.Path[:max(0, strings.LastIndexByte(i.Path, '.'))]
		}
		o.Append("issue", fhir.NewObject("severity", "error", "code", issueCode(i.Code),
			"details", fhir.NewObject("coding", fhir.NewArray(fhir.NewObject("system", fhir.SystemFault, "code", "resource-"+i.Code)), "text", i.Text),
			"expression", fhir.NewArray(i.Path)))
	}
	return o
}

// issueCode is the FHIR issue type of a breach. Source: FHIR R4, value set issue-type.
func issueCode(code string) string {
	switch code {
	case definition.CodeMissing:
		return "required"
	case definition.CodeValue, definition.CodeBinding, definition.CodeEmpty:
		return "value"
	case definition.CodeUnknownType:
		return "not-supported"
	}
	return "structure"
}

// validate answers POST type/$validate: what is wrong with a resource, or that nothing is. Nothing is kept.
//
// Source: FHIR R4, resource-operation-validate; the resource comes alone or in Parameters.
func (c *call) validate() error {
	n, err := c.parse()
	if err != nil {
		return err
	}
	if n.Get("resourceType").Text() == "Parameters" {
		var inner *fhir.Node
		for _, p := range n.Get("parameter").Items() {
			if p.Get("name").Text() == "resource" {
				inner = p.Get("resource")
			}
		}
		if inner == nil {
			return invalid("invalid-resource", "the Parameters hold no resource")
		}
		n = inner
	}
	issues := definitions().Check(n)
	if len(issues) > 0 {
		return c.reply(http.StatusOK, issuesOutcome(issues))
	}
	if n.Get("resourceType").Text() != c.typ {
		return c.reply(http.StatusOK, fhir.Outcome(errType))
	}
	return c.reply(http.StatusOK, fhir.NewObject("resourceType", "OperationOutcome", "issue", fhir.NewArray(
		fhir.NewObject("severity", "information", "code", "informational", "details", fhir.NewObject("text", "no mistake was found")))))
}
