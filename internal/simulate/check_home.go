package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// hospitalSteps are the steps up to the municipality's answers; what comes after them is the course at home.
const hospitalSteps = 12

// shared is what the checks read of what several parties write together.
type shared struct {
	Fields []struct {
		Name      string `json:"name"`
		Value     value  `json:"value"`
		Contested bool   `json:"contested"`
	} `json:"fields"`
	Conflicts []struct {
		Field      string `json:"field"`
		Status     string `json:"status"`
		Candidates []struct {
			value
			By string `json:"by"`
		} `json:"candidates"`
		Chosen     *value `json:"chosen"`
		ResolvedBy string `json:"resolved_by"`
		Author     string `json:"author"`
	} `json:"conflicts"`
	Proposals []struct {
		By     string `json:"by"`
		Owner  string `json:"owner"`
		Status string `json:"status"`
	} `json:"proposals"`
}

// course is what the checks read of the course of rehabilitation.
type course struct {
	Courses []struct {
		Status  string `json:"status"`
		Kind    string `json:"kind"`
		Start   *value `json:"start"`
		End     *value `json:"end"`
		Outcome *value `json:"outcome"`
	} `json:"courses"`
	Zones []struct {
		Colour   string   `json:"colour"`
		Measures []string `json:"measures"`
	} `json:"zones"`
	Marks []struct {
		Value string    `json:"value"`
		At    time.Time `json:"at"`
		Drop  bool      `json:"drop"`
	} `json:"marks"`
	Dialogue []dialogue `json:"dialogue"`
}

type dialogue struct {
	Text string `json:"text"`
}

// home holds the plan against the lines of S1 after the discharge, to the last one.
func (k *checker) home(p *plan, her func(party string) string) {
	k.zones(p)
	k.municipalStay(p, her("municipality"))
	k.measured(p, her("municipality"))
	k.sharedFields(p)
	k.marks(p, her("physio"))
	k.disagreement(p, her)
	k.seated(p, her)
	k.ending(p)
}

func (k *checker) zones(p *plan) {
	var colours []string
	for _, z := range p.Course.Zones {
		colours = append(colours, fmt.Sprint(z.Colour, " ", len(z.Measures)))
	}
	slices.Sort(colours)
	k.is("13 zone plan: zones with what to do", strings.Join(colours, ", "), "green 2, red 1, yellow 2")
	k.is("13 zone plan: the gap is closed", k.gap(p, "no-zone-plan"), false)
}

func (k *checker) municipalStay(p *plan, municipality string) {
	got := []string{}
	for _, s := range p.Stays {
		if s.Organisation == municipality {
			got = append(got, s.Status+" "+s.Start.text()+" "+s.End.text())
		}
	}
	k.is("14 and 18 stay at the institution", strings.Join(got, ", "), "finished 2026-01-25T12:30:00+01:00 2026-02-24T11:30:00+01:00")
}

// measured: what was assessed, on lines of its own.
func (k *checker) measured(p *plan, municipality string) {
	var barthel, copm []string
	tug, atHome := "", ""
	for _, a := range p.Function {
		day := a.Date
		if len(day) > len(time.DateOnly) {
			day = day[:len(time.DateOnly)]
		}
		switch a.Instrument {
		case "barthel-20":
			barthel = append(barthel, day+"="+total(a.Scores))
		case "copm":
			problems := map[string]bool{}
			for _, s := range a.Scores {
				if s.Problem != "" {
					problems[s.Problem] = true
				}
			}
			copm = append(copm, fmt.Sprintf("%s=%d", day, len(problems)))
		case "tug":
			tug = day + "=" + shown(a.Scores, "")
		case "iplos":
			if !a.Baseline && a.Owner == municipality {
				atHome = day + "=" + shown(a.Scores, "5") + shown(a.Scores, "7") + shown(a.Scores, "8")
			}
		}
	}
	slices.Sort(barthel)
	slices.Sort(copm)
	k.is("5, 16, 17 and 31 Barthel-20 totals", strings.Join(barthel, " "), "2026-01-15=6 2026-01-30=11 2026-02-20=15 2026-04-22=18")
	k.is("15 and 32 COPM: problems scored", strings.Join(copm, " "), "2026-01-30=4 2026-04-22=3")
	k.is("21 IPLOS at home: indoors, hygiene, dressing", atHome, "2026-03-02=332")
	k.is("29 mid evaluation: TUG", tug, "2026-03-25=24")
}

// barthelTotal is the LOINC code of the sum. Source: domain/function.md section 3.
const barthelTotal = "96761-2"

// total is the number of the total among scores; with a single score that one.
func total(scores []score) string {
	for _, s := range scores {
		if s.Code == barthelTotal || len(scores) == 1 {
			return shown([]score{s}, "")
		}
	}
	return "no total"
}

func (k *checker) sharedFields(p *plan) {
	got := map[string]string{}
	for _, f := range p.Shared.Fields {
		got[f.Name] = f.Value.Text
		if f.Contested {
			got[f.Name] += " contested"
		}
	}
	k.is("19 coordinator", got["coordinator"], "Eldrid Prøve")
	k.is("19 coordinator: the gap is closed", k.gap(p, "no-coordinator"), false)
	k.is("19 period", got["period-start"]+" "+got["period-end"], "2026-02-25 2026-04-22")
	k.is("26 next evaluation, settled", got["next-evaluation"], "2026-03-19")
}

func (k *checker) marks(p *plan, physio string) {
	var got []string
	for _, m := range p.Course.Marks {
		text := m.Value
		if m.Drop {
			text += "!"
		}
		got = append(got, text)
	}
	k.is("22 to 30 progress marks, the drop marked", strings.Join(got, " "), "green red! yellow 4")
	asked := 0
	for _, t := range p.Tasks {
		if t.Rule == "drop" && t.For == physio {
			asked++
		}
	}
	k.is("23 red light: the therapist is asked", asked, 1)
}

func (k *checker) disagreement(p *plan, her func(string) string) {
	k.is("25 conflict: conflicts on record", len(p.Shared.Conflicts), 1)
	for _, c := range p.Shared.Conflicts {
		var both []string
		for _, d := range c.Candidates {
			both = append(both, d.Text+" by "+d.By)
		}
		slices.Sort(both)
		k.is("24 and 25 conflict: both dates stay", c.Field+": "+strings.Join(both, ", "), "next-evaluation: 2026-03-19 by "+her("gp")+", 2026-03-26 by "+her("municipality"))
		k.is("26 conflict: decided by a person of the coordinating unit", c.Status+" "+c.Chosen.text()+" "+c.ResolvedBy+" "+c.Author,
			"resolved 2026-03-19 "+her("municipality")+" Eldrid Prøve")
	}
}

func (k *checker) seated(p *plan, her func(string) string) {
	var mine, answers []string
	for _, m := range p.Measures {
		if m.Owner == her("physio") {
			mine = append(mine, m.Text)
		}
	}
	for _, w := range p.Shared.Proposals {
		if w.By == her("gp") && w.Owner == her("physio") {
			answers = append(answers, w.Status)
		}
	}
	k.is("27 the physiotherapist's measure", strings.Join(mine, ", "), "Sittende trening")
	k.is("24 and 27 the GP's proposal is answered", strings.Join(answers, ", "), "changed")
}

func (k *checker) ending(p *plan) {
	var courses, own []string
	for _, c := range p.Course.Courses {
		courses = append(courses, strings.TrimSpace(c.Kind+" "+c.Status+" "+c.Start.text()+" "+c.End.text()+" "+code(c.Outcome)))
	}
	slices.Sort(courses)
	k.is("19, 33 and 34 courses with outcome", strings.Join(courses, ", "),
		"Hverdagsrehabilitering finished 2026-02-25 2026-04-22 less, Vedlikehold ved frisklivssentralen active 2026-04-23 2026-10-23")
	for _, g := range p.Goals {
		if g.ExpressedBy == "patient" {
			own = append(own, g.Text)
		}
	}
	k.is("15 goal in the patient's own words", strings.Join(own, ", "), "Jeg vil gå tur med hunden i skogen igjen")
	k.is("34 goal to maintain", slices.ContainsFunc(p.Goals, func(g goal) bool { return g.Text == "Holde på gangfunksjonen" && g.Due.text() == "2026-10-23" }), true)
	k.is("33 status to the hospital", slices.ContainsFunc(p.Course.Dialogue, func(d dialogue) bool { return strings.HasPrefix(d.Text, "Status etter åtte uker") }), true)
	over := slices.IndexFunc(p.Gaps, func(g gap) bool { return g.Rule == "R14" && g.Due.Before(time.Date(2026, 4, 24, 0, 0, 0, 0, time.UTC)) })
	k.is("31 no end assessment is missing (R14)", over >= 0, false)
}

// code gives a value's code, "" for none.
func code(v *value) string {
	if v == nil {
		return ""
	}
	return v.Code
}
