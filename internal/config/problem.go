package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a configuration. It never holds a secret or a patient's identifier.
type Problem struct {
	File string `json:"file"`
	// Line counts from 1; 0 when the file could not be read at all.
	Line int `json:"line"`
	// Code is stable; see the Code constants.
	Code string `json:"code"`
	// Key is the place, for instance parties[2].endpoint.url; "" for the file as a whole.
	Key string `json:"key,omitempty"`
	// Text is what is wrong, Fix what to do about it.
	Text string `json:"text"`
	Fix  string `json:"fix"`
}

// The codes of problems.
const (
	CodeFile         = "config-file"        // the file cannot be read or is too large
	CodeSyntax       = "yaml-syntax"        // it is no YAML; nothing further is checked
	CodeUnknownKey   = "unknown-key"        // no such key at this place
	CodeDuplicateKey = "duplicate-key"      // a key stands twice
	CodeMissingKey   = "missing-key"        // a key that must be there is not
	CodeEmpty        = "empty-value"        // a key with nothing behind it
	CodeType         = "wrong-type"         // a list where a text belongs, and the like
	CodeValue        = "bad-value"          // a text that is none of those possible, or cannot be read
	CodeRange        = "out-of-range"       // a number, time or size outside its bounds
	CodeSecret       = "secret-unavailable" // env: or file: leads nowhere, or to nothing
	CodeWeakSecret   = "secret-weak"        // too short for production
	CodeFileRef      = "file-unusable"      // a file the configuration names cannot be used
	CodeDuplicate    = "duplicate-value"    // an id, token, fingerprint or folder that must be somebody's own
	CodeUnknownParty = "unknown-party"      // a rule or the patients file names a party that is not there
	CodeConflict     = "conflict"           // two settings that contradict each other
	CodeUnreachable  = "party-unreachable"  // no way in or out
	CodeInsecure     = "insecure"           // plain HTTP over the network in production
)

// Error gives "file:line: code: key: text; fix", as editors understand it.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	fmt.Fprintf(&b, ": %s: ", p.Code)
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Text)
	if p.Fix != "" {
		b.WriteString("; " + p.Fix)
	}
	return b.String()
}

// sortProblems puts problems in the order of the file.
func sortProblems(ps []Problem) {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Key, b.Key))
	})
}
