package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// printPage is the plan on one sheet, for the patient and next of kin. It holds what the patient may see and can
// use: never gaps, deviations, conflicts, restrictions or what the gateway asks of others.
type printPage struct {
	T        printWords
	Lang     string
	PersonID string
	Name     string
	Made     string // day of printing, in words
	Own      []printGoal
	Others   []printGoal
	Soon     []printItem // what has a time
	Agreed   []printItem
	Proposed []printItem
	Calls    []printCall
	Zones    []printZone
	More     int // what did not fit on the sheet
}

type printGoal struct{ Text, Note string }

type printItem struct{ When, Text, Who string }

type printCall struct{ Name, Role, Phone string }

type printZone struct {
	Tone, Name, Signs string
	Do                []string
}

// Bounds of the sheet.
const (
	printGoals    = 4
	printMeasures = 5
	printTimes    = 4
	printPhones   = 4
	printActs     = 3
)

// printWords are the fixed texts of the sheet in one language. They are plain words addressed to the patient.
type printWords struct {
	Title, Made, Own, Goals, Kin, Happens, Agreed, Proposed, Calls, Coordinator, Zones, Green, Yellow, Red, Danger, DangerCall,
	NoGoal, NoTimes, NoCalls, More, Evaluation, Checkup, By, Foot, Back, Print, Other, OtherLang, OtherCode string
	days   [7]string
	months [12]string
	date   string // of weekday, day, month, year
	clock  string
}

func printText(lang string) (printWords, bool) {
	switch lang {
	case "", "nb":
		return printWords{Title: "Planen min", Made: "Skrevet ut", Own: "Målene mine, med mine egne ord", Goals: "Mål vi arbeider mot", Kin: "sagt av pårørende",
			Happens: "Hva skjer når", Agreed: "Dette er avtalt", Proposed: "Foreslått, ikke avtalt ennå", Calls: "Hvem kan jeg ringe til", Coordinator: "koordinator",
			Zones: "Hva gjør jeg når", Green: "Grønt: slik det skal være", Yellow: "Gult: noe blir dårligere", Red: "Rødt: få hjelp nå",
			Danger: "Fare for liv eller helse", DangerCall: "Ring 113. Legevakt: 116 117.", NoGoal: "Hva er viktig for deg? Si det til dem du har kontakt med, så kommer det i planen.",
			NoTimes: "Ingen tidspunkter er satt ennå.", NoCalls: "Ingen telefonnummer er oppgitt ennå.", More: "Mer står i planen. Spør dem du har kontakt med.", Evaluation: "Vi ser sammen på", Checkup: "Time",
			By: "fra", Foot: "Planen kan endres. Den som har gitt deg arket, kan vise deg den nyeste.", Back: "Tilbake til planen", Print: "Skriv ut med Ctrl+P (⌘P på Mac).", Other: "På dansk", OtherLang: "da", OtherCode: "da",
			days:   [7]string{"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"},
			months: [12]string{"januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "desember"},
			date:   "%s %d. %s %d", clock: " kl. %02d.%02d"}, true
	case "da":
		return printWords{Title: "Min plan", Made: "Udskrevet", Own: "Mine mål, med mine egne ord", Goals: "Mål, vi arbejder hen imod", Kin: "sagt af pårørende",
			Happens: "Hvad sker der hvornår", Agreed: "Det er aftalt", Proposed: "Foreslået, ikke aftalt endnu", Calls: "Hvem kan jeg ringe til", Coordinator: "koordinator",
			Zones: "Hvad gør jeg hvornår", Green: "Grøn: som det skal være", Yellow: "Gul: noget bliver dårligere", Red: "Rød: få hjælp nu",
			Danger: "Fare for liv eller helbred", DangerCall: "Ring 112.", NoGoal: "Hvad er vigtigt for dig? Sig det til dem, du har kontakt med, så kommer det i planen.",
			NoTimes: "Der er ikke sat tidspunkter endnu.", NoCalls: "Der er ikke oplyst telefonnumre endnu.", More: "Der står mere i planen. Spørg dem, du har kontakt med.", Evaluation: "Vi ser sammen på", Checkup: "Tid",
			By: "fra", Foot: "Planen kan ændres. Den, der har givet dig arket, kan vise dig den nyeste.", Back: "Tilbage til planen", Print: "Udskriv med Ctrl+P (⌘P på Mac).", Other: "På norsk", OtherLang: "nb", OtherCode: "nb",
			days:   [7]string{"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag"},
			months: [12]string{"januar", "februar", "marts", "april", "maj", "juni", "juli", "august", "september", "oktober", "november", "december"},
			date:   "%s den %d. %s %d", clock: " kl. %02d.%02d"}, true
	}
	return printWords{}, false
}

// Day says a day in words, with the time of day when the text has one.
func (t printWords) Day(text string) string {
	at, ok := planInstant(text)
	if !ok {
		return text
	}
	l := at.In(oslo())
	out := fmt.Sprintf(t.date, t.days[l.Weekday()], l.Day(), t.months[l.Month()-1], l.Year())
	if len(text) > len("2006-01-02") {
		out += fmt.Sprintf(t.clock, l.Hour(), l.Minute())
	}
	return out
}

// printPlan shows the plan on one sheet.
func (s *Server) printPlan(w http.ResponseWriter, r *http.Request, x *session) error {
	patient, ok := s.sealer.open(r.PathValue("person"))
	if !ok {
		return fmt.Errorf("open plan: %w", queue.ErrNotFound)
	}
	words, ok := printText(r.URL.Query().Get("lang"))
	if !ok {
		return errNoPage
	}
	if _, err := s.store.Plan(r.Context(), patient, 0); err != nil {
		return fmt.Errorf("read plan: %w", err)
	}
	viewer := s.viewer(r.Context(), x.may.Load()) // who looks as one organisation prints no more than that one sees
	if viewer == nil {
		viewer = &careplan.Viewer{Patient: true, At: s.now()}
	}
	pl, _, err := s.foldFor(r.Context(), x.may.Load(), patient, viewer)
	if err != nil {
		return err
	}
	if err := s.noteRead(r, x, "print-plan", "plan for the patient, "+or(r.URL.Query().Get("lang"), "nb"), patient); err != nil {
		return err
	}
	p := sheetOf(pl, words, s.now())
	p.PersonID, p.Lang = s.sealer.seal(patient), or(r.URL.Query().Get("lang"), "nb")
	s.render(w, r, x, http.StatusOK, "print", view{Title: words.Title, Section: "plans", Lang: p.Lang, Data: p})
	return nil
}

// sheetOf puts a plan on the sheet.
func sheetOf(pl *careplan.Plan, t printWords, now time.Time) *printPage {
	p := &printPage{T: t, Made: t.Day(now.In(oslo()).Format("2006-01-02"))}
	if pl.Person.Name != nil {
		p.Name = pl.Person.Name.Text
	}
	page := &planPage{Plan: pl, Now: now}
	page.index()
	p.goals(pl)
	p.times(page)
	p.measures(page)
	p.calls(page)
	p.zones(page)
	return p
}

// keep bounds a list and counts what did not fit.
func keep[T any](p *printPage, list []T, n int) []T {
	if len(list) > n {
		p.More += len(list) - n
		return list[:n]
	}
	return list
}

func (p *printPage) goals(pl *careplan.Plan) {
	for _, g := range pl.Goals {
		if g.Status != "" && g.Status != "active" && g.Status != "proposed" && g.Status != "accepted" {
			continue
		}
		o := printGoal{Text: g.Text}
		if g.Due != nil {
			o.Note = p.T.Day(g.Due.Text)
		}
		switch g.ExpressedBy {
		case "patient":
			p.Own = append(p.Own, o)
		case "kin":
			o.Note = strings.TrimSuffix(p.T.Kin+", "+o.Note, ", ")
			p.Own = append(p.Own, o)
		default:
			p.Others = append(p.Others, o)
		}
	}
	p.Own = keep(p, p.Own, printGoals)
	p.Others = keep(p, p.Others, max(1, printGoals-len(p.Own)))
}

// times are what lies ahead: check-ups and evaluations, the next first.
func (p *printPage) times(page *planPage) {
	type timed struct {
		printItem
		at time.Time
	}
	var list []timed
	add := func(text, what, who string) {
		at, ok := planInstant(text)
		if ok && !passed(at, text, page.Now) {
			list = append(list, timed{printItem{p.T.Day(text), what, who}, at})
		}
	}
	for _, c := range page.Checkups {
		if !c.Cancelled {
			add(c.Start, strings.TrimSpace(p.T.Checkup+": "+or(c.Place, c.Note)), page.Org(c.Owner))
		}
	}
	for _, m := range page.Measures {
		if m.Evaluation != nil && agreed(m) {
			add(m.Evaluation.Text, p.T.Evaluation+": "+m.Text, page.Org(or(m.Owner, m.Requester)))
		}
	}
	if f := page.field(careplan.FieldNextEvaluation); f != nil && !f.Contested {
		add(f.Value.Text, p.T.Evaluation+": "+strings.ToLower(p.T.Title), page.Org(f.By))
	}
	slices.SortStableFunc(list, func(a, b timed) int { return a.at.Compare(b.at) })
	for _, o := range keep(p, list, printTimes) {
		p.Soon = append(p.Soon, o.printItem)
	}
}

// agreed tells whether somebody carries a measure and it is not done.
func agreed(m careplan.Measure) bool {
	return m.Kind != "done" && (m.Status == "accepted" || m.Status == "active")
}

func (p *printPage) measures(page *planPage) {
	for _, m := range page.Measures {
		i := printItem{Text: m.Text, Who: page.Org(or(m.Owner, m.Requester))}
		switch {
		case agreed(m):
			p.Agreed = append(p.Agreed, i)
		case m.Kind == "proposal" && m.Status == "requested":
			p.Proposed = append(p.Proposed, i)
		}
	}
	p.Agreed = keep(p, p.Agreed, printMeasures)
	p.Proposed = keep(p, p.Proposed, 2)
}

// calls are the numbers to call: the coordinator first, then professionals, then units; next of kin know theirs.
func (p *printPage) calls(page *planPage) {
	rank := func(c careplan.Contact) int {
		switch {
		case c.RoleCode == "8" || c.RoleCode == "18":
			return 0
		case c.Kind == "professional":
			return 1
		}
		return 2
	}
	list := slices.Clone(page.Contacts)
	slices.SortStableFunc(list, func(a, b careplan.Contact) int { return cmp.Compare(rank(a), rank(b)) })
	seen := map[string]bool{}
	for _, c := range list {
		if c.Kind == "kin" || len(c.Phone) == 0 || seen[c.Phone[0]+c.Name] {
			continue
		}
		seen[c.Phone[0]+c.Name] = true
		role := c.Role
		if rank(c) == 0 {
			role = p.T.Coordinator
		}
		p.Calls = append(p.Calls, printCall{Name: c.Name, Role: role, Phone: phoneText(c.Phone[0])})
	}
	p.Calls = keep(p, p.Calls, printPhones)
}

// phoneText groups the digits of a Norwegian or Danish number, so that it can be read off a sheet.
func phoneText(number string) string {
	digits := strings.NewReplacer(" ", "", "tel:", "").Replace(number)
	for _, land := range []string{"+47", "+45", "0047", "0045", ""} {
		rest, ok := strings.CutPrefix(digits, land)
		if ok && len(rest) == 8 && strings.Trim(rest, "0123456789") == "" {
			return strings.TrimSpace(strings.Replace(land, "00", "+", 1) + " " + rest[:2] + " " + rest[2:4] + " " + rest[4:6] + " " + rest[6:])
		}
	}
	return number
}

func (p *printPage) zones(page *planPage) {
	names := map[string]string{"green": p.T.Green, "yellow": p.T.Yellow, "red": p.T.Red}
	for _, z := range page.Zones() {
		if names[z.Colour] == "" {
			continue
		}
		p.Zones = append(p.Zones, printZone{Tone: z.Colour, Name: names[z.Colour], Signs: z.Signs, Do: keep(p, z.Zone.Measures, printActs)})
	}
}
