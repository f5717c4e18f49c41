package kith

import (
	"strconv"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// attachment is a Document that holds a file or points to one.
//
// Source: standards/no README section 2.
func attachment() *el {
	const file = "content[0].attachment."
	return group("mh", "Document", "*", to("focus[]>DocumentReference"),
		leafEl("mh", "DocumentConnection", "?", cs("4702"), "@document-connection.valueCoding"),
		leafEl("mh", "ContentType", "?", cvConcept(), "type"),
		leafEl("mh", "ContentDescription", "?", text(), "description"),
		leafEl("mh", "ContentCategory", "?", cvConcept(), "category[0]"),
		leafEl("mh", "Consent", "?", cv(), "@consent.valueCoding"),
		leafEl("mh", "Annotation", "?", text(), "@remark.valueString"),
		leafEl("mh", "FromDate", "?", ts(), "context.period.start"),
		leafEl("mh", "ToDate", "?", ts(), "context.period.end"),
		leafEl("mh", "OidRef", "?", text(), "@oid-ref.valueString"),
		leafEl("mh", "EnquiryRefId", "?", text(), "@enquiry-ref.valueString"),
		group("mh", "RefDoc", "1", inline{},
			leafEl("mh", "IssueDate", "?", ts(), file+"creation"),
			leafEl("mh", "MsgType", "1", fallback{cs("8114"), []attr{{"V", "A"}, {"DN", "Vedlegg"}}}, "@msg-type.valueCoding"),
			leafEl("mh", "Id", "?", text(), "masterIdentifier.value"),
			leafEl("mh", "MimeType", "?", scalarCodec{scalar: codeScalar{}}, file+"contentType"),
			leafEl("mh", "Description", "?", text(), file+"title"),
			leafEl("mh", "Compression", "?", cs("1204"), "@compression.valueCoding"),
			leafEl("mh", "FileReference", "?", scalarCodec{scalar: uriScalar{}}, file+"url").remark("never fetched"),
			group("mh", "Content", "?", inline{},
				leafEl("b64", "Base64Container", "?", base64(), file+"data").when(isFirst),
				leafEl("b64", "Base64Container", "*", base64(), "@further-content[].valueBase64Binary").remark("after the first"),
			),
		),
	)
}

// finishDocument gives a DocumentReference the content that FHIR demands, and size and hash to what it holds:
// of the bytes as they are packed, which are what its data is.
func finishDocument(a *fhir.Arena, n *fhir.Node) {
	if n.Get("content") == nil {
		content := a.Object(usualKeys)
		content.Set("attachment", withExt(a, absent(a)))
		n.Set("content", a.Array(content))
		return
	}
	for _, c := range n.Get("content").Items() {
		at := c.Get("attachment")
		data := at.Get("data")
		if at == nil {
			c.Set("attachment", withExt(a, absent(a)))
		}
		if data == nil {
			continue
		}
		if b, err := fhir.DecodeBase64(data.Text()); err == nil {
			size, hash := fhir.Sum(b)
			at.Set("size", fhir.Number(strconv.Itoa(size)))
			at.Set("hash", a.String(hash))
		}
	}
}

// checkAttachments warns of files that nobody will be able to open, or that lie elsewhere. They are carried all
// the same. What is compressed is not opened here.
func checkAttachments(p *mapping.Parsed) {
	if p.Bundle == nil {
		return
	}
	files := 0
	for _, e := range p.Bundle.Entries() {
		if e.Type != "DocumentReference" {
			continue
		}
		for _, a := range fhir.Attachments(e.Resource) {
			files++
			if code, text := attachmentProblem(a); code != "" {
				p.Warnings = append(p.Warnings, &samvirke.Fault{
					Class: samvirke.Invalid, Code: code, Safe: text + " (attachment " + strconv.Itoa(files) + ")", Path: "RefDoc",
				})
			}
		}
	}
}

// checkFurther warns of professional messages after the first. The standard has one, in the first document; a further one is
// no reason to refuse the message, but it must not pass for a part of the first either: it is carried as it is.
//
// Source: standards/no README sections 2 and 7.3 rule 2.
func (f *Format) checkFurther(src *source, warn func(code, path, text string)) {
	for i, d := range src.root.SelectElements("Document") {
		format := ""
		if i > 0 {
			format = formatOf(d)
		}
		uri, tag, _ := strings.Cut(format, "#")
		if tag == "" {
			continue
		}
		for _, t := range f.tables {
			if known, _ := t.knows(uri); known && t.payload == tag {
				warn("second-message", "/MsgHead/Document/RefDoc/Content/"+tag, "a message inside the message is carried and not read")
				break
			}
		}
	}
}

// attachmentProblem is what is wrong with a file as far as it can be told without unpacking it.
func attachmentProblem(a fhir.Attachment) (code, text string) {
	if a.Place == "" {
		if a.URL != "" {
			return fhir.CodeAttachmentElsewhere, "a file lies elsewhere and is not fetched"
		}
		return "", ""
	}
	switch a.Compression {
	case "", "DF", "GZ", "Z":
	default:
		return fhir.CodeAttachmentPacking, "a file is compressed in a way that code list 1204 does not have"
	}
	head, err := a.Head(512)
	switch {
	case err != nil:
		f := samvirke.FaultOf(err)
		return f.Code, f.Safe
	case a.Compression != "":
		return "", ""
	}
	said, _, _ := strings.Cut(strings.ToLower(a.Type), ";")
	is := fhir.MediaType(head)
	switch said = strings.TrimSpace(said); {
	case isSigned(said) && is != signedType(said), isSigned(is) && said != "" && signedType(said) != is:
		return "attachment-content", "a file is not what it says to be"
	}
	return "", ""
}

// signedType is the registered name of a type that messages also call otherwise.
func signedType(said string) string {
	switch said {
	case "image/jpg", "image/pjpeg":
		return "image/jpeg"
	case "application/x-pdf", "text/pdf":
		return "application/pdf"
	}
	return said
}

// isSigned tells the types whose first bytes always say what they are.
func isSigned(mime string) bool {
	switch signedType(mime) {
	case "application/pdf", "image/jpeg", "image/png", "image/gif", "image/tiff":
		return true
	}
	return false
}
