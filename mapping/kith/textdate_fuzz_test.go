package kith

import (
	"testing"
	"time"
)

// FuzzDateIn: a date found in a text is one of the calendar and of this century, or near it.
func FuzzDateIn(f *testing.F) {
	for _, s := range []string{
		"", "Funksjonsvurdering gjort 22.01.18.", "22/1-18", "2018-01-22", "220118", "22012018", "22. januar 2018", "22 jan. 18", "30.02.2018", "18-01-02",
		"fra 01.01.2018 til 02.01.2018", "29.02.2024", "99999999999", "æ 1 mai 2020 ø",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, verdict := dateIn(text)
		if (d != "") != (verdict == dateFound) {
			t.Fatalf("%q with verdict %d", d, verdict)
		}
		if d == "" {
			return
		}
		if _, err := time.Parse(time.DateOnly, d); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}
