package samvirke_test

import (
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
)

func TestKinds(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range samvirke.Kinds() {
		if k.Code == "" || k.Display == "" || k.Gloss == "" || k.Format != "kith" && k.Format != "fhir" || k.Code != strings.TrimSpace(k.Code) {
			t.Errorf("incomplete: %+v", k)
		}
		if up := strings.ToUpper(k.Code); seen[up] {
			t.Errorf("%s stands twice", k.Code)
		} else {
			seen[up] = true
		}
		if got, ok := samvirke.KindOf(k.Code); !ok || got != k {
			t.Errorf("KindOf(%s) = %+v, %v", k.Code, got, ok)
		}
	}
	if _, ok := samvirke.KindOf("LOG_INVENTED"); ok {
		t.Error("an invented kind is known")
	}
	samvirke.Kinds()[0].Code = "changed"
	if samvirke.Kinds()[0].Code == "changed" {
		t.Error("the list is shared")
	}
}
