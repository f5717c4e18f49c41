package careplan

import (
	"slices"
	"testing"
)

// TestPatientDecidesNoFieldOfThePlan: the patient settles what people told differently, and not a field of the plan itself: its
// conflict stays open for the coordinating organisation, and the decision is set aside with a flag.
func TestPatientDecidesNoFieldOfThePlan(t *testing.T) {
	t.Parallel()
	list, _ := march(t)
	all := []string{keyOf(physio, 20), keyOf(gp, 21), keyOf(town, 22)}
	id := conflictID(FieldNextEvaluation, "")
	p := every(t, append(slices.Clone(list), wrote(t, 23, town, "03-12 11:00", all, []string{"person", "patient"}, resolveTask(id, "2026-03-19"))))
	equal(t, "the patient's word", sharedLines(p), "next-evaluation=2026-03-26! open:2026-03-26|2026-03-19")
	equal(t, "flags", flagCodes(p), []string{"resolution-without-role"})
	p = every(t, append(slices.Clone(list), wrote(t, 23, town, "03-12 11:00", all, []string{"person", "patient", "coordinator"}, resolveTask(id, "2026-03-19"))))
	equal(t, "with the role of the coordinating organisation", sharedLines(p), "next-evaluation=2026-03-19 resolved:2026-03-19|2026-03-26")
}

// TestErrorBeforeTheAdmission: an Encounter that was entered in error and told of as an admission after that is an admission; in
// the other order it is an error.
func TestErrorBeforeTheAdmission(t *testing.T) {
	t.Parallel()
	wrong := stayMessage(t, 1, "01-10 07:10", "entered-in-error", stayStart, "", "")
	here := stayMessage(t, 2, "01-10 08:10", "in-progress", stayStart, "", "")
	p := foldAll(t, wrong, here)
	equal(t, "admitted after the error", leaveLine(p), "in-progress 01-10T08:00-?")
	equal(t, "flags", flagCodes(p), []string(nil))
	wrong.sent = at("01-10 09:10")
	p = foldAll(t, wrong, here)
	equal(t, "error after the admission", leaveLine(p), "entered-in-error ?-?")
	equal(t, "flags", flagCodes(p), []string{"admission-withdrawn"})
}
