package admin

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestAttentionListsWhoMustBePlaced: a person whom no coordinating unit has, because nobody told where they live.
func TestAttentionListsWhoMustBePlaced(t *testing.T) {
	t.Parallel()
	h := recorded(t)
	for _, placed := range []bool{false, true} {
		h.s.opt.Unplaced = func(patients ...string) bool { return !placed && slices.Contains(patients, testPatient) }
		a := h.get("/attention")
		link := `href="/plans/` + h.s.sealer.seal(testPatient) + `"`
		if a.status != http.StatusOK || strings.Contains(a.body, link) == placed {
			t.Errorf("placed %v: status %d, listed %v", placed, a.status, strings.Contains(a.body, link))
		}
	}
}
