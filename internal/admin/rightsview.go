package admin

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
)

// teamRow is one organisation or person with every period of taking part.
type teamRow struct {
	Name, HER, Role string
	Now             word
	Periods         []careplan.Membership
}

// TeamRows lists who takes part: by the periods that were stated, else by who wrote or was written to.
func (p *planPage) TeamRows() []teamRow {
	var list []teamRow
	find := func(her, name, role string) *teamRow {
		i := slices.IndexFunc(list, func(r teamRow) bool { return r.HER == her && (her != "" || r.Name == name) })
		if i < 0 {
			list = append(list, teamRow{Name: or(name, p.Org(her)), HER: her, Role: role, Now: word{"takes part", "ok", "●", "By messages; no period was stated."}})
			i = len(list) - 1
		}
		list[i].Role = or(list[i].Role, role)
		return &list[i]
	}
	for _, m := range p.Team {
		find(m.HER, m.Name, m.Role)
	}
	if p.Rights != nil {
		for _, m := range p.Rights.Members {
			r := find(m.HER, m.Name, m.Role)
			r.Periods = append(r.Periods, m)
		}
	}
	for i := range list {
		if r := &list[i]; len(r.Periods) > 0 {
			slices.SortStableFunc(r.Periods, func(a, b careplan.Membership) int { return a.Start.Compare(b.Start) })
			r.Now = membershipWord(r.Periods, p.Now)
		}
	}
	return list
}

// membershipWord says how membership stands now. A period counts from its start up to, not with, its end.
func membershipWord(periods []careplan.Membership, now time.Time) word {
	ahead := false
	for _, m := range periods {
		started, ended := m.Start.IsZero() || !m.Start.After(now), !m.End.IsZero() && !m.End.After(now)
		if started && !ended {
			return word{"takes part", "ok", "●", ""}
		}
		ahead = ahead || !started
	}
	if ahead {
		return word{"joins later", "wait", "…", ""}
	}
	return word{"has left", "calm", "–", "Sees nothing that came after the end of the period."}
}

// TeamFrom are the sources of a row of the team.
func (p *planPage) TeamFrom(her string) []string {
	for _, m := range p.Team {
		if m.HER == her {
			return m.From
		}
	}
	return nil
}

// ShowsRights tells whether this person may see what restricts whom: a list of restrictions is a hint of what
// they hide, so it is for those who must act on it.
func (p *planPage) ShowsRights() bool {
	return !p.may.bound() && (p.may.may(RoleAdmin) || p.may.may(RoleCoordinator))
}

// restrictionView is a restriction in words.
type restrictionView struct {
	careplan.Restriction
	What, Who, Covers string
	Now               word
}

// RestrictionRows lists every restriction.
func (p *planPage) RestrictionRows() []restrictionView {
	if p.Rights == nil || !p.ShowsRights() {
		return nil
	}
	var list []restrictionView
	for _, r := range p.Rights.Restrictions {
		v := restrictionView{Restriction: r, What: restrictionNames[r.Kind], Covers: p.scopeWords(r.Scope)}
		v.What = or(v.What, r.Kind)
		switch {
		case len(r.Denied) > 0:
			v.Who = "not for " + p.orgList(r.Denied)
		case len(r.Allowed) > 0:
			v.Who = "only for " + p.orgList(r.Allowed)
		default:
			v.Who = "for nobody but the author"
		}
		v.Now = word{"in force", "warn", "!", ""}
		if !r.End.IsZero() && !r.End.After(p.Now) {
			v.Now = word{"ended", "calm", "–", ""}
		} else if r.Start.After(p.Now) {
			v.Now = word{"begins later", "wait", "…", ""}
		}
		list = append(list, v)
	}
	return list
}

var restrictionNames = map[string]string{"forwarding": "Objection to forwarding", "reservation": "Reservation", "block": "Block", "team": "The patient's choice of team", "label": "Security label"}

func (p *planPage) orgList(her []string) string {
	var names []string
	for _, h := range her {
		names = append(names, p.Org(h))
	}
	return strings.Join(names, ", ")
}

// scopeWords says what a restriction covers.
func (p *planPage) scopeWords(scope string) string {
	what, name, _ := strings.Cut(scope, ":")
	switch what {
	case "all", "":
		return "everything"
	case "record":
		if s, ok := p.byKey[name]; ok {
			return "message " + s.Kind + " (source " + itoa(s.Number) + ")"
		}
		return "one message"
	case "organisation":
		return "what " + p.Org(name) + " writes"
	case "kind":
		return "messages of kind " + name
	case "topic":
		return "the topic " + name
	}
	return scope
}

// heldView is a record set aside.
type heldView struct {
	careplan.Held
	Kind       string
	MessageID  string
	Releasable bool
}

// HeldRows lists the records that were set aside.
func (p *planPage) HeldRows() []heldView {
	if p.Rights == nil || !p.ShowsRights() {
		return nil
	}
	var list []heldView
	for _, h := range p.Rights.Held {
		v := heldView{Held: h, Releasable: !p.Frozen && p.may.may(RoleAdmin)}
		for _, s := range p.History {
			if s.Key == h.Key {
				v.Kind, v.MessageID = s.Kind, s.MessageID
			}
		}
		list = append(list, v)
	}
	return list
}

// MayHold tells whether this person may set a record aside.
func (p *planPage) MayHold() bool { return !p.Frozen && p.may.may(RoleAdmin) && !p.may.bound() }

// MayLink tells whether this person may link identifiers.
func (p *planPage) MayLink() bool { return !p.Frozen && p.may.may(RoleIdentity) && !p.may.bound() }

// identityView is one identifier of the person.
type identityView struct {
	Name, Value, Plan string
	First             bool
	From              []string
	// Links are the keys of the link records it rests on, each of which can be withdrawn.
	Links []string
}

// Identities lists the identifiers when there are several.
func (p *planPage) Identities() []identityView {
	if p.Rights == nil {
		return nil
	}
	var list []identityView
	for i, d := range p.Rights.Identities {
		system, value, found := strings.Cut(d.Patient, "|")
		if !found {
			system, value = "", d.Patient
		}
		list = append(list, identityView{Name: identifierName(system), Value: value, Plan: d.Plan, First: i == 0, From: d.From, Links: d.From})
	}
	return list
}

const systemCPR = "urn:oid:1.2.208.176.1.2"

// identifierName names an identifier system.
func identifierName(system string) string {
	switch system {
	case systemFNR:
		return "National identity number"
	case systemDNR:
		return "D-number"
	case systemFHN:
		return "Common help number"
	case systemCPR:
		return "CPR number (Denmark)"
	case "":
		return "Identifier"
	}
	return "Identifier in " + system
}

// markView is a progress mark as it is drawn.
type markView struct {
	careplan.Mark
	Face, Tone, Words string
}

// Marks are the progress marks, the newest first.
func (p *planPage) Marks() []markView {
	if p.Course == nil {
		return nil
	}
	var list []markView
	for _, m := range p.Course.Marks {
		list = append(list, markOf(m))
	}
	slices.SortStableFunc(list, func(a, b markView) int { return b.At.Compare(a.At) })
	return list
}

func markOf(m careplan.Mark) markView {
	v := markView{Mark: m, Tone: "calm", Face: "?", Words: m.Value}
	switch strings.ToLower(m.Value) {
	case "5":
		v.Tone, v.Face, v.Words = "ok", "5", "very good"
	case "4":
		v.Tone, v.Face, v.Words = "ok", "4", "good"
	case "3":
		v.Tone, v.Face, v.Words = "calm", "3", "so-so"
	case "2":
		v.Tone, v.Face, v.Words = "warn", "2", "bad"
	case "1":
		v.Tone, v.Face, v.Words = "stop", "1", "very bad"
	case "green":
		v.Tone, v.Face, v.Words = "ok", "●", "green: as planned"
	case "yellow":
		v.Tone, v.Face, v.Words = "warn", "▲", "yellow: something lags"
	case "red":
		v.Tone, v.Face, v.Words = "stop", "■", "red: marked worsening"
	}
	return v
}

// zoneView is one zone of a zone plan.
type zoneView struct {
	careplan.Zone
	Name, Tone, Sign string
	Now              bool // the newest traffic light says so
}

// Zones are the zones in the order green, yellow, red.
func (p *planPage) Zones() []zoneView {
	if p.Course == nil {
		return nil
	}
	light := ""
	for _, m := range p.Marks() {
		if m.Scale == "light" {
			light = strings.ToLower(m.Value)
			break
		}
	}
	var list []zoneView
	for _, z := range p.Course.Zones {
		v := zoneView{Zone: z, Name: z.Colour, Tone: "calm", Sign: "○", Now: z.Colour == light}
		switch z.Colour {
		case "green":
			v.Name, v.Tone, v.Sign = "Green: as it should be", "ok", "●"
		case "yellow":
			v.Name, v.Tone, v.Sign = "Yellow: something is getting worse", "warn", "▲"
		case "red":
			v.Name, v.Tone, v.Sign = "Red: get help now", "stop", "■"
		}
		list = append(list, v)
	}
	slices.SortStableFunc(list, func(a, b zoneView) int { return cmp.Compare(zoneRank(a.Colour), zoneRank(b.Colour)) })
	return list
}

func zoneRank(colour string) int {
	return 1 + slices.Index([]string{"green", "yellow", "red"}, colour)
}
