package admin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/internal/figures"
)

// counted signs in where figures are counted.
func counted(t *testing.T, rep *figures.Report, roles ...string) *house {
	h := signedIn(t, newFakeStore(), roles...)
	h.s.opt.Figures = func() *figures.Report { return rep }
	h.s.handler = h.s.routes()
	return h
}

func someFigures() *figures.Report {
	row := func(f figures.Figure, class, month, k string, n int64) figures.Row {
		return figures.Row{Key: figures.Key{Figure: f, Class: class, Month: month, Municipality: k}, N: n, Share: -1, Per1000: -1}
	}
	r := &figures.Report{At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Smallest: 5}
	for _, k := range []string{"5001", figures.All} {
		for _, m := range []string{"2026-01", figures.All} {
			before, few, wait := row(figures.DischargeReport, "before", m, k, 30), row(figures.DischargeReport, "missing", m, k, 0), row(figures.AdmissionNotified, "weekend", m, k, 12)
			before.Share, before.Per1000, few.Few = 0.75, 1.5, true
			wait.Mean, wait.Steps = 25*time.Minute, []int64{6, 6, 0, 0, 0, 0, 0}
			r.Rows = append(r.Rows, before, few, wait)
		}
		r.Rows = append(r.Rows, row(figures.PlanCoordinator, "yes", "", k, 17))
	}
	return r
}

func TestFiguresPage(t *testing.T) {
	t.Parallel()
	h := counted(t, someFigures())
	for _, path := range []string{"/figures", "/figures?month=2026-01&municipality=5001", "/figures?month=nonsense&municipality=%22%3E%3Cscript%3E"} {
		a := h.get(path)
		if a.status != http.StatusOK {
			t.Fatalf("%s: status %d", path, a.status)
		}
		checkHTML(t, path, a.body)
		for _, want := range []string{"Discharges by when the report came", "75 %", "1.50", "25 min", "fewer than 5", "Plans with a coordinator", "17", "5001", "2026-01"} {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s does not say %q", path, want)
			}
		}
		if strings.Contains(a.body, "<script>") {
			t.Errorf("%s: what was asked for stands in the page", path)
		}
	}
	if a := h.get("/overview"); !strings.Contains(a.body, `href="/figures"`) {
		t.Error("no way to the figures")
	}
}

func TestFiguresForSystems(t *testing.T) {
	t.Parallel()
	h := counted(t, someFigures())
	if a := h.get("/figures/csv"); a.status != http.StatusOK || !strings.HasPrefix(a.body, "figure,class,month") || !strings.Contains(a.header.Get("Content-Type"), "text/csv") {
		t.Errorf("CSV: %d %s", a.status, a.body)
	}
	if a := h.get("/figures/measure-report/discharge-report?month=2026-01"); a.status != http.StatusOK || !strings.Contains(a.body, `"MeasureReport"`) || !strings.Contains(a.body, `"count":30`) {
		t.Errorf("report: %d %s", a.status, a.body)
	}
	if a := h.get("/figures/measure-report/plan-coordinator"); a.status != http.StatusOK || !strings.Contains(a.body, `"count":17`) {
		t.Errorf("report of a state: %d %s", a.status, a.body)
	}
	if a := h.get("/figures/measure"); a.status != http.StatusOK || strings.Count(a.body, `"resourceType":"Measure"`) != len(figures.Definitions()) {
		t.Errorf("definitions: %d", a.status)
	}
	for _, path := range []string{"/figures/measure-report/nothing", "/figures/measure-report/course-outcome"} {
		if a := h.get(path); a.status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, a.status)
		}
	}
}

func TestFiguresBeforeTheFirstCount(t *testing.T) {
	t.Parallel()
	h := counted(t, nil)
	if a := h.get("/figures"); a.status != http.StatusOK || !strings.Contains(a.body, "Nothing is counted yet") {
		t.Errorf("page: %d", a.status)
	}
	if a := h.get("/figures/csv"); a.status != http.StatusNotFound {
		t.Errorf("CSV: %d", a.status)
	}
	if a := signedIn(t, newFakeStore()).get("/figures"); a.status != http.StatusNotFound {
		t.Errorf("figures that are not counted: %d", a.status)
	}
}
