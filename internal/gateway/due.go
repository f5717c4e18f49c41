package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // reminders tell Norwegian time also on machines without a zone database

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/queue"
)

// Clocks of plans stand in the store as dues, written in the unit of the change that starts, moves or ends them: a
// gateway that was down finds them when it starts, and of several one acts.
//
// Source: domain/careplan.md sections 5.4, 5.5 and 11, P21.

// dueMark is what is remembered of a due that stands in the store.
type dueMark struct {
	id string
	at int64 // nanoseconds since 1970
}

// dueMarks are dues as they stand in the store.
func dueMarks(ds []queue.Due) (out []dueMark) {
	for i := range ds {
		out = append(out, dueMark{ds[i].ID, ds[i].At.UnixNano()})
	}
	return out
}

// maxDues bounds the dues of one plan: the earliest count, the others follow when those are done.
const maxDues = 200

// stepDues writes into u what differs between the dues of a patient key and the clocks of its plan, and gives what
// stands there then. Of several keys that are one person the one that the plan is shown under has the dues.
func stepDues(u *queue.Unit, key string, old []dueMark, p *careplan.Plan) []dueMark {
	var clocks []careplan.Clock
	if p.Patient == key {
		clocks = p.Clocks()
		clocks = clocks[:min(len(clocks), maxDues)]
	}
	if len(old) == 0 && len(clocks) == 0 {
		return nil
	}
	marks := make([]dueMark, len(clocks))
	for i := range clocks {
		c := &clocks[i]
		marks[i] = dueMark{c.ID, c.Due.UnixNano()}
		if !slices.Contains(old, marks[i]) {
			u.Dues = append(u.Dues, queue.DueStep{Op: queue.DueSet, Patient: key, ID: c.ID, At: c.Due, Rule: c.Rule, Body: mustJSON(c)})
		}
	}
	for _, m := range old {
		if !slices.ContainsFunc(marks, func(x dueMark) bool { return x.id == m.id }) {
			u.Dues = append(u.Dues, queue.DueStep{Op: queue.DueDrop, Patient: key, ID: m.id})
		}
	}
	return marks
}

// fireDues acts on dues whose time has come.
func (g *Gateway) fireDues(ctx context.Context) error {
	for {
		page, err := g.store.Dues(ctx, queue.DueFilter{Open: true, Until: g.now(), Limit: queue.MaxPage})
		if err != nil {
			return fmt.Errorf("read dues: %w", err)
		}
		fired := 0
		for i := range page {
			if ctx.Err() != nil {
				return nil
			}
			switch err := g.fireDue(ctx, &page[i]); {
			case err == nil:
				fired++
			case over(ctx, err):
				return nil
			default: // it is open still: the next round meets it again
				g.log.Info("due not acted on yet", "due", page[i].ID, "rule", page[i].Rule, "err", err)
			}
		}
		if fired == 0 || len(page) < queue.MaxPage {
			return nil
		}
	}
}

// fireDue tells those who must act. A due that is not a clock of the plan any more goes.
func (g *Gateway) fireDue(ctx context.Context, d *queue.Due) error {
	w := g.plans.workspace()
	defer g.plans.release(w)
	st, err := g.plans.get(ctx, &g.loader, d.Patient, w)
	if err != nil {
		return err
	}
	records := st.records.Records(&w.scratch)
	plan := g.loader.fold(records, d.Patient, st)
	u := &queue.Unit{Now: g.now()}
	if st.version > 0 {
		u.Plan = &queue.PlanStep{Patient: d.Patient, Expect: st.version, Check: true}
	}
	clock := clockOf(plan, d)
	if clock == nil || plan.Patient != d.Patient {
		u.Dues = []queue.DueStep{{Op: queue.DueDrop, Patient: d.Patient, ID: d.ID}}
		_, err := g.store.Commit(ctx, u)
		g.plans.drop(d.Patient) // it remembers a due that stands there no more
		return err
	}
	u.Dues = []queue.DueStep{{Op: queue.DueFire, Patient: d.Patient, ID: d.ID, At: d.At}}
	m, err := g.clockMessage(ctx, plan, clock)
	if err != nil {
		return err
	}
	pl := &planWork{key: d.Patient, kept: st, old: st, next: st, records: records, plan: plan, clock: clock, rec: recordOf(records, clock)}
	if len(st.kinPlans()) > 0 {
		pl.class = careplan.Class(records, d.Patient)
	}
	told := 0
	var hs []hit
	for _, l := range g.mustAct(plan, clock, d.Patient) {
		if !g.maySee(l, pl, d) {
			continue
		}
		own := g.clockHits(m, l, pl)
		hs = append(hs, own...)
		if !slices.Contains(g.noticed, l) {
			told += min(1, len(own))
			continue
		}
		format := route.FormatNote
		if l.notices {
			format = route.FormatNotification
		}
		told++
		if err := g.addTold(ctx, u, m, route.Choice{Party: l.ID, Format: format, Rule: "clock " + clock.Rule, Addressee: -1}, pl); err != nil {
			return err
		}
	}
	e := g.event(m, samvirke.EventDue, clock.Rule+" of "+clock.Due.Format(time.RFC3339)+", told to "+strconv.Itoa(told))
	e.Patient = d.Patient
	u.Events = append(u.Events, e)
	done, err := g.number(ctx, u, hs)
	if err != nil {
		return err
	}
	_, err = g.store.Commit(ctx, u)
	done(err)
	if err != nil {
		g.plans.drop(d.Patient) // another gateway may have changed the plan: the next round reads it again
		return err
	}
	g.m.due(clock.Rule)
	return nil
}

// clockOf finds the clock that a due stands for; nil when the plan has it no more.
func clockOf(p *careplan.Plan, d *queue.Due) *careplan.Clock {
	clocks := p.Clocks()
	for i := range clocks {
		if clocks[i].ID == d.ID && clocks[i].Due.Equal(d.At) {
			return &clocks[i]
		}
	}
	return nil
}

// recordOf is the latest record that a clock rests on.
func recordOf(records []careplan.Record, c *careplan.Clock) *careplan.Record {
	for i := len(records) - 1; i >= 0; i-- {
		if slices.Contains(c.From, records[i].Key.String()) {
			return &records[i]
		}
	}
	return &careplan.Record{}
}

// clockMessage is the latest message that a clock rests on, for the trace; one without id when none is kept.
func (g *Gateway) clockMessage(ctx context.Context, p *careplan.Plan, c *careplan.Clock) (*samvirke.Message, error) {
	for i := len(c.From) - 1; i >= 0; i-- {
		id := p.Sources[c.From[i]].MessageID
		if id == "" {
			continue
		}
		m, err := g.store.Message(ctx, id)
		if err == nil || errors.Is(err, queue.ErrDamaged) && m.ID != "" { // its bytes are not asked for
			return &m.Message, nil
		}
		if !errors.Is(err, queue.ErrNotFound) {
			return nil, fmt.Errorf("read the message of a clock: %w", err)
		}
	}
	return &samvirke.Message{}, nil
}

// mustAct lists those who are told when a clock runs out: whom it is for and, when that is the coordinator, the
// coordinating unit of the patient's municipality, else the municipality's own system. Where nobody of that
// can be told, the organisations that the clock rests on are.
func (g *Gateway) mustAct(p *careplan.Plan, c *careplan.Clock, patient string) []*lane {
	var out []*lane
	add := func(is func(*lane) bool) bool {
		for _, l := range g.tellable() {
			if is(l) && !slices.Contains(out, l) {
				out = append(out, l)
			}
		}
		return len(out) > 0
	}
	her := c.For
	if her == "coordinator" {
		her = ""
		if f := p.Field(careplan.FieldCoordinator); f != nil {
			her = f.By
		}
	}
	municipality, _ := g.o.Patient(patient)
	coordinates := func(l *lane) bool {
		return l.HasRole(samvirke.RoleCoordinator) && (municipality == "" && slices.ContainsFunc(l.HER, func(h string) bool { return inTeam(p, h) }) ||
			municipality != "" && l.Municipality == municipality)
	}
	named := add(func(l *lane) bool { return her != "" && slices.Contains(l.HER, her) })
	if c.For == "coordinator" || !named {
		add(coordinates)
	}
	if len(out) == 0 && c.For == "coordinator" {
		add(func(l *lane) bool {
			return l.Role == "municipality" && slices.ContainsFunc(l.HER, func(h string) bool { return inTeam(p, h) })
		})
	}
	if len(out) == 0 {
		add(func(l *lane) bool {
			return slices.ContainsFunc(c.From, func(k string) bool { return slices.Contains(l.HER, p.Sources[k].Sender) })
		})
	}
	return out
}

func inTeam(p *careplan.Plan, her string) bool {
	return slices.ContainsFunc(p.Team, func(m careplan.Member) bool { return m.HER == her })
}

// maySee tells whether a party's own view of the plan has the clock: who may not see what it rests on is not told.
func (g *Gateway) maySee(l *lane, pl *planWork, d *queue.Due) bool {
	a := &audience{g: g, pl: pl}
	if !a.limited(l) {
		return true
	}
	v := careplan.FoldWith(pl.records, g.loader.viewOptions(pl.old, pl.key, g.ViewerOf(l.Party.Party, pl.keys()...)))
	return clockOf(v, d) != nil
}

// topicOf is the topic under which subscribers hear of a clock.
func topicOf(c *careplan.Clock) string {
	switch c.Rule {
	case "R5", "R14", "evaluation", "weekly", "mid", "end":
		return TopicEvaluationDue
	case "R1", "R11", "proposal":
		return TopicTaskForYou
	case "conflict-24h", "conflict-72h":
		return TopicConflictChanged
	case "membership-ends":
		return TopicTeamChanged
	}
	return TopicGapFound
}

// clockText says a clock that ran out in Norwegian, for those who read no notices.
func clockText(c *careplan.Clock) string {
	zone, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		zone = time.UTC // cannot happen: the zones are embedded
	}
	what := map[string]string{
		"R1": "Et anbefalt tiltak har ingen eier", "R5": "En evaluering er forfalt", "R6": "Utskrivningsrapport mangler",
		"R11": "En henvendelse er ikke besvart", "R14": "Forløpet er over sluttdato uten sluttvurdering", "R15": "Innleggelsesrapport mangler",
		"conflict-24h": "En uenighet i planen har stått åpen i et døgn", "conflict-72h": "En uenighet i planen har stått åpen i tre døgn",
		"proposal": "Et forslag er ikke besvart", "weekly": "Ukentlig evaluering", "mid": "Midtveisevaluering", "end": "Sluttevaluering",
		"evaluation": "Planen skal evalueres", "membership-ends": "Et medlemskap i teamet er over",
	}[c.Rule]
	if what == "" {
		what = "Frist i felles plan, regel " + c.Rule
	}
	if _, item, named := strings.Cut(c.Text, ": "); named { // the words of whoever wrote the item
		what += ": " + item
	}
	return noteReminder + what + "\nFrist: " + c.Due.In(zone).Format("02.01.2006 15:04")
}
