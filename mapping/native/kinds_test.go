package native_test

import (
	"slices"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping/native"
)

// What this format reads is in the one list that menus, metrics and checks take their kinds from.
func TestKindsAreNamed(t *testing.T) {
	var named []string
	for _, k := range samvirke.Kinds() {
		if k.Format == native.Name {
			named = append(named, k.Code)
		}
	}
	if want := []string{native.KindAssessment, native.KindTaskAnswer, native.KindPlanUpdate, native.KindPlanWrite}; !slices.Equal(named, want) {
		t.Errorf("named %v, read %v", named, want)
	}
}
