package gateway

import (
	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
)

// sendable demands that a message that we wrote ourselves passes its format's checks before sending. What
// is passed on byte by byte is the sender's word and not asked.
func sendable(f mapping.Format, body []byte) error {
	l, ok := f.(mapping.Linter)
	if !ok {
		return nil
	}
	if fault := mapping.Unsendable(l.Lint(body)); fault != nil {
		return &samvirke.Fault{
			Class: samvirke.Permanent, Code: fault.Code, Line: fault.Line, Path: fault.Path,
			Safe: "checked before sending: " + fault.Safe,
		}
	}
	return nil
}
