package careplan

import "testing"

// Samples are record sets for the tests outside the package.
func Samples(t testing.TB) map[string][]Record {
	reopened := admission(1, "01-10 22:40", "01-10 22:15")
	return map[string][]Record{
		"empty":            nil,
		"stroke course":    records(t, strokeCourse()...),
		"half way":         records(t, strokeCourse()[:7]...),
		"restricted":       append(records(t, strokeCourse()...), secretReport(70, "01-24 10:00").record(t)),
		"entered in error": records(t, reopened, strokeCourse()[5], cancel(reopened, 2, "01-20 08:00")),
		"rights":           rightsSample(t),
		"shared":           sharedSample(t),
		"start unknown":    records(t, strokeCourse()[8], strokeCourse()[6]),
	}
}
