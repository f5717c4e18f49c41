package careplan

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan/function"
)

// Code systems of instruments. Source: function.md section 3.
const (
	systemLOINC    = function.SystemLOINC
	systemSNOMED   = function.SystemSNOMED
	systemFunction = function.SystemLocal // our own: instruments, items and variants without a confirmed code
)

// instrumentOf names the instrument of an Observation with its variant, for instance "barthel-100-mahoney"; ""
// when it is none we know. The variant stands in the code or in the method.
func instrumentOf(n *fhir.Node) string {
	var name string
	for _, cd := range n.Get("code").Get("coding").Items() {
		if s := function.ByCode(cd.Get("system").Text(), cd.Get("code").Text()); len(s) > len(name) {
			name = s
		}
	}
	if name == "" {
		return ""
	}
	method := n.Get("method")
	if method == nil && name != "barthel" {
		return name
	}
	for _, variant := range methodWords(method) {
		switch {
		case strings.HasPrefix(name, "barthel") && strings.HasPrefix(variant, "barthel-") && (name == "barthel" || strings.HasPrefix(variant, name)):
			return variant
		case function.KnownVariant(name, variant):
			return name + "-" + variant
		case strings.HasPrefix(variant, name+"-") && function.KnownVariant(name, variant[len(name)+1:]):
			return variant
		}
	}
	if name == "barthel" {
		return "barthel-unknown"
	}
	return name
}

// methodWords gives what a method says, codes first, in the form that variants have.
func methodWords(method *fhir.Node) []string {
	var out []string
	add := func(s string) {
		if s = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), " ", "-")); s != "" {
			out = append(out, s)
		}
	}
	for _, cd := range method.Get("coding").Items() {
		add(cd.Get("code").Text())
	}
	add(method.Get("text").Text())
	return out
}

// protocolOf is what the method of a timed test says besides the variant, and whether an aid was used: both
// are part of what may be compared. Source: function.md sections 1 and 4.
func protocolOf(n *fhir.Node, instrument string) string {
	name, variant := function.SplitName(instrument)
	in := function.Lookup(name)
	if in == nil || !in.Protocol {
		return ""
	}
	protocol := ""
	if words := methodWords(n.Get("method")); len(words) > 0 && words[0] != name && words[0] != variant {
		protocol = words[0]
	}
	if aid := n.Extension(extAid); aid != nil {
		protocol = strings.TrimPrefix(protocol+"+aid-"+strings.ToLower(first(aidOf(aid), "true")), "+")
	}
	return protocol
}

// sameFamily tells whether two instrument names are versions of one instrument.
func sameFamily(a, b string) bool {
	family := func(s string) string {
		name, _ := function.SplitName(s)
		if strings.HasPrefix(name, "barthel") {
			return "barthel"
		}
		return name
	}
	return a == b || family(a) == family(b)
}
