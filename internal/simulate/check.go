package simulate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Check is one expectation and what became of it.
type Check struct {
	// Line names the step of the scenario ("3 INNLEGGELSESRAPPORT") and what is looked at.
	Line string `json:"line"`
	Want string `json:"want"`
	Got  string `json:"got"`
	OK   bool   `json:"ok"`
}

// Failed picks the checks that do not hold.
func Failed(checks []Check) []Check {
	return slices.DeleteFunc(slices.Clone(checks), func(c Check) bool { return c.OK })
}

// plan is what the checks read of a careplan.Plan; its JSON is the only thing they know of it.
type plan struct {
	Patient string `json:"patient"`
	Stays   []stay `json:"stays"`
	Ready   []struct {
		Set value  `json:"set"`
		End *value `json:"end"`
		Why string `json:"why"`
	} `json:"discharge_ready"`
	Diagnoses []struct {
		value
		Main bool `json:"main"`
	} `json:"diagnoses"`
	Goals    []goal `json:"goals"`
	Measures []struct {
		Text    string `json:"text"`
		Kind    string `json:"kind"`
		Status  string `json:"status"`
		Owner   string `json:"owner"`
		Answers []struct {
			By     string `json:"by"`
			Status string `json:"status"`
			Reason string `json:"reason"`
		} `json:"answers"`
	} `json:"measures"`
	Services []value `json:"services"`
	Function []struct {
		Instrument string  `json:"instrument"`
		Date       string  `json:"date"`
		DateSource string  `json:"date_source"`
		Baseline   bool    `json:"baseline"`
		Line       string  `json:"line"`
		Owner      string  `json:"owner"`
		Scores     []score `json:"scores"`
	} `json:"function"`
	Checkups []struct {
		Start  string `json:"start"`
		Booked bool   `json:"booked"`
	} `json:"checkups"`
	Notes []struct {
		Text string `json:"text"`
	} `json:"notes"`
	Tasks []struct {
		For    string   `json:"for"`
		Status string   `json:"status"`
		Rule   string   `json:"rule"`
		From   []string `json:"from"`
	} `json:"tasks"`
	Gaps    []gap             `json:"gaps"`
	Shared  shared            `json:"shared"`
	Course  course            `json:"course"`
	Sources map[string]source `json:"sources"`
	History []source          `json:"history"`
}

type gap struct {
	Rule    string    `json:"rule"`
	Subject string    `json:"subject"`
	Due     time.Time `json:"due"`
}

type stay struct {
	ID             string `json:"id"`
	Status         string `json:"status"`
	Start          *value `json:"start"`
	End            *value `json:"end"`
	Destination    *value `json:"destination"`
	ReadyCount     int    `json:"ready_count"`
	WithdrawnCount int    `json:"withdrawn_count"`
	Organisation   string `json:"organisation"`
}

type goal struct {
	Text        string `json:"text"`
	Due         *value `json:"due"`
	Owner       string `json:"owner"`
	ExpressedBy string `json:"expressed_by"`
}

type value struct {
	Text string   `json:"text"`
	Code string   `json:"code"`
	From []string `json:"from"`
}

type score struct {
	value
	Number      *float64 `json:"number"`
	NotRelevant bool     `json:"not_relevant"`
	Problem     string   `json:"problem"`
}

type source struct {
	Key   string `json:"key"`
	Kind  string `json:"kind"`
	State string `json:"state"`
}

// text gives a value's text, "" for none.
func (v *value) text() string {
	if v == nil {
		return ""
	}
	return v.Text
}

// checker collects.
type checker struct {
	list []Check
}

func (k *checker) is(line string, got, want any) {
	g, w := fmt.Sprint(got), fmt.Sprint(want)
	k.list = append(k.list, Check{Line: line, Want: w, Got: g, OK: g == w})
}

// CheckPlan holds a final plan (the JSON of careplan.Plan) against the lines of scenario S1 that the
// course plays. An error means that the plan cannot be read at all.
//
// Source: domain/careplan.md section 12, S1.
func CheckPlan(c *Course, planJSON []byte) ([]Check, error) {
	if c == nil || c.Name != "S1" {
		return nil, fmt.Errorf("no expectations for this course")
	}
	var p plan
	if err := json.Unmarshal(planJSON, &p); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	k := &checker{}
	k.is("0 patient", p.Patient, c.Patient)
	her := func(id string) string {
		party, _ := c.Party(id)
		return party.HER[0]
	}
	k.stay(&p, her("hospital"))
	k.records(c, &p)
	k.function(&p, her("municipality"), her("hospital"))
	k.ready(&p, her("municipality"))
	k.report(&p, her("hospital"))
	k.answers(&p, her("municipality"))
	if len(c.Steps) > hospitalSteps {
		k.home(&p, her)
	}
	return k.list, nil
}

func (k *checker) stay(p *plan, hospital string) {
	i := slices.IndexFunc(p.Stays, func(s stay) bool { return s.Organisation == hospital })
	k.is("1 LOG_INNLAGT: stays", len(p.Stays) > 0 && i == 0 && (len(p.Stays) == 1 || p.Stays[1].Organisation != hospital), true)
	if i < 0 {
		return
	}
	s := p.Stays[i]
	k.is("1 LOG_INNLAGT: admitted", s.Start.text(), "2026-01-10T22:15:00+01:00")
	k.is("1 LOG_INNLAGT: hospital", s.Organisation, hospital)
	k.is("9 LOG_UTSKREVET: status", s.Status, "finished")
	k.is("9 LOG_UTSKREVET: discharged", s.End.text(), "2026-01-25T11:15:00+01:00")
	k.is("9 LOG_UTSKREVET: destination known", s.Destination.text() != "", true)
	k.is("8 LOG_UTSKRIVNINGSKLAR: ready count", s.ReadyCount, 2)
	k.is("7 LOG_AVMELDING: withdrawn count", s.WithdrawnCount, 1)
}

// records: every message once, the replaced report only in history.
func (k *checker) records(c *Course, p *plan) {
	want := 0
	for _, s := range c.Steps {
		if s.RepeatOf == 0 {
			want++
		}
	}
	all := map[string]string{}
	for key, s := range p.Sources {
		all[key] = s.State
	}
	replaced := 0
	for _, s := range p.History {
		all[s.Key] = s.State
		if s.Kind == "INNLEGGELSESRAPPORT" && s.State == "replaced" {
			replaced++
		}
	}
	k.is("2 LOG_INNLAGT again: different messages in the plan", len(all), want)
	k.is("4 INNLEGGELSESRAPPORT M: replaced reports in history", replaced, 1)
}

func (k *checker) function(p *plan, municipality, hospital string) {
	k.is("3 INNLEGGELSESRAPPORT: services", len(p.Services), 2)
	k.is("3 INNLEGGELSESRAPPORT: R15 closed", !k.gap(p, "R15"), true)
	var iplos, barthel int
	lines := map[string]string{} // instrument by line
	for _, a := range p.Function {
		switch a.Instrument {
		case "iplos":
			if iplos++; iplos > 1 {
				break // that at home comes later
			}
			k.is("3 INNLEGGELSESRAPPORT: variables", len(a.Scores), 17)
			k.is("3 INNLEGGELSESRAPPORT: date, from", a.Date+" "+a.DateSource, "2026-01-08 remark")
			k.is("3 INNLEGGELSESRAPPORT: before the stroke", a.Baseline, true)
			k.is("3 INNLEGGELSESRAPPORT: owner", a.Owner, municipality)
			k.is("4 INNLEGGELSESRAPPORT M: hygiene", shown(a.Scores, "7"), "2")
			k.is("3 INNLEGGELSESRAPPORT: cooking", shown(a.Scores, "9"), "not relevant")
		case "barthel-20":
			if barthel++; barthel > 1 {
				break
			}
			k.is("5 Barthel-20: total", shown(a.Scores, ""), "6")
			k.is("5 Barthel-20: owner", a.Owner, hospital)
		}
		if other := lines[a.Line]; a.Line != "" {
			k.is("5 Barthel-20: no line joins two instruments ("+a.Instrument+" "+a.Date+")", other != "" && other != a.Instrument, false)
			lines[a.Line] = a.Instrument
		}
	}
	k.is("3 INNLEGGELSESRAPPORT: IPLOS is there", iplos > 0, true)
	k.is("5 Barthel-20: is there", barthel > 0, true)
}

// shown is the number of the score with this code ("" = the first one).
func shown(scores []score, code string) string {
	for _, s := range scores {
		if code != "" && s.Code != code {
			continue
		}
		switch {
		case s.NotRelevant && s.Number == nil:
			return "not relevant"
		case s.Number == nil:
			return "no number"
		}
		return fmt.Sprint(*s.Number)
	}
	return "not there"
}

func (k *checker) gap(p *plan, rule string) bool {
	for _, g := range p.Gaps {
		if g.Rule == rule {
			return true
		}
	}
	return false
}

func (k *checker) ready(p *plan, municipality string) {
	k.is("6 LOG_UTSKRIVNINGSKLAR: periods", len(p.Ready), 2)
	if len(p.Ready) != 2 {
		return
	}
	k.is("6 LOG_UTSKRIVNINGSKLAR: set", p.Ready[0].Set.Text, "2026-01-19T10:00:00+01:00")
	k.is("7 LOG_AVMELDING: ended by", p.Ready[0].Why, "withdrawn")
	k.is("8 LOG_UTSKRIVNINGSKLAR: set", p.Ready[1].Set.Text, "2026-01-24T08:45:00+01:00")
	k.is("9 LOG_UTSKREVET: ended by", p.Ready[1].Why, "discharged")
	cancelled := 0
	for _, t := range p.Tasks {
		if t.For == municipality && t.Status == "cancelled" {
			cancelled++
		}
	}
	k.is("7 LOG_AVMELDING: a task of the municipality is cancelled", cancelled > 0, true)
}

func (k *checker) report(p *plan, hospital string) {
	late := slices.ContainsFunc(p.Gaps, func(g gap) bool {
		return g.Rule == "R6" && slices.ContainsFunc(p.Stays, func(s stay) bool { return s.ID == g.Subject && s.Organisation == hospital })
	})
	k.is("10 UTSKRIVNINGSRAPPORT: R6 closed", late, false)
	k.is("10 UTSKRIVNINGSRAPPORT: R7 satisfied", !k.gap(p, "R7"), true)
	due := []string{}
	for _, g := range p.Goals {
		if g.Owner == hospital {
			due = append(due, g.Due.text())
		}
	}
	slices.Sort(due)
	k.is("10 UTSKRIVNINGSRAPPORT: the hospital's goals, due", strings.Join(due, " "), "2026-02-24 2026-04-22")
	booked := []string{}
	for _, c := range p.Checkups {
		if c.Booked {
			booked = append(booked, c.Start)
		}
	}
	k.is("10 UTSKRIVNINGSRAPPORT: booked check-ups", strings.Join(booked, " "), "2026-04-21T10:30:00+02:00")
	zone := false
	for _, n := range p.Notes {
		zone = zone || strings.Contains(n.Text, "Soneplan")
	}
	k.is("10 UTSKRIVNINGSRAPPORT: zone plan as text", zone, true)
	main := false
	for _, d := range p.Diagnoses {
		main = main || d.Main && strings.HasPrefix(strings.ReplaceAll(d.Code, ".", ""), "I634")
	}
	k.is("10 and 11: main diagnosis", main, true)
	epicrisis := false
	for _, s := range p.Sources {
		epicrisis = epicrisis || s.Kind == "EPIKRISE" && s.State == "live"
	}
	k.is("11 EPIKRISE: live source", epicrisis, true)
}

func (k *checker) answers(p *plan, municipality string) {
	proposals, accepted, rejected := 0, 0, ""
	for _, m := range p.Measures {
		if m.Kind != "proposal" {
			continue
		}
		proposals++
		switch {
		case m.Status == "accepted" && m.Owner == municipality:
			accepted++
		case m.Status == "rejected" && m.Owner == "" && len(m.Answers) == 1:
			rejected = m.Text + ": " + m.Answers[0].Reason
		}
	}
	k.is("10 UTSKRIVNINGSRAPPORT: proposals", proposals, 3)
	k.is("12 task-answer: accepted by the municipality", accepted, 2)
	k.is("12 task-answer: rejected", rejected, "Språktrening med logoped to ganger i uken: Ingen ledig kapasitet hos logoped")
	r1 := 0
	for _, g := range p.Gaps {
		if g.Rule == "R1" {
			r1++
		}
	}
	k.is("12 task-answer: proposals still without owner (R1)", r1, 1)
}
