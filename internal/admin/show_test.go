package admin

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
	"pgregory.net/rapid"
)

func TestTraceTellsTransportAndReceiptApart(t *testing.T) {
	t.Parallel()
	c := newCourse(t)
	h := signedIn(t, c.st)
	p, err := h.s.traceData(t.Context(), "m0001")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Steps {
		got = append(got, fmt.Sprintf("%d>%d %s %s", s.From, s.To, s.Layer, s.Word.Text))
	}
	want := []string{"1>2 transport Received and stored", "2>2  Receipt to the sender made", "2>2  Plan changed", "2>2  Routed",
		"2>1 transport Receipt to the sender: bytes taken", "2>3 transport Bytes taken", "3>2 receipt Receipt: accepted", "2>4 transport Bytes taken", "1>2 transport Same message again"}
	if !slices.Equal(got, want) {
		t.Errorf("time line\n got %q\nwant %q", got, want)
	}
	if s := p.Steps[5]; s.Attempt != 1 || s.Took != 14*time.Millisecond || s.Answer != "HTTP 202" || s.Size == 0 {
		t.Errorf("the step of sending lacks attempt, time, answer or size: %+v", s)
	}
	// A receiver that is down: each failed attempt is a row, none a receipt.
	p, err = h.s.traceData(t.Context(), "m0009")
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, s := range p.Steps {
		if s.Failed {
			failed++
			if s.Layer != "" || s.Fault != "unreachable" {
				t.Errorf("a failed attempt is shown as %q, fault %q", s.Layer, s.Fault)
			}
		}
	}
	if failed != 4 {
		t.Errorf("%d failed attempts in the time line, want 4", failed)
	}
	// A stop that a refusing receipt caused is no attempt and no arrow.
	p, err = h.s.traceData(t.Context(), "m0012")
	if err != nil {
		t.Fatal(err)
	}
	last := p.Steps[len(p.Steps)-1]
	if last.Word.Text != "Stopped" || last.Arrow() || last.Failed {
		t.Errorf("the stop after a refusal is shown as %+v", last)
	}
}

func TestManyReceiversShareTheLastLane(t *testing.T) {
	t.Parallel()
	c := newCourse(t)
	for i := range 12 {
		c.forward("m0001", fmt.Sprintf("party-%d", i), "LOG_INNLAGT", "team")
	}
	h := signedIn(t, c.st)
	p, err := h.s.traceData(t.Context(), "m0001")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Lanes) != maxLanes {
		t.Errorf("%d lanes, want %d", len(p.Lanes), maxLanes)
	}
	for _, s := range p.Steps {
		if s.From > maxLanes || s.To > maxLanes {
			t.Errorf("a step lies outside the lanes: %+v", s)
		}
	}
	checkHTML(t, "trace", h.get("/messages/m0001").body)
}

func TestFunctionCharts(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	p, err := h.s.planData(t.Context(), seesAll(), testPatient, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Instruments) != 2 || !p.Instruments[0].IPLOS {
		t.Fatalf("instruments: %d, IPLOS first: %v", len(p.Instruments), p.Instruments[0].IPLOS)
	}
	ip := p.Instruments[0]
	if len(ip.Charts) != 17 {
		t.Errorf("%d charts, want one per variable, 17", len(ip.Charts))
	}
	// Variable 16: 9 (not relevant), then 1: no line may join them, and 9 lies outside the scale.
	c := ip.Charts[15]
	if len(c.Lines) != 0 || len(c.Points) != 2 || c.Points[0].Shape != "none" || c.Points[0].Y <= chartBottom || c.Change != "" {
		t.Errorf("not relevant is drawn as a value: %+v", c)
	}
	// Variable 7: 2 -> 3, more help.
	c = ip.Charts[6]
	if len(c.Lines) != 1 || c.Change != "was 2: more help needed" || c.Lines[0].Y2 <= c.Lines[0].Y1 {
		t.Errorf("hygiene 2 to 3: %+v", c)
	}
	if b := p.Instruments[1].Charts[0]; b.Change != "was 6: better" || b.Lines[0].Y2 >= b.Lines[0].Y1 {
		t.Errorf("Barthel 6 to 11: %+v", b)
	}
}

func TestScoresOutsideTheScaleAreNeverDrawn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Float64Range(-5, 30).Draw(t, "n")
		s := careplan.Score{Value: careplan.Value{Text: "x", Code: "1", System: systemIPLOS}, Number: &n, Min: 1, Max: 5, Invalid: n < 1 || n > 5}
		p := &planPage{Plan: &careplan.Plan{Function: []careplan.Assessment{{Instrument: "iplos", Date: "2026-01-01", Owner: "1", Scores: []careplan.Score{s}}}}}
		for _, pt := range instruments(p)[0].Charts[0].Points {
			if inside := n >= 1 && n <= 5; pt.ok != inside || inside && (pt.Y < chartTop-.001 || pt.Y > chartBottom+.001) {
				t.Fatalf("score %v is drawn at %+v", n, pt)
			}
		}
	})
}

func TestComparePlans(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	read := func(v int64) *careplan.Plan {
		p, _, err := h.s.readPlan(t.Context(), testPatient, v)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	list := comparePlans(read(2), read(3))
	if len(list) != 1 || list[0].Name != "Function" || len(list[0].Items) != 1 || list[0].Items[0].How != "changed" || len(list[0].Items[0].Facts) != 1 {
		t.Fatalf("the correction of one score gives %+v", list)
	}
	if f := list[0].Items[0].Facts[0]; !strings.Contains(f.Name, "Personlig hygiene") || f.Old != "1" || f.New != "2" {
		t.Errorf("the correction of one score reads %+v", f)
	}
	for v := int64(1); v <= 10; v++ {
		if l := comparePlans(read(v), read(v)); len(l) > 0 {
			t.Errorf("version %d differs from itself: %+v", v, l)
		}
	}
	how := map[string]string{}
	for _, sec := range comparePlans(read(1), read(10)) {
		for _, it := range sec.Items {
			how[it.Title] = it.How
			if len(it.Cite.Sources) == 0 {
				t.Errorf("%s has no source", it.Title)
			}
		}
	}
	for title, want := range map[string]string{"Gå inne uten hjelpemiddel": "added", "Stay Fjellheim sykehus": "changed"} {
		if how[title] != want {
			t.Errorf("%s is %q, want %q; all: %v", title, how[title], want, how)
		}
	}
}
