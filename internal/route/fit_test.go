package route

import (
	"testing"

	"github.com/samvirke/samvirke"
)

// TestKITHVersions: what a receiver reads decides among the versions that the kind can be given in.
func TestKITHVersions(t *testing.T) {
	for _, c := range []struct {
		kind, sent string
		reads      []string
		want       string // "" = as sent, "-" = not at all
	}{
		{"HELSEOPPLYSNINGER_LEGE", "1.5", []string{"1.6"}, "1.6"},
		{"MEDISINSKE_OPPLYSNINGER", "1.6", []string{"1.5"}, "1.5"},
		{"ORIENTERING_TJENESTETILBUD", "1.5", nil, ""},
		{"HELSEOPPL_SOKNAD", "1.6", []string{"1.5"}, "1.5"},
		{"HELSEOPPL_SOKNAD", "1.5", []string{"1.6"}, "-"}, // nobody may invent the stay that 1.6 is about
		{"HELSEOPPL_SOKNAD", "1.5", []string{"1.6", "1.5"}, "1.5"},
		{"FRAVARSMELDING", "1.5", []string{"1.6"}, "-"},
		{"FRAVARSMELDING", "1.5", []string{"1.6", "1.5"}, "1.5"},
		{"FODSELS_EPIKRISE", "1.6", []string{"1.6"}, "1.6"},
		{"FODSELS_EPIKRISE", "1.6", []string{"1.5"}, "-"},
	} {
		got, ok := kithVersion(c.reads, &samvirke.Envelope{Format: FormatKITH, Kind: c.kind, Version: c.sent})
		if !ok {
			got = "-"
		}
		if got != c.want {
			t.Errorf("%s %s for a reader of %v: %q, want %q", c.kind, c.sent, c.reads, got, c.want)
		}
	}
}
