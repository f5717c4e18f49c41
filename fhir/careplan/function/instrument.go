package function

import "github.com/samvirke/samvirke/fhir"

// Code systems of instruments.
const (
	SystemLOINC  = "http://loinc.org"
	SystemSNOMED = "http://snomed.info/sct"
	SystemICF    = "http://hl7.org/fhir/sid/icf"
	SystemFSIII  = "urn:oid:1.2.208.176.2.21"
	// SystemLocal holds instruments, items and variants without a confirmed code of their own.
	SystemLocal = fhir.ExtBase + "CodeSystem/function"
)

// ItemTotal is the item that stands for a whole instrument.
const ItemTotal = "total"

// TotalRule says what the total of an instrument is to its items.
type TotalRule string

// Total rules. There is no rule that makes a total: a sum or mean the source sent is checked.
const (
	TotalNone     TotalRule = "none"     // none exists: sums and means mislead
	TotalSum      TotalRule = "sum"      // the sum of all items
	TotalMean     TotalRule = "mean"     // the mean of the problems scored
	TotalSingle   TotalRule = "single"   // the one value is all there is
	TotalSoftware TotalRule = "software" // computed by the maker's software, never summed
	TotalIndex    TotalRule = "index"    // only with a named value set
)

// Licence says what of an instrument may stand in a product.
type Licence string

// Licence marks. Source: function.md section 9.
const (
	LicenceLabels  Licence = "own-labels"      // free for non-commercial use with credit; labels are ours
	LicenceTotal   Licence = "carry-only"      // proprietary: results are carried, nothing of the form is here
	LicenceFree    Licence = "published"       // published protocol, own description
	LicencePublic  Licence = "public-list"     // public code list: codes and names
	LicenceCredit  Licence = "codes-credit"    // codes; titles belong to WHO
	LicenceNoNorms Licence = "names-not-norms" // test names; norm tables are sold
)

// Range is what a value can be. Step 0 means any value between the ends.
type Range struct {
	Min, Max float64
	Step     float64
	Open     bool      // Max is no limit
	Levels   []float64 // when not nil, the only values there are
}

// Holds tells whether the scale has a value.
func (r Range) Holds(v float64) bool {
	if v != v || v < r.Min || !r.Open && v > r.Max {
		return false
	}
	if r.Levels != nil {
		for _, l := range r.Levels {
			if l == v {
				return true
			}
		}
		return false
	}
	if r.Step == 0 {
		return true
	}
	steps := (v - r.Min) / r.Step
	return steps == float64(int64(steps))
}

// Code is a code in a system.
type Code struct{ System, Code string }

// Item is one variable of an instrument. Its label is ours: short, and no text of the form.
type Item struct {
	ID    string
	Label string
	Codes []Code // the first is the one we emit
	Range
	Unit   string
	Better Better // "" = as the instrument
	// ICF are the categories as published for the item; Rows are the rows of the picture it stands in, when they
	// differ from the second level of ICF.
	ICF  []string
	Rows []string
}

// Instrument is one scale, with one way to give points.
type Instrument struct {
	Name  string // as in Assessment.Instrument: "barthel-20"
	Label string
	Range // of the total or single value
	Unit  string
	// Better is empty where the scale has no direction of its own.
	Better  Better
	Total   TotalRule
	Codes   []Code // of total and scale; the first is the one we emit
	Items   []Item
	Licence Licence
	// SelfReport: who answers is part of the comparability key.
	SelfReport bool
	// Variants are the variants that can be told apart; when there are any, a missing one is VariantUnknown.
	Variants []string
	// Protocol: course length, chair or value set is part of the comparability key.
	Protocol bool
	// NotRelevant is the scale's own number for "does not apply", 0 = none.
	NotRelevant float64
	Kind        string // observed, interview, measured, self, staff, any, daily mark
}

// Table lists all instruments. The caller must not change the lists in it.
// Source: function.md section 2.
func Table() []Instrument {
	list := make([]Instrument, 0, len(scales)+len(forms))
	list = append(list, forms[:]...)
	return append(list, scales[:]...)
}

// Lookup finds an instrument by name, nil when we know none. What it points to must not be changed.
func Lookup(name string) *Instrument {
	for i := range forms {
		if forms[i].Name == name {
			return &forms[i]
		}
	}
	for i := range scales {
		if scales[i].Name == name {
			return &scales[i]
		}
	}
	return nil
}

// Item finds an item by its id, nil when the instrument has none.
func (in *Instrument) Item(id string) *Item {
	if in == nil {
		return nil
	}
	for i := range in.Items {
		if in.Items[i].ID == id {
			return &in.Items[i]
		}
	}
	return nil
}

// ItemByCode finds the item of a code, nil when the instrument has none.
func (in *Instrument) ItemByCode(system, code string) *Item {
	if in == nil {
		return nil
	}
	for i := range in.Items {
		for _, c := range in.Items[i].Codes {
			if c.Code == code && c.System == system {
				return &in.Items[i]
			}
		}
	}
	return nil
}

// ByCode names the instrument of a code: "barthel" for its codes, which do not tell the variant; "" when it is
// none we know. Source: function.md section 3.
func ByCode(system, code string) string {
	switch system {
	case fhir.SystemFunction:
		return "iplos"
	case fhir.SystemGAF:
		return "gaf"
	case SystemFSIII:
		return "fsiii"
	case SystemICF:
		return "icf"
	case SystemLocal:
		return localInstrument(code)
	case SystemLOINC, SystemSNOMED:
	default:
		return ""
	}
	if system == SystemSNOMED && code == "443364002" {
		return "barthel-100-modified"
	}
	for i := range forms {
		in := &forms[i]
		// The dimensions of EQ-5D have codes that other observations have too: they count within its panel only.
		if has(in.Codes, system, code) || in.Name != "eq-5d-5l" && in.ItemByCode(system, code) != nil {
			if in.Name == "barthel-20" || in.Name == "barthel-100" {
				return "barthel"
			}
			return in.Name
		}
	}
	for i := range scales {
		if has(scales[i].Codes, system, code) || scales[i].ItemByCode(system, code) != nil {
			return scales[i].Name
		}
	}
	return ""
}

// localInstrument names the instrument of a code of our own: its name, its name with a variant, or one of its items.
func localInstrument(code string) string {
	for i := range forms {
		if forms[i].ItemByCode(SystemLocal, code) != nil {
			return forms[i].Name
		}
	}
	for i := range scales {
		if scales[i].ItemByCode(SystemLocal, code) != nil {
			return scales[i].Name
		}
	}
	return code
}

func has(list []Code, system, code string) bool {
	for _, c := range list {
		if c.Code == code && c.System == system {
			return true
		}
	}
	return false
}
