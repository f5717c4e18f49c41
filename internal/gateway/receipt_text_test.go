package gateway

import (
	"testing"

	"github.com/samvirke/samvirke"
)

// TestReceiptText: the words of a receipt are Norwegian first, then English with the place; a fault without
// Norwegian words has the English alone.
func TestReceiptText(t *testing.T) {
	for _, c := range []struct {
		fault samvirke.Fault
		want  string
	}{
		{samvirke.Fault{Code: "message-id", Safe: "the message id is not a UUID", Path: "/MsgHead/MsgInfo/MsgId", Line: 4},
			"Meldingens identifikator er ikke en UUID (the message id is not a UUID (/MsgHead/MsgInfo/MsgId), line 4)"},
		{samvirke.Fault{Code: "schema", Detail: "missing-element", Safe: `"Sender" is missing`},
			`Meldingen følger ikke XML-skjemaet: et påkrevd element mangler ("Sender" is missing)`},
		{samvirke.Fault{Code: "another", Safe: "something else"}, "something else"},
	} {
		if got := receiptText(&c.fault); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
