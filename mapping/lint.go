package mapping

import "github.com/samvirke/samvirke"

// Severity says what a Finding means for a message that is about to be sent.
type Severity string

// The severities.
const (
	// SeverityError: the standard asks for it; a message of ours is not sent like this.
	SeverityError Severity = "error"
	// SeverityWarning: it may be meant; a person should look.
	SeverityWarning Severity = "warning"
)

// Finding is one thing that the checks before sending found. Its texts are for people who do not
// read XML and hold no names or identifiers.
type Finding struct {
	// Code is stable, lower-case words with hyphens.
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	// Path is the element, with positions from 1 where siblings share a name; Line its line from 1, 0 when unknown.
	Path string `json:"path,omitempty"`
	Line int    `json:"line,omitempty"`
	// Text is English, TextNO the same in Norwegian (bokmål).
	Text   string `json:"text"`
	TextNO string `json:"text_no"`
}

// Linter is a Format that has checks before sending, beyond schema and mapping. It asks for well-formed
// messages; what it cannot read gives no findings, because Parse says so.
type Linter interface {
	Lint(raw []byte) []Finding
}

// Unsendable gives the first error among findings as a Fault, nil when there is none.
func Unsendable(findings []Finding) *samvirke.Fault {
	for _, f := range findings {
		if f.Severity == SeverityError {
			return &samvirke.Fault{Class: samvirke.Permanent, Code: f.Code, Safe: f.Text, Line: f.Line, Path: f.Path}
		}
	}
	return nil
}
