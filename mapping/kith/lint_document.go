package kith

import (
	"bytes"
	b64 "encoding/base64"
	"strings"

	"github.com/beevik/etree"
)

// adviceBytes is the size above which a user is told that the health network may not carry a message.
const adviceBytes = 10 << 20

// bytes advises on the size of the whole message.
func (l *linter) bytes() {
	if l.size > adviceBytes {
		l.find("size", l.root, "")
	}
}

// documents checks the order of the documents of a MsgHead and what is attached.
func (l *linter) documents() {
	l.bytes()
	for i, d := range l.root.SelectElements("Document") {
		ref := childNamed(d, "RefDoc")
		typ := vOf(ref, "MsgType")
		if i == 0 {
			if typ == "A" || childNamed(childNamed(ref, "Content"), "Base64Container") != nil {
				l.find("document-type", elementOr(ref, d), "MsgType")
			}
			continue
		}
		if typ != "XML" {
			l.refDoc(ref)
		}
	}
}

// refDoc checks one attachment.
func (l *linter) refDoc(ref *etree.Element) {
	if ref == nil {
		return
	}
	clinical := l.kind == "DIALOG_HELSEFAGLIG"
	mime := strings.ToLower(childText(ref, "MimeType"))
	mime, _, _ = strings.Cut(mime, ";")
	mime = strings.TrimSpace(mime)
	if mime == "" {
		l.find("attachment-mime", ref, "MimeType")
	}
	content := childNamed(ref, "Content")
	container := childNamed(content, "Base64Container")
	if container == nil {
		if content != nil && len(content.ChildElements()) == 0 {
			l.find("attachment-empty", content, "")
		}
		if clinical && mime != "" && !dialogueMime(mime) {
			l.find("attachment-type", ref, "MimeType")
		}
		return
	}
	packed := strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(textOf(container))
	data, err := b64.StdEncoding.DecodeString(packed)
	if err != nil || len(data) == 0 {
		l.find("attachment-empty", container, "")
		return
	}
	if vOf(ref, "Compression") != "" {
		return // what is packed is judged by its word
	}
	is := sniffMime(data)
	named := map[string]string{"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg"}[mime]
	if named == "" {
		named = mime
	}
	switch {
	case known(named) && is != named:
		l.find("attachment-content", ref, "MimeType")
	case clinical && !dialogueMime(is):
		l.find("attachment-type", ref, "MimeType")
	}
	if is == "application/pdf" && !bytes.Contains(data, []byte("pdfaid")) {
		l.find("attachment-pdf-a", container, "")
	}
}

// known tells the types whose first bytes say what they are.
func known(mime string) bool { return dialogueMime(mime) }

// dialogueMime are the types that the clinical dialogue takes.
//
// Source: standards/no README section 2.
func dialogueMime(mime string) bool {
	switch mime {
	case "application/pdf", "image/jpeg", "image/jpg", "image/pjpeg", "image/png":
		return true
	}
	return false
}

// sniffMime tells PDF, JPEG and PNG by their first bytes; "" for anything else.
func sniffMime(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("%PDF-")):
		return "application/pdf"
	case bytes.HasPrefix(b, []byte{0xff, 0xd8, 0xff}):
		return "image/jpeg"
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	}
	return ""
}
