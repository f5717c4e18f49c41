package kith

import "testing"

func TestDateIn(t *testing.T) {
	for text, want := range map[string]string{
		"Funksjonsvurdering gjort 22.01.18.":            "2018-01-22",
		"Vurdert 22.1.2018":                             "2018-01-22",
		"Vurdert 22. 1. 2018 hjemme":                    "2018-01-22",
		"kartlagt 22/1-18 av Sp1":                       "2018-01-22",
		"kartlagt 22-01-2018":                           "2018-01-22",
		"ADL pr 2018-01-22":                             "2018-01-22",
		"ADL pr 2018-01-22T10:00":                       "2018-01-22",
		"dato: 220118":                                  "2018-01-22",
		"dato: 22012018":                                "2018-01-22",
		"den 22. januar 2018":                           "2018-01-22",
		"den 22 jan. 18":                                "2018-01-22",
		"29.02.2024 vurdert":                            "2024-02-29",
		"sist 22.01.18 (22.1.2018)":                     "2018-01-22",
		"Ringes på 73555555, vurdert 22.01.18":          "2018-01-22",
		"vurdert 22.01.18 kl. 10.30":                    "2018-01-22",
		"":                                              "",
		"Trenger hjelp 3 ganger i uken":                 "",
		"29.02.2023":                                    "",
		"22.13.2018":                                    "",
		"tlf 12 34 56 78":                               "",
		"pasienten er 82 år":                            "",
		"01.10.2026 og på nytt 28.10.2026":              "ambiguous",
		"Gjort 22. januar 2018, neste 1. februar 2018.": "ambiguous",
	} {
		got, verdict := dateIn(text)
		if verdict == dateAmbiguous {
			got = "ambiguous"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
