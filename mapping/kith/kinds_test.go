package kith

import (
	"slices"
	"testing"

	"github.com/samvirke/samvirke"
)

// TestKindsAreNamed: what this format reads is in the one list that menus, metrics and checks take their kinds from, and
// nothing else is there in its name.
func TestKindsAreNamed(t *testing.T) {
	read := append(newFormat(t).Kinds(), kindReceipt)
	for _, kind := range read {
		if k, ok := samvirke.KindOf(kind); !ok || k.Format != Name || k.Code != kind {
			t.Errorf("%s is read and not in samvirke.Kinds: %+v", kind, k)
		}
	}
	for _, k := range samvirke.Kinds() {
		if k.Format == Name && !slices.Contains(read, k.Code) {
			t.Errorf("%s is in samvirke.Kinds and not read", k.Code)
		}
	}
}
