package gateway

import (
	"testing"

	"github.com/samvirke/samvirke"
)

// Every kind that is read counts under its own name; what nobody knows under one name for all.
func TestKindLabel(t *testing.T) {
	for _, k := range samvirke.Kinds() {
		if got := kindLabel(k.Code); got != k.Code {
			t.Errorf("%s counts as %q", k.Code, got)
		}
	}
	for in, want := range map[string]string{"log_innlagt": "LOG_INNLAGT", "LOG_INVENTED": "other", "": "other", "APPREC ": "other"} {
		if got := kindLabel(in); got != want {
			t.Errorf("%q counts as %q, want %q", in, got, want)
		}
	}
}
