package kith

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	b64 "encoding/base64"
	"io"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// squeezed is b in base64, compressed by gzip or as bare deflate.
func squeezed(t testing.TB, how string, b []byte) string {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&out)
	if how == "DF" {
		z, err := flate.NewWriter(&out, flate.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b64.StdEncoding.EncodeToString(out.Bytes())
}

// lines breaks a text as a pretty printer would.
func lines(t, lead, sep, trail string, n int) string {
	var b strings.Builder
	b.WriteString(lead)
	for ; len(t) > n; t = t[n:] {
		b.WriteString(t[:n] + sep)
	}
	return b.String() + t + trail
}

func container(text string) string {
	return `<Content><Base64Container xmlns="` + kithNS + `/base64container">` + text + `</Base64Container></Content>`
}

// attachmentCase is a RefDoc after its MsgType.
type attachmentCase struct {
	name, doc string
	// open is what each file holds, or in brackets the code that opening gives.
	open []string
	// warn and note are the codes of Parse beside those of the message itself.
	warn, note []string
}

func attachmentCases(t testing.TB) []attachmentCase {
	pdf := "%PDF-1.4\n" + strings.Repeat("Sykepleiesammenfatning. ", 20)
	plain := b64.StdEncoding.EncodeToString([]byte(pdf))
	const pdfType = `<MimeType>application/pdf</MimeType><Description>Epikrise som PDF</Description>`
	bomb := squeezed(t, "GZ", make([]byte, 1<<26))
	compress := b64.StdEncoding.EncodeToString([]byte{0x1f, 0x9d, 0x90, 'A', 'B' << 1, 'C' << 2 & 0xff, 'C' >> 6}) // three codes of nine bits
	return []attachmentCase{
		{"one line", pdfType + container(plain), []string{pdf}, nil, nil},
		{"lines of 64", pdfType + container(lines(plain, "", "\n", "", 64)), []string{pdf}, nil, nil},
		{"lines of 76", pdfType + container(lines(plain, "", "\n", "", 76)), []string{pdf}, nil, nil},
		{"lines of 76 with a last line feed", pdfType + container(lines(plain, "", "\n", "\n", 76)), []string{pdf}, nil, nil},
		{"lines of 100", pdfType + container(lines(plain, "", "\n", "", 100)), []string{pdf}, nil, nil},
		{"indented lines", pdfType + container(lines(plain, "\n\t\t\t\t", "\n\t\t\t\t", "\n\t\t\t", 60)), []string{pdf}, nil, nil},
		{"one line with white space around", pdfType + container("\n      "+plain+"\n    "), []string{pdf}, nil, nil},
		{"carriage returns kept by reference", pdfType + container(lines(plain, "", "&#13;\n", "&#13;\n", 76)), []string{pdf}, nil, nil},
		{"uneven lines", pdfType + container(plain[:8]+"\n"+plain[8:12]+" "+plain[12:]), []string{pdf}, nil, []string{"normalised"}},
		{"gzip", pdfType + `<Compression V="GZ" DN="Gzip"/>` + container(squeezed(t, "GZ", []byte(pdf))), []string{pdf}, nil, nil},
		{"deflate", pdfType + `<Compression V="DF"/>` + container(lines(squeezed(t, "DF", []byte(pdf)), "", "\n", "", 76)), []string{pdf}, nil, nil},
		{"compress", `<MimeType>text/plain</MimeType><Compression V="Z" DN="Compress"/>` + container(compress), []string{"ABC"}, nil, nil},
		{"unknown compression", `<Compression V="7Z" DN="7-zip"/>` + container(plain), []string{"[attachment-packing]"}, []string{"attachment-packing"}, nil},
		{"not compressed as it says", `<Compression V="GZ"/>` + container(plain), []string{"[attachment-unpack]"}, nil, nil},
		{"bomb", `<Compression V="GZ"/>` + container(bomb), []string{"[attachment-too-large]"}, nil, nil},
		{"no media type", container(plain), []string{pdf}, nil, nil},
		{"media type with parameters", `<MimeType>application/pdf; version=1.4</MimeType>` + container(plain), []string{pdf}, nil, nil},
		{"media type that is none", `<MimeType>PDF  fil</MimeType>` + container(plain), []string{pdf}, nil, nil},
		{"other media type than the file", `<MimeType>image/jpg</MimeType>` + container(plain), []string{pdf}, []string{"attachment-content"}, nil},
		{"all that a document can say", `<Id>vedlegg-1</Id><MimeType>application/pdf</MimeType><Description>æ &lt;ø&gt;
å</Description><Compression V="GZ" DN="Gzip"/>` + container(squeezed(t, "GZ", []byte(pdf))), []string{pdf}, nil, nil},
		{"file elsewhere", `<MimeType>image/png</MimeType><FileReference>http://127.0.0.1:1/bilde.png</FileReference>`,
			[]string{"[attachment-elsewhere]"}, []string{"attachment-elsewhere"}, nil},
		{"file elsewhere with signs of its own", `<FileReference>file:///delt/r%C3%B8ntgen.dcm?a=1&amp;b=2</FileReference>`,
			[]string{"[attachment-elsewhere]"}, []string{"attachment-elsewhere"}, nil},
		{"two contents", pdfType + strings.Replace(container(plain), "</Content>", "", 1) + strings.Replace(container("QUJD"), "<Content>", "", 1),
			[]string{pdf, "ABC"}, []string{"attachment-content"}, nil},
		{"nothing at all", "", []string{"[attachment-no-content]"}, nil, nil},
		{"empty container", container(""), []string{"[attachment-no-content]"}, []string{"attachment-no-content"}, nil},
	}
}

// attached is a discharge report with documents instead of its own attachment.
func attached(t testing.TB, documents ...string) []byte {
	t.Helper()
	raw, err := io.ReadAll(bytes.NewReader(read(t, "testdata/plo/utskrivningsrapport-1.6-attachment/source.xml")))
	if err != nil {
		t.Fatal(err)
	}
	end := bytes.LastIndex(raw, []byte("<Document>"))
	return append(raw[:end:end], strings.Join(documents, "")+"</MsgHead>"...)
}

func fileDocument(rest string) string {
	return `<Document><RefDoc><MsgType V="A" DN="Vedlegg"/>` + rest + `</RefDoc></Document>`
}

func TestAttachments(t *testing.T) {
	f := newFormat(t)
	r4 := mappingtest.R4Schema(t)
	out := map[string][]byte{}
	all := attachmentCases(t)
	several := attachmentCase{name: "all in one message"}
	var documents []string
	for _, c := range all {
		several.open, several.warn = append(several.open, c.open...), append(several.warn, c.warn...)
		several.note = append(several.note, c.note...)
		documents = append(documents, fileDocument(c.doc))
	}
	run := func(c attachmentCase, raw []byte) {
		t.Run(c.name, func(t *testing.T) {
			p, err := f.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			r4.Check(t, p.Bundle.Bytes())
			keepsProfiles(t, p.Bundle)
			var warned, noted []string
			for _, w := range p.Warnings {
				warned = append(warned, w.Code)
			}
			for _, n := range p.Notes {
				noted = append(noted, n.Code)
			}
			if !slices.Equal(warned, c.warn) || !slices.Equal(noted, c.note) {
				t.Errorf("warnings %v, notes %v; want %v, %v", warned, noted, c.warn, c.note)
			}
			if got := opened(p.Bundle); !slices.Equal(got, c.open) {
				t.Errorf("opened %.80q, want %.80q", got, c.open)
			}
			b, err := fhir.ParseBundle(p.Bundle.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			r, err := f.Render(b, mapping.Target{})
			if err != nil || len(r.Notes) > 0 {
				t.Fatalf("%v, notes %v", err, r)
			}
			if d := mappingtest.Compare(raw, r.Body); !d.Same() && len(c.note) == 0 {
				t.Errorf("%s", d)
			}
			if got, want := containers(r.Body), containers(raw); !slices.Equal(got, want) && len(c.note) == 0 {
				t.Errorf("base64 is written as %.100q, was %.100q", got, want)
			}
			again, err := f.Parse(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			twice, err := f.Render(again.Bundle, mapping.Target{})
			if err != nil || !bytes.Equal(twice.Body, r.Body) {
				t.Errorf("a second round trip changes bytes (%v)", err)
			}
			out[c.name] = r.Body
		})
	}
	for i, c := range all {
		run(c, attached(t, documents[i]))
	}
	run(several, attached(t, documents...))
	for name, problem := range mappingtest.XMLLintAll(t, out) {
		t.Errorf("%s: %s", name, problem)
	}
}

// opened is what the files of a message hold, or in brackets the code that opening gives.
func opened(b *fhir.Bundle) []string {
	var out []string
	for _, d := range b.All("DocumentReference") {
		for _, a := range fhir.Attachments(d) {
			data, err := a.Open(1 << 20)
			if err != nil {
				out = append(out, "["+samvirke.FaultOf(err).Code+"]")
				continue
			}
			out = append(out, string(data))
		}
	}
	return out
}

// containers are the texts of all base64 in a message, as they are written; a line end of any form is a line feed there.
func containers(raw []byte) []string {
	var out []string
	for _, s := range strings.Split(string(raw), "<Base64Container")[1:] {
		s = s[strings.IndexByte(s, '>')+1:]
		s = s[:max(0, strings.Index(s, "</Base64Container>"))]
		out = append(out, strings.NewReplacer("&#xD;", "&#13;").Replace(s))
	}
	return out
}

// TestEpicrisisAttachments: the other generation has the same files in RefDoc.
func TestEpicrisisAttachments(t *testing.T) {
	f := newFormat(t)
	good := testFile(t, "epikrise-full")
	from, to := bytes.Index(good, []byte("<RefDoc>")), bytes.LastIndex(good, []byte("</RefDoc>"))
	out := map[string][]byte{}
	for _, c := range attachmentCases(t) {
		t.Run(c.name, func(t *testing.T) {
			raw := slices.Concat(good[:from], []byte(`<RefDoc><MsgType V="A" DN="Vedlegg"/>`+c.doc), good[to:])
			p, err := f.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			if got := opened(p.Bundle); !slices.Equal(got, c.open) {
				t.Errorf("opened %.80q, want %.80q", got, c.open)
			}
			r, err := f.Render(p.Bundle, mapping.Target{})
			if err != nil {
				t.Fatal(err)
			}
			if d := mappingtest.Compare(raw, r.Body); !d.Same() && len(c.note) == 0 {
				t.Errorf("%s", d)
			}
			if got, want := containers(r.Body), containers(raw); !slices.Equal(got, want) && len(c.note) == 0 {
				t.Errorf("base64 is written as %.100q, was %.100q", got, want)
			}
			out[c.name] = r.Body
		})
	}
	for name, problem := range mappingtest.XMLLintAll(t, out) {
		t.Errorf("%s: %s", name, problem)
	}
}

// TestBrokenBase64: what is no base64 breaks the published schema; nothing of it reaches FHIR.
func TestBrokenBase64(t *testing.T) {
	f := newFormat(t)
	out := map[string][]byte{}
	want := map[string]string{}
	for name, text := range map[string]string{
		"cut off": "QUJDRA", "padding inside": "QQ==QUJD", "letter of another alphabet": "QU-_", "one letter": "Q", "loose bits": "QR==",
		"only padding": "====", "good": "QUJD",
	} {
		raw := attached(t, fileDocument(container(text)))
		_, err := f.Parse(raw)
		want[name] = ""
		if err != nil {
			if fault := samvirke.FaultOf(err); fault.Code != "schema" || fault.Receipt != "T02" {
				t.Errorf("%s: %v", name, err)
			}
			want[name] = "refused"
		}
		out[name] = raw
	}
	said := mappingtest.XMLLintAll(t, out)
	for name, verdict := range want {
		if (said[name] != "") != (verdict != "") {
			t.Errorf("%s: %q, xmllint says %q", name, verdict, said[name])
		}
	}
}

// TestBase64OfOthers: base64 from elsewhere that is none is written as it was; a message takes it or not by its schema.
func TestBase64OfOthers(t *testing.T) {
	for _, text := range []string{"%%%", "QUJ", "Q"} {
		n := fhir.NewObject()
		putScalar(base64Scalar{}, text, slot{obj: n, key: "data", index: -1})
		if n.Get("data") != nil {
			t.Errorf("%q became data", text)
		}
		if got, ok := getScalar(&reader{used: map[*fhir.Node]struct{}{}}, base64Scalar{}, slot{obj: n, key: "data", index: -1}); !ok || got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
}

// TestBase64Forms: every way of breaking lines evenly comes back as it was.
func TestBase64Forms(t *testing.T) {
	rnd := rand.New(rand.NewSource(7))
	white := func() string {
		b := make([]byte, rnd.Intn(6))
		for i := range b {
			b[i] = space[rnd.Intn(len(space))]
		}
		return string(b)
	}
	for i := range 2000 {
		b := make([]byte, rnd.Intn(200)+1)
		rnd.Read(b)
		plain := b64.StdEncoding.EncodeToString(b)
		text := lines(plain, white(), white()+"\n", white(), rnd.Intn(100)+1)
		v, form, ok := base64Scalar{}.read(text)
		if !ok || v != plain || !isCode(form) && form != "" {
			t.Fatalf("%d: %q: %v, form %q", i, text, ok, form)
		}
		if got := (base64Scalar{}).write(v, form); got != text {
			t.Fatalf("%d: %q came back as %q (form %s)", i, text, got, form)
		}
	}
	for _, form := range []string{"lines-", "lines-x", "lines--3", "lines-4-n-n", "lines-0-n99999999-n-n", "lines-4-q3-n1-0", "zone"} {
		if got := wrapped("QUJDREVG", form); len(got) > 20 || unwrapped(got) != "QUJDREVG" {
			t.Errorf("%s: %.50q", form, got)
		}
	}
}

// TestSecondMessage: a message inside the message does not mix with the first one.
func TestSecondMessage(t *testing.T) {
	f := newFormat(t)
	plain := attached(t)
	from, to := bytes.Index(plain, []byte("<p:TverrfagligEpikrise")), bytes.Index(plain, []byte("</Content>"))
	payload := string(plain[from:to])
	raw := attached(t, `<Document><RefDoc><MsgType V="XML" DN="XML-instans"/><Content>`+strings.ReplaceAll(payload, "Hjerneslag", "Hofteleddsbrudd")+`</Content></RefDoc></Document>`)
	first, err := f.Parse(plain)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) != 1 || p.Warnings[0].Code != "second-message" {
		t.Errorf("warnings %v", p.Warnings)
	}
	if got, want := p.Bundle.First("Composition").Bytes(), first.Bundle.First("Composition").Bytes(); !bytes.Equal(got, want) {
		t.Errorf("the second message changes the report: %s\nwant %s", got, want)
	}
	if n := len(p.Bundle.Entries()) - len(first.Bundle.Entries()); n != 1 {
		t.Errorf("%d resources more, want one document", n)
	}
	r, err := f.Render(p.Bundle, mapping.Target{})
	if err != nil {
		t.Fatal(err)
	}
	if d := mappingtest.Compare(raw, r.Body); !d.Same() {
		t.Errorf("%s", d)
	}
}

// TestLargeAttachment: what the health network carries is read and written; what is larger than the bound is refused
// before anything is made of it.
func TestLargeAttachment(t *testing.T) {
	f := newFormat(t)
	big := b64.StdEncoding.EncodeToString(bytes.Repeat([]byte("0123456789abcdef"), 10<<20/16))
	raw := attached(t, fileDocument(container(lines(big, "", "\n", "", 76))))
	p, err := f.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if size := p.Bundle.First("DocumentReference").At("content.0.attachment.size").Text(); size != "10485760" {
		t.Errorf("size %s", size)
	}
	r, err := f.Render(p.Bundle, mapping.Target{})
	if err != nil || !slices.Equal(containers(r.Body), containers(raw)) {
		t.Errorf("a large attachment does not come back: %v", err)
	}
	small, err := New(Options{AllowSynthetic: true, MaxBytes: 10 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := small.Parse(raw); samvirke.FaultOf(err).Code != "too-large" {
		t.Errorf("%v, want too-large", err)
	}
}
