package function

import "github.com/samvirke/samvirke/fhir"

// forms are the instruments with items. Read only. Source: function.md sections 2, 3 and 5.
var forms = [...]Instrument{
	{
		Name: "iplos", Label: "IPLOS", Range: Range{Min: 1, Max: 5, Step: 1}, Better: Down, Total: TotalNone,
		Licence: LicencePublic, NotRelevant: 9, Kind: "staff", Items: iplosItems[:],
	},
	{
		Name: "barthel-20", Label: "Barthel (0-20)", Range: Range{Max: 20, Step: 1}, Better: Up, Total: TotalSum,
		Codes: barthelCodes[:], Licence: LicenceLabels, Kind: "observed", Items: barthel20,
	},
	{
		Name: "barthel-100", Label: "Barthel (0-100)", Range: Range{Max: 100, Step: 1}, Better: Up, Total: TotalSum,
		Codes: barthelCodes[:], Licence: LicenceLabels, Kind: "observed", Items: barthel100,
		Variants: []string{"20x5", "mahoney", "modified", "modified-dk-a", "modified-dk-b"},
	},
	{
		Name: "fim", Label: "FIM", Range: Range{Min: 18, Max: 126, Step: 1}, Better: Up, Total: TotalSum,
		Codes: []Code{{SystemSNOMED, "273469003"}}, Licence: LicenceTotal, Kind: "observed", Items: fimItems,
	},
	{
		Name: "sppb", Label: "SPPB", Range: Range{Max: 12, Step: 1}, Better: Up, Total: TotalSum, Licence: LicenceFree,
		Kind: "measured", Variants: []string{"4m", "3m"},
		Items: []Item{
			local("sppb-balance", "balance", "Standing balance, points", Range{Max: 4, Step: 1}, "", Up),
			local("sppb-gait", "gait", "Gait, points", Range{Max: 4, Step: 1}, "", Up),
			local("sppb-chair", "chair", "Chair rise, points", Range{Max: 4, Step: 1}, "", Up),
			local("sppb-side-seconds", "side-seconds", "Side by side", Range{Max: 10}, "s", Up),
			local("sppb-semi-seconds", "semi-seconds", "Semi-tandem", Range{Max: 10}, "s", Up),
			local("sppb-tandem-seconds", "tandem-seconds", "Tandem", Range{Max: 10}, "s", Up),
			local("sppb-gait-seconds", "gait-seconds", "Gait", Range{Open: true}, "s", Down),
			local("sppb-chair-seconds", "chair-seconds", "Five chair rises", Range{Open: true}, "s", Down),
		},
	},
	{
		Name: "copm", Label: "COPM", Range: Range{Min: 1, Max: 10}, Better: Up, Total: TotalMean, Licence: LicenceTotal,
		Kind: "interview", SelfReport: true,
		Items: []Item{
			local("copm-importance", "importance", "Importance", Range{Min: 1, Max: 10, Step: 1}, "", ""),
			local("copm-performance", "performance", "Performance", Range{Min: 1, Max: 10, Step: 1}, "", Up),
			local("copm-satisfaction", "satisfaction", "Satisfaction", Range{Min: 1, Max: 10, Step: 1}, "", Up),
			local("copm-mean-performance", "mean-performance", "Performance, mean", Range{Min: 1, Max: 10}, "", Up),
			local("copm-mean-satisfaction", "mean-satisfaction", "Satisfaction, mean", Range{Min: 1, Max: 10}, "", Up),
		},
	},
	{
		Name: "amps", Label: "AMPS", Range: Range{Min: -10, Max: 10}, Better: Up, Total: TotalSoftware, Licence: LicenceTotal,
		Kind: "observed", Unit: "logit",
		Items: []Item{
			local("amps-motor", "motor", "Motor measure", Range{Min: -10, Max: 10}, "logit", Up),
			local("amps-process", "process", "Process measure", Range{Min: -10, Max: 10}, "logit", Up),
		},
	},
	{
		Name: "sft", Label: "Senior Fitness Test", Better: "", Total: TotalNone, Licence: LicenceNoNorms, Kind: "measured", Protocol: true,
		Range: Range{Open: true},
		Items: []Item{
			local("sft-chair-stand", "chair-stand", "Chair stand 30 s", Range{Open: true, Step: 1}, "", Up),
			local("sft-arm-curl", "arm-curl", "Arm curl 30 s", Range{Open: true, Step: 1}, "", Up),
			local("sft-6-minute-walk", "6-minute-walk", "Six-minute walk", Range{Open: true}, "m", Up),
			local("sft-2-minute-step", "2-minute-step", "Two-minute step", Range{Open: true, Step: 1}, "", Up),
			local("sft-sit-and-reach", "sit-and-reach", "Chair sit and reach", Range{Min: -100, Max: 100}, "cm", Up),
			local("sft-back-scratch", "back-scratch", "Back scratch", Range{Min: -100, Max: 100}, "cm", Up),
			local("sft-up-and-go", "up-and-go", "Up and go 2.44 m", Range{Open: true}, "s", Down),
			local("sft-bmi", "bmi", "BMI", Range{Open: true}, "kg/m2", ""),
		},
	},
	{
		Name: "eq-5d-5l", Label: "EQ-5D-5L", Range: Range{Min: 11111, Max: 55555, Step: 1}, Better: "", Total: TotalIndex,
		Codes: []Code{{SystemSNOMED, "73041000052103"}}, Licence: LicenceTotal, Kind: "self", SelfReport: true,
		Items: []Item{
			dimension("mobility", "Mobility", "301438001"), dimension("self-care", "Self-care", "284773001"),
			dimension("usual", "Usual activities", "284545001"), dimension("pain", "Pain", "364624006"), dimension("anxiety", "Mood", "285854004"),
		},
	},
	{
		Name: "rai", Label: "interRAI", Range: Range{Max: 6, Step: 1}, Better: Down, Total: TotalNone, Licence: LicenceTotal, Kind: "staff",
		Items: []Item{
			local("rai-adl-hierarchy", "adl-hierarchy", "ADL hierarchy", Range{Max: 6, Step: 1}, "", Down),
			local("rai-cps", "cps", "Cognitive performance", Range{Max: 6, Step: 1}, "", Down),
		},
	},
	{
		Name: "fsiii", Label: "FSIII", Range: Range{Max: 4, Step: 1}, Better: Down, Total: TotalNone, Licence: LicencePublic,
		NotRelevant: 9, Kind: "staff", Items: fsiiiItems[:],
	},
}

// scales are the instruments of one value, and those whose items are codes of a whole classification. Read only.
var scales = [...]Instrument{
	{
		Name: "gaf", Label: "GAF", Range: Range{Min: 1, Max: 100, Step: 1}, Better: Up, Total: TotalNone, Licence: LicencePublic, Kind: "staff",
		Items: []Item{
			gaf("1", "function", "GAF function"), gaf("2", "symptoms", "GAF symptoms"), gaf("3", "children", "CGAS"),
		},
	},
	{
		Name: "tug", Label: "Timed up and go", Range: Range{Open: true}, Unit: "s", Better: Down, Total: TotalSingle, Protocol: true,
		Codes: []Code{{SystemSNOMED, "444680009"}, {SystemSNOMED, "444781002"}}, Licence: LicenceFree, Kind: "measured",
	},
	{
		Name: "chair-stand-30s", Label: "30 s chair stand", Range: Range{Open: true, Step: 1}, Better: Up, Total: TotalSingle, Protocol: true,
		Codes: []Code{{SystemSNOMED, "450738001"}, {SystemSNOMED, "450736002"}}, Licence: LicenceFree, Kind: "measured",
	},
	{
		Name: "6mwt", Label: "6-minute walk", Range: Range{Open: true}, Unit: "m", Better: Up, Total: TotalSingle, Protocol: true,
		Codes: []Code{{SystemSNOMED, "1144649008"}}, Licence: LicenceFree, Kind: "measured",
	},
	{
		Name: "gait-speed", Label: "Gait speed", Range: Range{Open: true}, Unit: "m/s", Better: Up, Total: TotalSingle, Protocol: true,
		Licence: LicenceFree, Kind: "measured",
	},
	{
		Name: "eq-5d-5l-vas", Label: "EQ-5D-5L VAS", Range: Range{Max: 100, Step: 1}, Better: Up, Total: TotalSingle, SelfReport: true,
		Codes: []Code{{SystemSNOMED, "736535009"}}, Licence: LicenceTotal, Kind: "self",
	},
	{
		Name: "eq-5d-5l-index", Label: "EQ-5D-5L index", Range: Range{Min: -1, Max: 1}, Better: Up, Total: TotalIndex, SelfReport: true,
		Codes: []Code{{SystemSNOMED, "736534008"}}, Licence: LicenceTotal, Kind: "self", Variants: []string{ValueSetDanish},
	},
	{
		Name: "eq-5d-3l-index", Label: "EQ-5D-3L index", Range: Range{Min: -1, Max: 1}, Better: Up, Total: TotalIndex, SelfReport: true,
		Codes: []Code{{SystemSNOMED, "1144655003"}}, Licence: LicenceTotal, Kind: "self", Protocol: true,
	},
	{
		Name: "icf", Label: "ICF", Range: Range{Max: 4, Step: 1}, Better: Down, Total: TotalNone, Licence: LicenceCredit, NotRelevant: 9, Kind: "any",
	},
	{
		Name: "cfs", Label: "Clinical Frailty Scale", Range: Range{Min: 1, Max: 9, Step: 1}, Better: Down, Total: TotalSingle,
		Codes: []Code{{SystemSNOMED, "763264000"}, {SystemSNOMED, "445414007"}}, Licence: LicenceTotal, Kind: "staff",
	},
	{
		Name: "moca", Label: "MoCA", Range: Range{Max: 30, Step: 1}, Better: Up, Total: TotalSingle,
		Codes: []Code{{SystemLOINC, "72172-0"}}, Licence: LicenceTotal, Kind: "staff",
	},
	{
		Name: "mmse", Label: "MMSE", Range: Range{Max: 30, Step: 1}, Better: Up, Total: TotalSingle,
		Codes: []Code{{SystemLOINC, "72106-8"}}, Licence: LicenceTotal, Kind: "staff",
	},
	{
		Name: MarkSmiley, Label: "Smiley", Range: Range{Min: 1, Max: 5, Step: 1}, Better: Up, Total: TotalSingle, Licence: LicenceFree, Kind: "daily mark",
		Codes: []Code{{SystemLocal, MarkSmiley}},
	},
	{
		Name: MarkLight, Label: "Traffic light", Range: Range{}, Total: TotalSingle, Licence: LicenceFree, Kind: "daily mark",
		Codes: []Code{{SystemLocal, MarkLight}},
	},
}

// Progress marks: signals, no assessments. Source: function.md section 5.10.
const (
	MarkSmiley = "smiley"
	MarkLight  = "traffic-light"
)

func local(code, id, label string, r Range, unit string, better Better) Item {
	return Item{ID: id, Label: label, Codes: []Code{{SystemLocal, code}}, Range: r, Unit: unit, Better: better}
}

func dimension(id, label, snomed string) Item {
	return Item{ID: id, Label: label, Codes: []Code{{SystemSNOMED, snomed}, {SystemLocal, "eq-5d-5l-" + id}}, Range: Range{Min: 1, Max: 5, Step: 1}, Better: Down}
}

func gaf(code, id, label string) Item {
	return Item{ID: id, Label: label, Codes: []Code{{fhir.SystemGAF, code}}, Range: Range{Min: 1, Max: 100, Step: 1}, Better: Up}
}
