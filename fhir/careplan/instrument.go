package careplan

import (
	"strconv"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// Code systems of instruments. Source: function.md section 3.
const (
	systemLOINC    = "http://loinc.org"
	systemSNOMED   = "http://snomed.info/sct"
	systemFunction = fhir.ExtBase + "CodeSystem/function" // our own: instruments and variants without a confirmed code
)

// instrument says what a value of one scale can be. min = max means no bounds are known.
type instrument struct {
	name     string
	label    string
	min, max float64
	whole    bool   // only whole numbers
	open     bool   // max is not a limit, only min is
	higher   string // what a higher value means: better, worse
	unit     string
}

// instruments is the registry by name. Source: function.md section 2; a missing entry means that values are
// carried as text and never drawn.
func lookupInstrument(name string) (instrument, bool) {
	switch name {
	case "iplos":
		return instrument{name: name, label: "IPLOS", min: 1, max: 5, whole: true, higher: "worse"}, true
	case "gaf":
		return instrument{name: name, label: "GAF", min: 1, max: 100, whole: true, higher: "better"}, true
	case "barthel-20":
		return instrument{name: name, label: "Barthel (0-20)", max: 20, whole: true, higher: "better"}, true
	case "barthel-100":
		return instrument{name: name, label: "Barthel (0-100)", max: 100, whole: true, higher: "better"}, true
	case "fim":
		return instrument{name: name, label: "FIM", min: 18, max: 126, whole: true, higher: "better"}, true
	case "sppb":
		return instrument{name: name, label: "SPPB", max: 12, whole: true, higher: "better"}, true
	case "tug":
		return instrument{name: name, label: "Timed up and go", open: true, higher: "worse", unit: "s"}, true
	case "chair-stand-30s":
		return instrument{name: name, label: "30 s chair stand", open: true, whole: true, higher: "better"}, true
	case "6mwt":
		return instrument{name: name, label: "6-minute walk", open: true, higher: "better", unit: "m"}, true
	case "eq-5d-5l-vas":
		return instrument{name: name, label: "EQ-5D-5L VAS", max: 100, whole: true, higher: "better"}, true
	case "eq-5d-5l-index":
		return instrument{name: name, label: "EQ-5D-5L index", min: -1, max: 1, higher: "better"}, true
	case "cfs":
		return instrument{name: name, label: "Clinical Frailty Scale", min: 1, max: 9, whole: true, higher: "worse"}, true
	case "moca":
		return instrument{name: name, label: "MoCA", max: 30, whole: true, higher: "better"}, true
	case "mmse":
		return instrument{name: name, label: "MMSE", max: 30, whole: true, higher: "better"}, true
	}
	return instrument{}, false
}

// instrumentByCode names the instrument of a code. Source: function.md section 3.
func instrumentByCode(system, code string) string {
	switch system {
	case fhir.SystemFunction:
		return "iplos"
	case fhir.SystemGAF:
		return "gaf"
	case systemLOINC:
		switch code {
		case "96761-2":
			return "barthel"
		case "72172-0":
			return "moca"
		case "72106-8":
			return "mmse"
		}
		if _, ok := barthelItem(code); ok {
			return "barthel"
		}
	case systemSNOMED:
		switch code {
		case "273302005":
			return "barthel"
		case "443364002":
			return "barthel-100-modified"
		case "273469003":
			return "fim"
		case "444680009", "444781002":
			return "tug"
		case "450738001", "450736002":
			return "chair-stand-30s"
		case "1144649008":
			return "6mwt"
		case "736534008":
			return "eq-5d-5l-index"
		case "736535009":
			return "eq-5d-5l-vas"
		case "763264000", "445414007":
			return "cfs"
		}
	case systemFunction:
		return code
	}
	return ""
}

// instrumentOf names the instrument of an Observation with its variant, for instance
// "barthel-20"; "" when it is none we know. The variant stands in the code or in the method.
func instrumentOf(n *fhir.Node) string {
	var name, variant string
	for _, cd := range n.Get("code").Get("coding").Items() {
		s := instrumentByCode(cd.Get("system").Text(), cd.Get("code").Text())
		if len(s) > len(name) {
			name = s
		}
	}
	method := n.Get("method")
	for _, cd := range method.Get("coding").Items() {
		variant = first(variant, strings.ToLower(cd.Get("code").Text()))
	}
	variant = first(variant, strings.ToLower(strings.ReplaceAll(method.Get("text").Text(), " ", "-")))
	if name == "barthel" {
		if strings.HasPrefix(variant, "barthel-") {
			return variant
		}
		return "barthel-unknown"
	}
	return name
}

// split parts an instrument with variant into the scale and the variant: "barthel-100-mahoney"
// is the 0-100 scale. A variant that is not known is "unknown" and never compared.
func splitVariant(name string) (scale, variant string) {
	switch {
	case strings.HasPrefix(name, "barthel-100"):
		return "barthel-100", first(strings.TrimPrefix(strings.TrimPrefix(name, "barthel-100"), "-"), "unknown")
	case name == "barthel-20":
		return name, ""
	case strings.HasPrefix(name, "barthel"):
		return name, "unknown"
	}
	return name, ""
}

// barthelItem gives our own short label of an item and its top value on the 0-20 scale.
// Source: function.md section 5.1.
func barthelItem(loinc string) (struct {
	label string
	top   float64
}, bool) {
	type item = struct {
		label string
		top   float64
	}
	switch loinc {
	case "83184-2":
		return item{"Eating", 2}, true
	case "83185-9":
		return item{"Transfer bed-chair", 3}, true
	case "96767-9":
		return item{"Grooming", 1}, true
	case "83183-4":
		return item{"Toilet", 2}, true
	case "83181-8":
		return item{"Bathing", 1}, true
	case "83186-7":
		return item{"Walking on level", 3}, true
	case "96758-8":
		return item{"Stairs", 2}, true
	case "83182-6":
		return item{"Dressing", 2}, true
	case "96759-6":
		return item{"Bowels", 2}, true
	case "96760-4":
		return item{"Bladder", 2}, true
	}
	return item{}, false
}

// iplosLabel is our own short label of an IPLOS variable; the texts of the code list changed
// over the years, the codes did not. Source: standards/no README section 3.5.
func iplosLabel(code string) string {
	labels := [...]string{"", "Social participation", "Shopping and errands", "Daily decisions", "Own health", "Moving indoors",
		"Housework", "Personal hygiene", "Dressing", "Cooking", "Eating", "Toilet", "Moving outdoors", "Sight", "Hearing",
		"Memory", "Communication", "Behaviour", "Own economy"}
	if i, err := strconv.Atoi(code); err == nil && i > 0 && i < len(labels) {
		return labels[i]
	}
	return ""
}

func gafLabel(code string) string {
	switch code {
	case "1":
		return "GAF function"
	case "2":
		return "GAF symptoms"
	case "3":
		return "CGAS"
	}
	return ""
}
