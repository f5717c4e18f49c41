package reading

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// MaxUnpacked is how large a compressed file may become when it is opened. Unit: bytes.
const MaxUnpacked = 32 << 20

// Attachment is a file in a message.
type Attachment struct {
	// Number counts from 1 in the order of the message.
	Number int
	Title  string
	// FileName is safe for any file system.
	FileName string
	// Type is what the content is by its first bytes; only a type that is safe to show opens in a browser.
	// Anything else is application/octet-stream and is only downloaded.
	Type string
	// Declared is what the message says about it.
	Declared string
	// Opens tells whether a browser may show it: PDF, PNG, JPEG, GIF, plain text.
	Opens bool
	// TooLarge tells that it is not opened because it is larger than MaxUnpacked; Data are then the bytes as the sender
	// packed them, or nil when those are too many already.
	TooLarge bool
	// Data are the bytes, unpacked where the message compressed them; nil for a file that lies elsewhere.
	Data []byte
	// URL is where the message says that the file lies; shown as text only.
	URL   string
	Facts []Fact
}

// Image tells whether it is a picture that is shown on the page.
func (a *Attachment) Image() bool { return a.Opens && strings.HasPrefix(a.Type, "image/") }

// Size tells how large it is.
func (a *Attachment) Size() string { return sizeWord(len(a.Data)) }

// What names the type for people.
func (a *Attachment) What() string { return typeWord(a.Type, a.Declared) }

// file reads the attachments of a DocumentReference. One without content or place is no file: a part of an
// extract whose content stands in the sections; it is named among the facts about the message.
func (r *reader) file(e fhir.Entry) {
	n := e.Resource
	r.shown[n] = true
	first := true
	for i, c := range n.Get("content").Items() {
		at := c.Get("attachment")
		a := Attachment{Number: len(r.page.Attachments) + 1, URL: r.take(at.Get("url"))}
		a.Declared = r.take(at.Get("contentType"))
		r.use(at.Get("_contentType"))
		format := r.take(c.At("format.code"))
		a.Title = r.take(at.Get("title"))
		if a.Title == "" {
			a.Title = joinSpans(r.titleOf(e))
		}
		if a.Title == "" && format != "" {
			a.Title = "XML-dokument " + format[strings.LastIndexByte(format, '#')+1:]
		}
		if a.Title == "" {
			a.Title = "Vedlegg"
		}
		if raw := at.Get("data"); raw != nil {
			r.use(raw)
			a.Data, a.TooLarge = unpacked(fhir.Attachments(n)[i])
		}
		a.Type, a.Opens = safeType(a.Data)
		a.FileName = fileName(a.Title, a.Type, a.Declared)
		if format != "" {
			a.Facts = append(a.Facts, one("Format", text(format)))
		}
		if t := at.Get("creation"); t != nil {
			a.Facts = append(a.Facts, one("Dato", r.primitive(t, at.Get("_creation"), "DocumentReference.content.attachment.creation")...))
		}
		if a.URL != "" {
			a.Facts = append(a.Facts, one("Ligger på", text(a.URL)))
		}
		switch limit := sizeWord(MaxUnpacked); {
		case a.TooLarge && a.Data != nil:
			a.Facts = append(a.Facts, one("Innhold", Span{Text: "For stort til å pakkes ut her (mer enn " + limit + "). Filen lastes ned pakket, slik den kom.", Class: "warn"}))
		case a.TooLarge:
			a.Facts = append(a.Facts, one("Innhold", Span{Text: "For stort til å vises her (mer enn " + limit + ")", Class: "warn"}))
		case a.Data == nil && at.Get("data") != nil:
			a.Facts = append(a.Facts, one("Innhold", Span{Text: "Kan ikke leses", Class: "warn"}))
		}
		a.Facts = append(a.Facts, r.facts(c, "DocumentReference.content")...)
		if first {
			a.Facts = append(a.Facts, r.facts(withoutContent(n), "DocumentReference")...)
		}
		first = false
		if a.URL == "" && at.Get("data") == nil {
			r.page.About = append(r.page.About, Fact{Label: "Dokument", Values: [][]Span{{text(a.Title), {Text: a.Declared, Class: "soft"}}}, Sub: a.Facts})
			continue
		}
		r.page.Attachments = append(r.page.Attachments, a)
	}
	if first { // no content at all
		r.page.About = append(r.page.About, Fact{Label: "Dokument", Values: [][]Span{texts(joinSpans(r.titleOf(e)))}, Sub: r.facts(n, "DocumentReference")})
	}
}

func withoutContent(n *fhir.Node) *fhir.Node {
	out := fhir.NewObject()
	for key, v := range n.Fields() {
		if key != "content" {
			out.Set(key, v)
		}
	}
	return out
}

// unpacked opens a file up to a bound; what is packed and cannot be opened stays as it is, what is no base64 is nil.
func unpacked(f fhir.Attachment) (b []byte, tooLarge bool) {
	b, err := f.Open(MaxUnpacked)
	if err != nil {
		fault, ok := errors.AsType[*samvirke.Fault](err)
		tooLarge = ok && fault.Code == fhir.CodeAttachmentTooLarge
		f.Compression = ""
		b, _ = f.Open(MaxUnpacked)
	}
	return b, tooLarge
}

// safeType looks at the first bytes. What the message says about the type is never believed.
func safeType(b []byte) (contentType string, opens bool) {
	switch t := http.DetectContentType(b); {
	case len(b) == 0:
	case t == "application/pdf", t == "image/png", t == "image/jpeg", t == "image/gif":
		return t, true
	case strings.HasPrefix(t, "text/plain") && utf8.Valid(b) && !bytes.Contains(b, []byte("<")):
		return "text/plain; charset=utf-8", true
	}
	return "application/octet-stream", false
}

// fileName makes a harmless name of a title.
func fileName(title, contentType, declared string) string {
	clean := strings.Map(func(c rune) rune {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_':
			return c
		case c == 'æ' || c == 'å':
			return 'a'
		case c == 'ø':
			return 'o'
		}
		return '-'
	}, strings.TrimSpace(title))
	clean = strings.Trim(clean, "-")
	if len(clean) > 60 {
		clean = clean[:60]
	}
	if clean == "" {
		clean = "vedlegg"
	}
	ext := map[string]string{"application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif"}[contentType]
	switch {
	case ext != "":
	case strings.HasPrefix(contentType, "text/plain"):
		ext = ".txt"
	case strings.Contains(declared, "xml"):
		ext = ".xml"
	default:
		ext = ".bin"
	}
	return clean + ext
}
