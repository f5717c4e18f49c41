package function

import (
	"strconv"

	"github.com/samvirke/samvirke/fhir"
)

var barthelCodes = [...]Code{{SystemLOINC, "96761-2"}, {SystemSNOMED, "273302005"}, {SystemSNOMED, "443364002"}}

// barthelRows: our label, LOINC code, top on the 0-20 scale, ICF category and row. The walking item also counts moving in a
// wheelchair, so that its category is the whole chapter; it is shown in the row of walking.
// Source: function.md section 5.1.
var barthelRows = [...]struct {
	id, label, loinc string
	top              float64
	icf, row         string
}{
	{"eating", "Eating", "83184-2", 2, "d550", ""},
	{"transfer", "Transfer bed-chair", "83185-9", 3, "d420", ""},
	{"grooming", "Grooming", "96767-9", 1, "d520", ""},
	{"toilet", "Toilet", "83183-4", 2, "d530", ""},
	{"bathing", "Bathing", "83181-8", 1, "d510", ""},
	{"walking", "Walking on level", "83186-7", 3, "d4", "d450"},
	{"stairs", "Stairs", "96758-8", 2, "d451", ""},
	{"dressing", "Dressing", "83182-6", 2, "d540", ""},
	{"bowels", "Bowels", "96759-6", 2, "b525", ""},
	{"bladder", "Bladder", "96760-4", 2, "b620", ""},
}

var barthel20, barthel100 = barthelItems(1), append(barthelItems(5), Item{
	// Only in the graded version, in place of walking.
	ID: "wheelchair", Label: "Wheelchair", Codes: []Code{{SystemLocal, "barthel-wheelchair"}}, Range: Range{Max: 5, Step: 1},
	Better: Up, ICF: []string{"d465"}, Rows: []string{"d450"},
})

func barthelItems(times float64) []Item {
	list := make([]Item, 0, len(barthelRows)+1)
	for _, r := range barthelRows {
		it := Item{ID: r.id, Label: r.label, Codes: []Code{{SystemLOINC, r.loinc}}, Range: Range{Max: r.top * times, Step: times}, Better: Up, ICF: []string{r.icf}}
		if r.row != "" {
			it.Rows = []string{r.row}
		}
		list = append(list, it)
	}
	return list
}

// gradedLevels are the five levels of an item in the graded 0-100 version, by the item's top on the 0-20 scale.
func gradedLevels(top float64) []float64 {
	switch top {
	case 1:
		return []float64{0, 1, 3, 4, 5}
	case 2:
		return []float64{0, 2, 5, 8, 10}
	}
	return []float64{0, 3, 8, 12, 15}
}

// iplosItems are the variables of code list 9111. 18 is a later addition to the list without a category here.
// Source: function.md section 5.7.
var iplosItems = [...]Item{
	iplos(1, "Social participation", nil, "d9"), iplos(2, "Shopping and errands", nil, "d620"), iplos(3, "Daily decisions", nil, "d177", "d230"),
	iplos(4, "Own health", nil, "d570"), iplos(5, "Moving indoors", []string{"d450"}, "d4600"), iplos(6, "Housework", nil, "d640"),
	iplos(7, "Personal hygiene", nil, "d510", "d520"), iplos(8, "Dressing", nil, "d540"), iplos(9, "Cooking", nil, "d630"),
	iplos(10, "Eating", nil, "d550"), iplos(11, "Toilet", nil, "d530"), iplos(12, "Moving outdoors", nil, "d4602"),
	iplos(13, "Sight", nil, "b210"), iplos(14, "Hearing", nil, "b230"), iplos(15, "Memory", nil, "b144"), iplos(16, "Communication", nil, "d3"),
	iplos(17, "Behaviour", nil, "d720", "b130"), iplos(18, "Own economy", nil),
}

func iplos(code int, label string, rows []string, icf ...string) Item {
	n := strconv.Itoa(code)
	return Item{ID: n, Label: label, Codes: []Code{{fhir.SystemFunction, n}}, Range: Range{Min: 1, Max: 5, Step: 1}, Better: Down, ICF: icf, Rows: rows}
}

// fimItems are carried by number and level; no label says more than the number. 0 (did not occur) is kept and never
// summed. The two part sums are items of their own.
var fimItems = func() []Item {
	var list []Item
	for i := 1; i <= 18; i++ {
		n := strconv.Itoa(i)
		list = append(list, local("fim-"+n, n, "Item "+n, Range{Min: 0, Max: 7, Step: 1}, "", Up))
	}
	return append(list, local("fim-motor", "motor", "Motor, sum", Range{Min: 13, Max: 91, Step: 1}, "", Up),
		local("fim-cognitive", "cognitive", "Cognitive, sum", Range{Min: 5, Max: 35, Step: 1}, "", Up))
}()

// fsiiiItems are the home-care conditions with severity. A condition that is not here (a broad one of the simplified list, a
// local one) stands by its own code: it starts a line of its own. Source: function.md section 5.8.
var fsiiiItems = [...]Item{
	fsiii("J1.1", "Washing", "d510"), fsiii("J1.2", "Body care", "d520"), fsiii("J1.3", "Dressing", "d540"), fsiii("J1.4", "Drinking", "d560"),
	fsiii("J1.5", "Food intake", "b510"), fsiii("J1.6", "Eating", "d550"), fsiii("J1.7", "Own health", "d570"), fsiii("J1.8", "Toilet", "d530"),
	fsiii("J2.1", "Housework", "d640"), fsiii("J2.2", "Cooking", "d630"), fsiii("J2.3", "Daily routines", "d230"), fsiii("J2.4", "Shopping", "d620"),
	fsiii("J3.1", "Lifting and carrying", "d430"), fsiii("J3.2", "Moving around", "d455"), fsiii("J3.3", "Transport", "d470"),
	fsiii("J3.4", "Getting about", "d460"), fsiii("J3.5", "Transfer", "d420"), fsiii("J3.6", "Changing position", "d410"),
	fsiii("J3.7", "Muscle strength", "b730"), fsiii("J3.8", "Walking", "d450"), fsiii("J3.9", "Endurance", "b455"),
	fsiii("J4.1", "Communication devices", "d360"), fsiii("J4.2", "Memory", "b144"), fsiii("J4.3", "Orientation", "b114"),
	fsiii("J4.4", "Cognition", "b164"), fsiii("J4.5", "Emotion", "b152"), fsiii("J4.6", "Energy and drive", "b130"),
	fsiii("J4.7", "Acquiring skills", "d155"), fsiii("J4.8", "Solving problems", "d175"), fsiii("J5.1", "Paid work", "d850"),
}

func fsiii(code, label, icf string) Item {
	return Item{ID: code, Label: label, Codes: []Code{{SystemFSIII, code}}, Range: Range{Max: 4, Step: 1}, Better: Down, ICF: []string{icf}}
}
