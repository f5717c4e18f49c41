package function

import (
	"slices"
	"strings"
)

// Key is what two results must share before they may stand on one line or be subtracted.
// Source: function.md section 1.
type Key struct {
	Instrument string
	Variant    string
	Item       string // "" in the key of a whole assessment
	Setting    string
	Informer   string // only of self-reported instruments
	Protocol   string // course length, chair, aid, value set
	Problem    string // COPM: which of the person's problems
}

// String gives the key as one word, "" when the result is comparable with nothing: instrument or variant is
// not known.
func (k Key) String() string {
	if k.Instrument == "" || Lookup(k.Instrument) == nil || k.Variant == VariantUnknown {
		return ""
	}
	s := k.Instrument
	if k.Variant != "" {
		s += "/" + escape(k.Variant)
	}
	if k.Item != "" {
		s += "#" + escape(k.Item)
	}
	for _, part := range [...]struct{ name, value string }{
		{"setting", k.Setting}, {"informer", k.Informer}, {"protocol", k.Protocol}, {"problem", k.Problem},
	} {
		if part.value != "" {
			s += ";" + part.name + "=" + escape(part.value)
		}
	}
	return s
}

// escape keeps the signs that part a key out of its parts, so that no two keys read the same.
func escape(s string) string {
	if !strings.ContainsAny(s, "/#;=%") {
		return s
	}
	return strings.NewReplacer("%", "%25", "/", "%2F", "#", "%23", ";", "%3B", "=", "%3D").Replace(s)
}

// KeyOf makes the key of an assessment; the parts that do not count for the instrument are left out.
func KeyOf(instrument, variant, setting, informer, protocol string) Key {
	return Lookup(instrument).KeyOf(instrument, variant, setting, informer, protocol)
}

// KeyOf is KeyOf for an instrument that was looked up already; nil is one that is not known.
func (in *Instrument) KeyOf(instrument, variant, setting, informer, protocol string) Key {
	k := Key{Instrument: instrument, Variant: variant, Setting: setting}
	if in == nil {
		return k
	}
	if in.SelfReport {
		k.Informer = informer
	}
	if in.Protocol || len(in.Variants) > 0 {
		k.Protocol = protocol
	}
	if k.Variant == "" && len(in.Variants) > 0 {
		k.Variant = VariantUnknown
	}
	return k
}

// Key of a point. The points of a performance test that do not depend on the length of the course are comparable also
// where the course is not known.
func (p *Point) Key() Key {
	k := KeyOf(p.Instrument, p.Variant, p.Setting, p.Informer, p.Protocol)
	k.Item = p.item()
	k.Problem = foldWords(p.Problem)
	if k.Instrument == "sppb" && k.Item != ItemTotal && !strings.HasPrefix(k.Item, "gait") {
		k.Variant, k.Protocol = "", ""
	}
	return k
}

// item names the item of a point: its id where the instrument knows the code, else the code as it stands, so that
// what is not known starts a line of its own.
func (p *Point) item() string {
	in := Lookup(p.Instrument)
	if it := in.ItemByCode(p.System, p.Code); it != nil {
		return it.ID
	}
	if in != nil && (p.Total || has(in.Codes, p.System, p.Code) || p.System == SystemLocal && strings.HasPrefix(p.Code, in.Name)) {
		return ItemTotal // of our own codes, an instrument's name with or without its variant
	}
	if p.Code == "" {
		if in != nil && len(in.Items) == 0 && p.Label == "" {
			return ItemTotal
		}
		return "text:" + foldWords(p.Label)
	}
	if in != nil && in.Name == "icf" && p.System == SystemICF {
		return p.Code
	}
	return p.System + "|" + p.Code
}

// foldWords makes the person's own words comparable: small letters, single spaces.
func foldWords(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }

// KnownVariant tells whether an instrument has a variant of this name.
func KnownVariant(instrument, variant string) bool {
	in := Lookup(instrument)
	return in != nil && slices.Contains(in.Variants, variant)
}
