package function

import "testing"

// TestPartsOfKeys: who told counts where the scale asks the person, and how it was measured where there is more than one way.
func TestPartsOfKeys(t *testing.T) {
	t.Parallel()
	for _, in := range Table() {
		variant := ""
		if len(in.Variants) > 0 {
			variant = in.Variants[0]
		}
		key := func(informer, protocol string) string {
			k := KeyOf(in.Name, variant, "", informer, protocol)
			return k.String()
		}
		if got := key("citizen", "") != key("kin", ""); got != in.SelfReport {
			t.Errorf("%s: the informer tells keys apart: %v, the person reports: %v", in.Name, got, in.SelfReport)
		}
		if got, want := key("", "4 m") != key("", "3 m"), in.Protocol || len(in.Variants) > 0; got != want {
			t.Errorf("%s: the protocol tells keys apart: %v, want %v", in.Name, got, want)
		}
	}
}

// TestStudiesAreNotMixed: of a person who is in two groups the first study that fits decides, also when the change
// reaches only what another one found.
func TestStudiesAreNotMixed(t *testing.T) {
	t.Parallel()
	if size, th := sizeOf("copm", "performance", 1.95, []string{PopulationSubacute, PopulationOutpatient}); size != SizeUnknown || th != nil {
		t.Errorf("%s by %+v, want unknown", size, th)
	}
	if size, _ := sizeOf("copm", "performance", 1.95, []string{PopulationOutpatient}); size != SizeImportant {
		t.Errorf("%s of outpatients, want important", size)
	}
}
