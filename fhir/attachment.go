package fhir

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/samvirke/samvirke"
)

// Codes of what is wrong with an attachment; stable.
const (
	CodeAttachmentBase64    = "attachment-base64"     // the content is no base64
	CodeAttachmentUnpack    = "attachment-unpack"     // the content is not compressed the way it says, or is cut off
	CodeAttachmentPacking   = "attachment-packing"    // the way of compression is not in code list 1204
	CodeAttachmentTooLarge  = "attachment-too-large"  // the content is larger than the reader takes
	CodeAttachmentElsewhere = "attachment-elsewhere"  // the content lies somewhere else and is not fetched
	CodeAttachmentEmpty     = "attachment-no-content" // there is neither content nor a place where it lies
)

// DefaultMaxAttachment is how large an opened attachment may be when nobody says. Unit: bytes.
const DefaultMaxAttachment = 32 << 20

// Extensions of a DocumentReference that matter here.
const (
	extCompression    = ExtBase + "StructureDefinition/compression"     // valueCoding, code list 1204
	extFurtherContent = ExtBase + "StructureDefinition/further-content" // valueBase64Binary: a second content of the same document
)

// Attachment is one file that a DocumentReference holds or points to.
type Attachment struct {
	// Title and Type are what the sender says about it: Type is a media type and may be wrong; see MediaType.
	Title, Type string
	// Compression is the code of list 1204 that the sender gives: DF deflate, GZ gzip, Z compress; "" for none.
	Compression string
	// URL is where the content lies when it is not here. Nothing ever fetches it.
	URL string
	// Place is where the content stands in the resource, "content[0].attachment.data"; "" when it is not here.
	Place string
	data  *Node
}

// Attachments lists the files of a DocumentReference, in order, without opening them.
func Attachments(doc *Node) []Attachment {
	var out []Attachment
	packing := ""
	if c := doc.Extension(extCompression).Get("valueCoding"); c != nil {
		packing = strings.TrimSpace(c.Get("code").Text())
		if packing == "" {
			packing = "?"
		}
	}
	for i, c := range doc.Get("content").Items() {
		at := c.Get("attachment")
		a := Attachment{Title: at.Get("title").Text(), Type: at.Get("contentType").Text(), Compression: packing, URL: at.Get("url").Text()}
		if a.data = at.Get("data"); a.data != nil {
			a.Place = "content[" + strconv.Itoa(i) + "].attachment.data"
		} else if at.Get("_data") != nil {
			a.data, a.Place = asWritten(at.Get("_data")), "content["+strconv.Itoa(i)+"].attachment._data"
		}
		out = append(out, a)
	}
	for i, x := range doc.Get("extension").Items() {
		if x.Get("url").Text() != extFurtherContent {
			continue
		}
		a := Attachment{Compression: packing, Place: "extension[" + strconv.Itoa(i) + "].valueBase64Binary", data: x.Get("valueBase64Binary")}
		if a.data == nil {
			a.data = asWritten(x.Get("_valueBase64Binary"))
		}
		if len(out) > 0 {
			a.Title, a.Type = out[0].Title, out[0].Type
		}
		out = append(out, a)
	}
	return out
}

// asWritten is the text of a primitive that its type cannot carry.
func asWritten(extra *Node) *Node { return extra.Extension(ExtAsWritten).Get("valueString") }

// Open gives the bytes of a file, unpacked when the sender compressed them. max bounds them, packed and unpacked,
// before memory is spent; 0 means DefaultMaxAttachment. Errors are Faults of class Invalid with one of the
// codes above.
func (a Attachment) Open(max int) ([]byte, error) {
	if max <= 0 {
		max = DefaultMaxAttachment
	}
	packed, err := a.raw(max)
	if err != nil || a.Compression == "" {
		return packed, err
	}
	return unpack(packed, a.Compression, max)
}

// Head gives up to n of the first bytes of a file as the sender packed it, to tell what it is, and demands that all of it
// is base64.
func (a Attachment) Head(n int) ([]byte, error) {
	b, err := a.raw(math.MaxInt / 4)
	return b[:min(n, len(b))], err
}

// raw gives the bytes of a file as the sender packed them.
func (a Attachment) raw(max int) ([]byte, error) {
	text := a.data.Text()
	switch {
	case a.data == nil && a.URL != "":
		return nil, badFile(CodeAttachmentElsewhere, "the file lies elsewhere and is not fetched", nil)
	case strings.TrimSpace(text) == "":
		return nil, badFile(CodeAttachmentEmpty, "the attachment has no content", nil)
	case len(text) > 2*max+1024: // four thirds, and white space
		return nil, badFile(CodeAttachmentTooLarge, "the attachment is larger than this reader takes", nil)
	}
	b, err := DecodeBase64(text)
	if err != nil {
		return nil, badFile(CodeAttachmentBase64, "the content of the attachment is no base64", err)
	}
	if len(b) > max {
		return nil, badFile(CodeAttachmentTooLarge, "the attachment is larger than this reader takes", nil)
	}
	return b, nil
}

// DecodeBase64 reads base64 with or without white space in it.
func DecodeBase64(text string) ([]byte, error) {
	if strings.ContainsAny(text, " \t\r\n") {
		text = strings.Join(strings.Fields(text), "")
	}
	return base64.StdEncoding.DecodeString(text)
}

// MediaType tells the media type of a file by its first bytes, "" when they do not tell. What a sender
// says is no reason to show a file as that: a type says how a program shall run it.
func MediaType(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if t := http.DetectContentType(b); t != "application/octet-stream" {
		return t
	}
	if bytes.HasPrefix(b, []byte("II*\x00")) || bytes.HasPrefix(b, []byte("MM\x00*")) {
		return "image/tiff"
	}
	return ""
}

// Sum gives size and SHA-1 as Attachment.size and Attachment.hash have them.
//
// Source: FHIR R4, Attachment: of the bytes before base64 encoding.
func Sum(b []byte) (size int, hash string) {
	sum := sha1.Sum(b)
	return len(b), base64.StdEncoding.EncodeToString(sum[:])
}

func badFile(code, safe string, err error) error {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: safe, Err: err}
}
