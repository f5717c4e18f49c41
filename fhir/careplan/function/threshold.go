package function

import (
	"math"
	"slices"
)

// Threshold is the change that studies of a group of people found to matter. It says nothing of one person.
type Threshold struct {
	Instrument string `json:"instrument"`
	Item       string `json:"item"`
	// Amount is in the unit of the scale, either way.
	Amount float64 `json:"amount"`
	Size   Size    `json:"size"`
	// Word is what may be said of it: "important", "at least small", "substantial".
	Word string `json:"word"`
	// Population is the group it was found in; "" = not tied to one.
	Population string `json:"population"`
	Source     string `json:"source"`
	Date       string `json:"date"` // year of the source, or of the review of this entry
	Note       string `json:"note,omitempty"`
}

// Populations that thresholds speak of.
const (
	PopulationStroke     = "stroke"
	PopulationInpatient  = "stroke, inpatient rehabilitation"
	PopulationOld        = "older adults"
	PopulationSubacute   = "subacute rehabilitation"
	PopulationOutpatient = "outpatient rehabilitation"
)

const review = "2026-11" // when the entries without a study of their own were last looked at

// thresholds is read only. Of one instrument and item the specific entries stand before the general, the large
// before the small. Source: function.md section 7.
var thresholds = [...]Threshold{
	{"barthel-20", ItemTotal, 1.85, SizeImportant, "at least small", PopulationStroke, "Hsieh et al., Neurorehabil Neural Repair", "2007", "other studies found up to 5"},
	{"fim", ItemTotal, 22, SizeImportant, "important", PopulationInpatient, "Beninato et al., Arch Phys Med Rehabil", "2006", "larger for a low start"},
	{"fim", "motor", 17, SizeImportant, "important", PopulationInpatient, "Beninato et al., Arch Phys Med Rehabil", "2006", "larger for a low start"},
	{"fim", "cognitive", 3, SizeImportant, "important", PopulationInpatient, "Beninato et al., Arch Phys Med Rehabil", "2006", "larger for a low start"},
	{"copm", "performance", 2.2, SizeImportant, "important", PopulationSubacute, "studies of subacute rehabilitation", review, ""},
	{"copm", "satisfaction", 2.06, SizeImportant, "important", PopulationSubacute, "studies of subacute rehabilitation", review, ""},
	{"copm", "performance", 1.9, SizeImportant, "important", PopulationOutpatient, "studies of outpatients", review, "studies found 0.9 to 1.9; the largest is used"},
	{"copm", "satisfaction", 1.9, SizeImportant, "important", PopulationOutpatient, "studies of outpatients", review, "studies found 0.9 to 1.9; the largest is used"},
	{"copm", "performance", 2, SizeImportant, "important", "", "the maker's manual, an opinion", review, "opinion based"},
	{"copm", "satisfaction", 2, SizeImportant, "important", "", "the maker's manual, an opinion", review, "opinion based"},
	{"sppb", ItemTotal, 1, SizeImportant, "substantial", PopulationOld, "Perera et al., J Am Geriatr Soc", "2006", ""},
	{"sppb", ItemTotal, 0.5, SizeWithinError, "small", PopulationOld, "Perera et al., J Am Geriatr Soc", "2006", "a small change cannot be told from chance in one person"},
	{"gait-speed", ItemTotal, 0.1, SizeImportant, "substantial", PopulationOld, "Perera et al., J Am Geriatr Soc", "2006", ""},
	{"gait-speed", ItemTotal, 0.05, SizeSmall, "small", PopulationOld, "Perera et al., J Am Geriatr Soc", "2006", ""},
	{"6mwt", ItemTotal, 50, SizeImportant, "substantial", PopulationOld, "Perera et al., J Am Geriatr Soc", "2006", ""},
	{"6mwt", ItemTotal, 20, SizeSmall, "small", PopulationOld, "Perera et al., J Am Geriatr Soc", "2006", ""},
	{"tug", ItemTotal, 2, SizeImportant, "indicative", "", "indicative, from the instrument's literature", review, "to be checked before clinical use"},
	{"chair-stand-30s", ItemTotal, 2, SizeImportant, "indicative", "", "indicative, from the instrument's literature", review, "to be checked before clinical use"},
}

// Thresholds gives the table of what groups of people found important. An instrument that is not in it gets
// no label, whatever the change.
func Thresholds() []Threshold { return slices.Clone(thresholds[:]) }

// sizeOf labels a change that is not zero. The entry is nil, and the size unknown, when the table has entries for the
// instrument but none that fits the person and is reached; without any entry there is no label at all.
func sizeOf(instrument, item string, amount float64, populations []string) (Size, *Threshold) {
	any := false
	population := "" // of the first entry that fits: two studies of different groups are not mixed
	chosen := false
	for i := range thresholds {
		t := &thresholds[i]
		if t.Instrument != instrument || t.Item != item {
			continue
		}
		any = true
		if t.Population != "" && !slices.Contains(populations, t.Population) || chosen && t.Population != population {
			continue
		}
		chosen, population = true, t.Population
		if math.Abs(amount)+1e-9 >= t.Amount {
			found := *t
			return t.Size, &found
		}
	}
	if !any {
		return SizeNone, nil
	}
	return SizeUnknown, nil
}
