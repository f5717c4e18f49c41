package fhir_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"io"
	"math/rand"
	"os/exec"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// document is a DocumentReference whose file is b in base64, compressed as packing says.
func document(b []byte, packing string) *fhir.Node {
	return documentOf(base64.StdEncoding.EncodeToString(b), packing)
}

func documentOf(data, packing string) *fhir.Node {
	n := fhir.NewObject("resourceType", "DocumentReference", "content", fhir.NewArray(fhir.NewObject(
		"attachment", fhir.NewObject("title", "EKG", "contentType", "application/pdf", "data", data))))
	if packing != "" {
		n.Append("extension", fhir.NewObject("url", fhir.ExtBase+"StructureDefinition/compression", "valueCoding", fhir.NewObject("code", packing)))
	}
	return n
}

func packed(t *testing.T, b []byte, open func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var out bytes.Buffer
	w := open(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gz(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
func zl(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
func df(w io.Writer) io.WriteCloser {
	z, err := flate.NewWriter(w, flate.DefaultCompression)
	if err != nil {
		panic(err)
	}
	return z
}

func sole(t *testing.T, doc *fhir.Node) fhir.Attachment {
	t.Helper()
	all := fhir.Attachments(doc)
	if len(all) != 1 {
		t.Fatalf("%d attachments", len(all))
	}
	return all[0]
}

func TestOpenAttachment(t *testing.T) {
	pdf := []byte("%PDF-1.4\n" + strings.Repeat("0123456789 en linje til\n", 400))
	for _, tt := range []struct {
		name, packing string
		content       []byte
		code          string
	}{
		{"plain", "", pdf, ""},
		{"deflate", "DF", packed(t, pdf, df), ""},
		{"deflate in the frame of zlib", "DF", packed(t, pdf, zl), ""},
		{"gzip", "GZ", packed(t, pdf, gz), ""},
		{"compress", "Z", compressed(pdf, 16, true), ""},
		{"compress of few bits", "Z", compressed(pdf, 10, true), ""},
		{"compress without clearing", "Z", compressed(pdf, 12, false), ""},
		{"zlib called compress", "Z", packed(t, pdf, zl), ""},
		{"gzip that is none", "GZ", pdf, fhir.CodeAttachmentUnpack},
		{"gzip cut off", "GZ", packed(t, pdf, gz)[:60], fhir.CodeAttachmentUnpack},
		{"deflate cut off", "DF", packed(t, pdf, df)[:60], fhir.CodeAttachmentUnpack},
		{"deflate that is none", "DF", []byte{0xff, 1, 2, 3}, fhir.CodeAttachmentUnpack},
		{"compress that is none", "Z", pdf, fhir.CodeAttachmentUnpack},
		{"compress of too many bits", "Z", []byte{0x1f, 0x9d, 0x9f, 1, 2, 3}, fhir.CodeAttachmentUnpack},
		{"compress that begins with a string", "Z", []byte{0x1f, 0x9d, 0x90, 0xff, 0xff, 0xff}, fhir.CodeAttachmentUnpack},
		{"unknown way", "7Z", pdf, fhir.CodeAttachmentPacking},
		{"a way without code", " ", pdf, fhir.CodeAttachmentPacking},
		{"nothing", "", nil, fhir.CodeAttachmentEmpty},
		{"larger than taken", "", bytes.Repeat([]byte("a"), 20000), fhir.CodeAttachmentTooLarge},
		{"far larger than taken", "", bytes.Repeat([]byte("a"), 200000), fhir.CodeAttachmentTooLarge},
		{"gzip bomb", "GZ", packed(t, make([]byte, 1<<24), gz), fhir.CodeAttachmentTooLarge},
		{"deflate bomb", "DF", packed(t, make([]byte, 1<<24), df), fhir.CodeAttachmentTooLarge},
		{"compress bomb", "Z", compressed(make([]byte, 1<<22), 16, true), fhir.CodeAttachmentTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := sole(t, document(tt.content, tt.packing))
			got, err := a.Open(10000)
			if tt.code == "" {
				if err != nil || !bytes.Equal(got, pdf) {
					t.Fatalf("%d bytes, %v; want the file", len(got), err)
				}
				if fhir.MediaType(got) != "application/pdf" || a.Title != "EKG" || a.Type != "application/pdf" {
					t.Errorf("%q %+v", fhir.MediaType(got), a)
				}
				return
			}
			f := samvirke.FaultOf(err)
			if err == nil || f.Code != tt.code || f.Class != samvirke.Invalid || got != nil {
				t.Errorf("%d bytes, %v; want %s", len(got), err, tt.code)
			}
		})
	}
}

func TestAttachmentText(t *testing.T) {
	for text, code := range map[string]string{
		"QUJD":                        "",
		"\n  QU\r\n\tJD ":             "",
		"QUJ":                         fhir.CodeAttachmentBase64,
		"QU-D":                        fhir.CodeAttachmentBase64,
		"\n \t":                       fhir.CodeAttachmentEmpty,
		strings.Repeat("QUJD\n", 500): fhir.CodeAttachmentTooLarge,
	} {
		got, err := sole(t, documentOf(text, "")).Open(100)
		if code == "" && string(got) != "ABC" || code != "" && samvirke.FaultOf(err).Code != code {
			t.Errorf("%.10q: %q, %v", text, got, err)
		}
	}
}

// Everything that a document can hold is listed: several contents, what lies elsewhere, and texts that base64 cannot carry.
func TestAttachments(t *testing.T) {
	doc, err := fhir.ParseNode([]byte(`{"resourceType":"DocumentReference","content":[
		{"attachment":{"title":"A","data":"QQ=="}},
		{"attachment":{"url":"http://127.0.0.1:1/never","contentType":"image/png"}},
		{"attachment":{"_data":{"extension":[{"url":"` + fhir.ExtAsWritten + `","valueString":"%%"}]}}}],
		"extension":[{"url":"` + fhir.ExtBase + `StructureDefinition/further-content","valueBase64Binary":"Qg=="}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []struct{ data, code, place string }{
		{"A", "", "content[0].attachment.data"}, {"", fhir.CodeAttachmentElsewhere, ""},
		{"", fhir.CodeAttachmentBase64, "content[2].attachment._data"}, {"B", "", "extension[0].valueBase64Binary"},
	}
	all := fhir.Attachments(doc)
	if len(all) != len(want) {
		t.Fatalf("%d attachments", len(all))
	}
	for i, w := range want {
		got, err := all[i].Open(0)
		code := ""
		if err != nil {
			code = samvirke.FaultOf(err).Code
		}
		if string(got) != w.data || code != w.code || all[i].Place != w.place {
			t.Errorf("%d: %q, %q at %q, want %+v", i, got, code, all[i].Place, w)
		}
	}
	if all[1].URL != "http://127.0.0.1:1/never" {
		t.Errorf("url %q", all[1].URL)
	}
	if fhir.Attachments(nil) != nil {
		t.Error("attachments of nothing")
	}
}

func TestMediaType(t *testing.T) {
	for in, want := range map[string]string{
		"%PDF-1.7": "application/pdf", "\x89PNG\r\n\x1a\n": "image/png", "\xff\xd8\xff\xe0": "image/jpeg",
		"II*\x00": "image/tiff", "\x00\x01\x02\x03": "", "": "",
	} {
		if got := fhir.MediaType([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestCompressed holds the form that these tests write against another program.
func TestCompressed(t *testing.T) {
	gzip, err := exec.LookPath("gzip")
	if err != nil {
		t.Skip("gzip, which reads the form of compress, is not installed")
	}
	for name, b := range samples() {
		for _, bits := range []uint{9, 10, 13, 16} {
			for _, block := range []bool{true, false} {
				cmd := exec.Command(gzip, "-dc")
				cmd.Stdin = bytes.NewReader(compressed(b, bits, block))
				got, err := cmd.Output()
				if err != nil || !bytes.Equal(got, b) {
					t.Errorf("%s, %d bits: gzip makes %d bytes of it (%v), want %d", name, bits, len(got), err, len(b))
				}
				if got, err := sole(t, document(compressed(b, bits, block), "Z")).Open(0); err != nil || !bytes.Equal(got, b) {
					t.Errorf("%s, %d bits: %d bytes, %v, want %d", name, bits, len(got), err, len(b))
				}
			}
		}
	}
}

func samples() map[string][]byte {
	rnd := rand.New(rand.NewSource(3))
	noise := make([]byte, 200000)
	rnd.Read(noise)
	return map[string][]byte{
		"one byte": {7}, "runs": bytes.Repeat([]byte("aaaaab"), 30000), "noise": noise,
		"text": []byte(strings.Repeat("Pasienten er utskrevet i dag. ", 6000)), "run of one": make([]byte, 70000),
	}
}

// compressed writes the form of the Unix program compress. With block it clears the table when that is full.
func compressed(b []byte, most uint, block bool) []byte {
	out := []byte{0x1f, 0x9d, byte(most)}
	width, next := uint(9), 256
	if block {
		out[2] |= 0x80
		next++
	}
	type pair struct {
		prefix int
		last   byte
	}
	table := map[pair]int{}
	var bits uint64
	var have uint
	group := 0
	flush := func() {
		for have > 0 {
			out = append(out, byte(bits))
			bits >>= 8
			have -= min(have, 8)
			group++
		}
	}
	align := func() {
		flush()
		for ; group%int(width) != 0; group++ {
			out = append(out, 0)
		}
		group = 0
	}
	put := func(code int) {
		bits |= uint64(code) << have
		for have += width; have >= 8; have -= 8 {
			out = append(out, byte(bits))
			bits >>= 8
			group++
		}
	}
	// The reader enters a string one code later than the writer does, and widens then.
	read := next
	fresh := true
	emit := func(code int) {
		if read >= 1<<width && (width < most || width == 9) {
			align()
			width++
		}
		put(code)
		if !fresh && read < 1<<most {
			read++
		}
		fresh = false
	}
	prefix := -1
	for _, c := range b {
		if prefix < 0 {
			prefix = int(c)
			continue
		}
		if code, ok := table[pair{prefix, c}]; ok {
			prefix = code
			continue
		}
		emit(prefix)
		if next < 1<<most {
			table[pair{prefix, c}] = next
			next++
		} else if block {
			emit(256)
			align()
			clear(table)
			width, next, read, fresh = 9, 257, 257, true
		}
		prefix = int(c)
	}
	if prefix >= 0 {
		emit(prefix)
	}
	flush()
	return out
}

// FuzzOpenAttachment: whatever the content, no more than the bound comes out, and no panic.
func FuzzOpenAttachment(f *testing.F) {
	for _, b := range samples() {
		f.Add(compressed(b[:min(len(b), 2000)], 12, true), uint8(2))
	}
	f.Add([]byte("x\x9c\x03\x00"), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, how uint8) {
		got, err := sole(t, document(b, []string{"DF", "GZ", "Z"}[how%3])).Open(5000)
		if len(got) > 5000 || err != nil && got != nil {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	})
}
