package function

import (
	"fmt"
	"math"
	"strings"

	"github.com/samvirke/samvirke"
)

// Scale names what a number is a number of.
type Scale struct {
	Instrument, Variant, Item string
	Unit                      string // "" = the scale's own
}

// Convert gives a number of one scale as a number of another. Only what function.md section 6.1 allows is possible:
// the same scale, another unit of it, and Barthel 0-20 to and from its fivefold. All else is an error, a
// *samvirke.Fault of class Invalid with code "conversion-forbidden". (Severity is the fourth conversion.)
func Convert(v float64, from, to Scale) (float64, error) {
	if from.Item != to.Item {
		return 0, forbidden("one item is not another")
	}
	if from.Instrument == to.Instrument && from.Variant == to.Variant {
		if from.Variant == VariantUnknown {
			return 0, forbidden("the variant is not known")
		}
		if sameUnit(from.Unit, to.Unit) {
			return v, nil
		}
		if out, ok := ChangeUnit(v, from.Unit, to.Unit); ok {
			return out, nil
		}
		return 0, forbidden("the unit is another quantity")
	}
	small, big := Scale{Instrument: "barthel-20"}, Scale{Instrument: "barthel-100", Variant: "20x5"}
	is := func(s, want Scale) bool {
		return s.Instrument == want.Instrument && s.Variant == want.Variant && s.Unit == ""
	}
	switch {
	case is(from, small) && is(to, big):
		return v * 5, nil
	case is(from, big) && is(to, small):
		if math.Mod(v, 5) != 0 {
			return 0, forbidden("the value is no fivefold")
		}
		return v / 5, nil
	}
	return 0, forbidden("one scale is not another")
}

func forbidden(why string) error {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: "conversion-forbidden",
		Safe: "the value cannot be given on that scale", Err: fmt.Errorf("convert function value: %s", why)}
}

// unit is a unit of one quantity as many of its base.
type unit struct {
	quantity string
	times    float64
}

// unitOf knows the spellings that sources use. Every quantity has one base.
func unitOf(s string) (unit, bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "ms":
		return unit{"time", 0.001}, true
	case "s", "sec", "sek", "sekund", "sekunder", "sekunden", "second", "seconds":
		return unit{"time", 1}, true
	case "min", "minute", "minutes", "minutt", "minutter":
		return unit{"time", 60}, true
	case "mm":
		return unit{"length", 0.001}, true
	case "cm":
		return unit{"length", 0.01}, true
	case "m", "meter", "metre", "metres", "meters":
		return unit{"length", 1}, true
	case "km":
		return unit{"length", 1000}, true
	case "m/s":
		return unit{"speed", 1}, true
	case "cm/s":
		return unit{"speed", 0.01}, true
	case "kg/m2", "kg/m²":
		return unit{"bmi", 1}, true
	case "logit", "logits":
		return unit{"logit", 1}, true
	}
	return unit{}, false
}

// ChangeUnit gives a number in another unit of the same quantity; false when it is another quantity, or one of the units is
// not known and they are not the same word.
func ChangeUnit(v float64, from, to string) (float64, bool) {
	a, okA := unitOf(from)
	b, okB := unitOf(to)
	if !okA || !okB {
		return v, sameUnit(from, to)
	}
	if a.quantity != b.quantity {
		return 0, false
	}
	if a.times == b.times {
		return v, true
	}
	out := v * a.times / b.times
	return math.Round(out*1e9) / 1e9, true
}

func sameUnit(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}
