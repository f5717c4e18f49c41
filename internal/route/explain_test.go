package route

import (
	"testing"
)

func TestExplain(t *testing.T) {
	d := Decision{
		Choices: []Choice{{Party: "bydal", Format: FormatKITH, Version: "1.6", Rule: "all", Addressee: 0}},
		Dropped: []Dropped{
			{Party: "st-hallvard", Rule: "team", Why: WhySender, Addressee: none},
			{Party: "her:12", Why: WhyUnknown, Addressee: 1},
		},
	}
	want := "Sent to:\n" +
		"  bydal  kith 1.6  rule \"all\" (addressed as first receiver)\n" +
		"Not sent to:\n" +
		"  st-hallvard  sender         rule \"team\": it is the sender's own message\n" +
		"  her:12       unknown-party   (addressed as receiver 2): no party in the configuration answers to this name; add it under parties if it shall receive\n"
	if got := Explain(d); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := Explain(Decision{}); got != "Nobody receives it.\n" {
		t.Errorf("empty decision: got %q", got)
	}
}

// TestWhyText keeps every reason explained; a new one without a sentence would show its bare code.
func TestWhyText(t *testing.T) {
	for _, w := range []Why{WhyUnknown, WhySender, WhyDenied, WhyObjection, WhyNoRule, WhyNoFormat, WhyUnchanged} {
		if text := w.Text(); text == string(w) || text == "" {
			t.Errorf("%s has no sentence", w)
		}
	}
}
