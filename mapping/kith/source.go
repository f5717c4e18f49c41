package kith

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/beevik/etree"
	"golang.org/x/net/html/charset"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping/kith/xmltree"
)

// Bounds on one message, beside Options.MaxBytes. Real messages stay under 2,000 elements, 20 attributes of an element and 20
// namespaces. The last three keep what is done for each element or attribute, as finding a namespace, from growing with the message.
const (
	maxDepth      = 128     // levels of elements
	maxElements   = 200_000 // elements, counted as "<"/2 before anything is parsed
	maxAttributes = 300_000
	maxOnElement  = 1_000 // attributes of one element, namespace declarations included
	maxNamespaces = 256   // namespace declarations in force at an element
	maxNamespace  = 2_000 // bytes of a namespace
)

// source is a message that is well-formed XML within bounds.
type source struct {
	utf8 []byte // the message in UTF-8, with a declaration that says so
	root *etree.Element
	// doubtful is true when the bytes are valid UTF-8 with characters outside ASCII although
	// another encoding is declared: names may come out wrong, a person should look.
	doubtful bool
	// strict is that of xmltree.Parser.
	strict bool
}

// readSource checks bounds, transcodes and parses. Errors are Faults with receipt code T01. The tree
// is the parser's and gone with its next text.
func readSource(p *xmltree.Parser, raw []byte, maxBytes int) (*source, error) {
	if len(raw) > maxBytes {
		return nil, faultForm("too-large", "the message is larger than this receiver takes", nil)
	}
	text, doubtful, err := toUTF8(raw)
	if err != nil {
		return nil, err
	}
	if err := checkCounts(text); err != nil {
		return nil, err
	}
	if i := doctypeAt(text); i >= 0 {
		f := faultForm("doctype", "a document type declaration is not allowed", nil)
		f.Line = lineAt(text, i)
		return nil, f
	}
	bound(p)
	// Not copied: nobody changes the bytes of a message (mapping.Format), and the tree's texts may keep them.
	root, err := p.Parse(unsafe.String(unsafe.SliceData(text), len(text)))
	if err != nil {
		return nil, faultRead(err)
	}
	return &source{utf8: text, root: root, doubtful: doubtful, strict: p.Strict()}, nil
}

// bound sets what the parser refuses.
func bound(p *xmltree.Parser) {
	p.MaxDepth, p.MaxAttributes, p.MaxSpaces, p.MaxSpace = maxDepth, maxOnElement, maxNamespaces, maxNamespace
}

// checkCounts bounds what a tree may become before one is built.
func checkCounts(text []byte) error {
	if bytes.Count(text, []byte("<")) > 2*maxElements {
		return faultForm("too-many-elements", "the message has too many elements", nil)
	}
	// The one byte is counted far faster than the two that tell an attribute from text.
	if bytes.Count(text, []byte("=")) > maxAttributes && bytes.Count(text, []byte(`="`))+bytes.Count(text, []byte(`='`)) > maxAttributes {
		return faultForm("too-many-attributes", "the message has too many attributes", nil)
	}
	return nil
}

// faultForm is a fault in the form of a message: unreadable XML.
func faultForm(code, safe string, err error) *samvirke.Fault {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: safe, Receipt: "T01", Err: err}
}

// faultRead says in the words of a receipt what the parser found.
func faultRead(err error) error {
	var e *xmltree.Error
	if !errors.As(err, &e) {
		return faultForm("not-well-formed", "the message is not well-formed XML", err)
	}
	switch e.Kind {
	case xmltree.TooDeep:
		return faultForm("too-deep", "the message has too many levels", nil)
	case xmltree.NoRoot:
		return faultForm("not-xml", "the message is not XML", nil)
	case xmltree.TwoRoots:
		return faultForm("two-roots", "the document has more than one root element", nil)
	case xmltree.TextOutside:
		return faultForm("not-well-formed", "there is text outside the root element", nil)
	case xmltree.Directive:
		return faultForm("doctype", "a document type declaration is not allowed", nil)
	case xmltree.ElementPrefix:
		return faultForm("undeclared-prefix", "an element has a prefix that is not declared", nil)
	case xmltree.AttributePrefix:
		return faultForm("undeclared-prefix", "an attribute has a prefix that is not declared", nil)
	case xmltree.AttributeTwice:
		return faultForm("duplicate-attribute", "an element has the same attribute twice", nil)
	case xmltree.TooManyAttributes:
		return faultForm("too-many-attributes", "an element has too many attributes", nil)
	case xmltree.TooManySpaces:
		return faultForm("too-many-namespaces", "the message declares too many namespaces, or one that is too long", nil)
	}
	f := faultForm("not-well-formed", "the message is not well-formed XML", nil)
	f.Line = e.Line
	return f
}

// oneRoot gives the root of a document that etree has read.
func oneRoot(doc *etree.Document) (*etree.Element, error) {
	root, err := xmltree.Root(doc)
	if err != nil {
		return nil, faultRead(err)
	}
	return root, nil
}

// doctypeAt finds a document type declaration in the prolog; -1 when there is none.
// A parser would stop at its entities later, but nothing of it shall be looked at.
func doctypeAt(text []byte) int {
	for i := 0; i < len(text); {
		j := bytes.IndexByte(text[i:], '<')
		if j < 0 {
			return -1
		}
		i += j
		rest := text[i:]
		switch {
		case bytes.HasPrefix(rest, []byte("<!--")):
			end := bytes.Index(rest, []byte("-->"))
			if end < 0 {
				return -1
			}
			i += end + 3
		case bytes.HasPrefix(rest, []byte("<?")):
			end := bytes.Index(rest, []byte("?>"))
			if end < 0 {
				return -1
			}
			i += end + 2
		case bytes.HasPrefix(rest, []byte("<!")):
			return i
		default:
			return -1
		}
	}
	return -1
}

// bareUTF16 tells UTF-16 without a byte order mark by the zero beside the first "<"; "" for anything else.
func bareUTF16(raw []byte) string {
	switch {
	case len(raw) < 4:
	case raw[0] == 0 && raw[1] == '<' && raw[2] == 0 && raw[3] != 0:
		return "utf-16be"
	case raw[0] == '<' && raw[1] == 0 && raw[2] != 0 && raw[3] == 0:
		return "utf-16le"
	}
	return ""
}

// toUTF8 gives the message in UTF-8 with a declaration to match.
func toUTF8(raw []byte) (text []byte, doubtful bool, err error) {
	label := ""
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		raw = raw[3:]
	case bytes.HasPrefix(raw, []byte("\xfe\xff")):
		label = "utf-16be"
	case bytes.HasPrefix(raw, []byte("\xff\xfe")):
		label = "utf-16le"
	default:
		label = bareUTF16(raw)
	}
	if label != "" {
		if raw, err = decode(raw, label); err != nil {
			return nil, false, err
		}
		raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	}
	if len(bytes.TrimSpace(raw)) == 0 || bytes.TrimSpace(raw)[0] != '<' {
		return nil, false, faultForm("not-xml", "the message is not XML", nil)
	}
	declared, from, to := declaredEncoding(raw)
	utf := declared == "" || strings.EqualFold(declared, "utf-8") || strings.EqualFold(declared, "utf8")
	if !utf && label == "" {
		doubtful = utf8.Valid(raw) && !ascii(raw)
		if raw, err = decode(raw, declared); err != nil {
			return nil, false, err
		}
		declared, from, to = declaredEncoding(raw)
	}
	if !utf8.Valid(raw) {
		f := faultForm("encoding", "the bytes are not in the declared encoding", nil)
		f.Line = lineAt(raw, firstInvalid(raw))
		return nil, false, f
	}
	if declared != "" && !strings.EqualFold(declared, "utf-8") {
		out := append([]byte(nil), raw[:from]...)
		out = append(out, "UTF-8"...)
		raw = append(out, raw[to:]...)
	}
	return raw, doubtful, nil
}

func decode(raw []byte, label string) ([]byte, error) {
	r, err := charset.NewReaderLabel(label, bytes.NewReader(raw))
	if err != nil {
		return nil, faultForm("encoding", "the declared encoding is not known", nil)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		return nil, faultForm("encoding", "the bytes are not in the declared encoding", nil)
	}
	return out, nil
}

// declaredEncoding reads the encoding name of the XML declaration and where it stands.
func declaredEncoding(raw []byte) (name string, from, to int) {
	if !bytes.HasPrefix(raw, []byte("<?xml")) {
		return "", 0, 0
	}
	end := bytes.Index(raw, []byte("?>"))
	if end < 0 {
		return "", 0, 0
	}
	i := bytes.Index(raw[:end], []byte("encoding"))
	if i < 0 {
		return "", 0, 0
	}
	q := bytes.IndexAny(raw[i:end], `"'`)
	if q < 0 {
		return "", 0, 0
	}
	from = i + q + 1
	n := bytes.IndexByte(raw[from:end], raw[from-1])
	if n < 0 {
		return "", 0, 0
	}
	return string(raw[from : from+n]), from, from + n
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

func lineAt(text []byte, offset int) int { return bytes.Count(text[:offset], []byte("\n")) + 1 }
