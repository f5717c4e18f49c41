package reading

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
)

// eventAt gives the second event of the small message with another time.
func eventAt(t *testing.T, time string) Event {
	t.Helper()
	text := strings.Replace(small, `{"url":"time","valueDateTime":"2026-01-12"}`, `{"url":"time",`+time+`}`, 1)
	if text == small {
		t.Fatal("the small message has no such event")
	}
	b, err := fhir.ParseBundle([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	e := Of(b, nil).Events[1]
	if page := string(document(t, b)); e.Remark != "" && !strings.Contains(page, e.Remark) || !strings.Contains(page, e.When) {
		t.Errorf("%s: the page lacks %q or %q", time, e.When, e.Remark)
	}
	for _, f := range e.Facts {
		t.Errorf("%s: told a second time: %+v", time, f)
	}
	return e
}

// TestTimesInDoubt: a time that could not be read is shown as it was written, and the hour that autumn has twice
// with a remark on which of the two it is.
func TestTimesInDoubt(t *testing.T) {
	const local = `,"_valueDateTime":{"extension":[{"url":"` + fhir.ExtLexical + `","valueCode":"local-minutes"}]}`
	for _, tt := range []struct{ time, when, remark string }{
		{`"_valueDateTime":{"extension":[{"url":"` + fhir.ExtAsWritten + `","valueString":"12. januar ca. kl 9"}]}`, "«12. januar ca. kl 9»", "kan ikke leses"},
		{`"valueDateTime":"2026-10-25T02:30:00+02:00"` + local, "25.10.2026 kl. 02:30", "ikke hvilken"},
		{`"valueDateTime":"2026-10-25T02:30:00+02:00"`, "25.10.2026 kl. 02:30", "sommertid"},
		{`"valueDateTime":"2026-10-25T01:30:00Z"`, "25.10.2026 kl. 02:30", "normaltid"},
		{`"valueDateTime":"2026-10-25T01:30:00+02:00"` + local, "25.10.2026 kl. 01:30", ""},
		{`"valueDateTime":"2026-10-25T03:00:00+01:00"` + local, "25.10.2026 kl. 03:00", ""},
		{`"valueDateTime":"2026-10-25"`, "25.10.2026", ""},
	} {
		e := eventAt(t, tt.time)
		if e.When != tt.when || tt.remark == "" != (e.Remark == "") || !strings.Contains(e.Remark, tt.remark) {
			t.Errorf("%s: %q, %q", tt.time, e.When, e.Remark)
		}
	}
}

// TestAttachmentTooLargeUnpacked: the page says that it is too large, and hands out the packed bytes.
func TestAttachmentTooLargeUnpacked(t *testing.T) {
	for _, tt := range []struct {
		size int
		want bool
	}{{MaxUnpacked + 1, true}, {1000, false}} {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(make([]byte, tt.size)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		text := strings.TrimSuffix(small, "]}") + `,{"fullUrl":"urn:uuid:9","resource":{"resourceType":"DocumentReference","status":"current",
  "extension":[{"url":"` + fhir.ExtBase + `StructureDefinition/compression","valueCoding":{"code":"GZ"}}],
  "content":[{"attachment":{"contentType":"application/pdf","title":"Bilde","data":"` + base64.StdEncoding.EncodeToString(packed.Bytes()) + `"}}]}}]}`
		b, err := fhir.ParseBundle([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		p := Of(b, nil)
		if len(p.Attachments) != 1 || p.Attachments[0].TooLarge != tt.want || bytes.Equal(p.Attachments[0].Data, packed.Bytes()) != tt.want {
			t.Fatalf("%d bytes: %d attachments, or the wrong content", tt.size, len(p.Attachments))
		}
		if tt.want {
			page := string(document(t, b))
			if !strings.Contains(page, "For stort til å pakkes ut her (mer enn ") || strings.Contains(page, "åpnes ikke her") {
				t.Error("the page does not say that the file is too large")
			}
		}
	}
}

// TestDirection: a text that turns the direction of writing ends with itself.
func TestDirection(t *testing.T) {
	b, err := fhir.ParseBundle([]byte(strings.Replace(small, "Noe helt nytt", "Noe \u202ehelt nytt", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if page := string(document(t, b)); !strings.Contains(page, "<bdi>Noe \u202ehelt nytt</bdi>") {
		t.Error("the text does not stand in a bdi of its own")
	}
}
