package schema

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"sync"

	"github.com/jacoelho/xsd"
	"github.com/jacoelho/xsd/xsderrors"
)

//go:embed xsd/*.xsd
var files embed.FS

// driver is the schema that imports all others.
const driver = "no-all.xsd"

// Bounds of one check. A message over them is not valid; the texts name the bound.
const (
	// MaxProblems is how many problems of one message are reported; the rest is not looked for.
	MaxProblems = 20
	// MaxDepth is how deep elements may nest.
	MaxDepth = 128
	// MaxAttributes is how many attributes one element may have.
	MaxAttributes = 256
	// MaxText is the largest text or attribute. Unit: bytes. Attachments are base64 in one element.
	MaxText = 64 << 20
	// maxPathName is how much of an element's name is repeated in a path. Unit: bytes.
	maxPathName = 60
	// maxPath is about how long a path may become. Unit: bytes.
	maxPath = 300
)

// Problem is one violation. It holds no value of the message.
type Problem struct {
	// Line is the line in the document, from 1; 0 when unknown.
	Line int
	// Path is the element path ("/MsgHead/MsgInfo"); "" when unknown.
	Path string
	// Code is the kind of mistake, stable: "missing-element", "bad-date". See the table in doc.go.
	Code string
	// Text says what is wrong, in English.
	Text string
}

// String gives line, path and text.
func (p Problem) String() string {
	s := p.Text
	if p.Path != "" {
		s = p.Path + ": " + s
	}
	if p.Line > 0 {
		s = fmt.Sprintf("line %d: %s", p.Line, s)
	}
	return s
}

// Set is the compiled schemas. Safe for concurrent use.
type Set struct {
	compile  func() (*xsd.Engine, error)
	model    func() (*model, error)
	sessions sync.Pool
	walkers  sync.Pool
}

// New returns the embedded schemas. Compiling them takes about 50 ms and is done by the first
// Validate or by Compile, so that commands that never validate start at once. The error is
// that of a binary built without the schemas.
func New() (*Set, error) {
	if _, err := fs.Stat(files, "xsd/"+driver); err != nil {
		return nil, fmt.Errorf("embedded schemas: %w", err)
	}
	return &Set{compile: sync.OnceValues(compile), model: sync.OnceValues(readModel)}, nil
}

// Compile compiles the schemas unless that is done already. A server calls it in the
// background at start, so that the first message does not pay for it.
func (s *Set) Compile() error {
	ours := make(chan error, 1)
	go func() { // as long as the library's, so both at once
		_, err := s.model()
		ours <- err
	}()
	_, err := s.compile()
	return errors.Join(err, <-ours)
}

// fixedReference is an attribute that another file declares and that one component fixes, in practice the type
// number of a record component. The library gets the schemas without: libxml2 does not look at
// such values, so senders that test with it may have others, and nothing depends on them.
var fixedReference = regexp.MustCompile(`(<attribute ref="[^"]*"[^>]*?) fixed="[^"]*"`)

func compile() (*xsd.Engine, error) {
	read := func(name string) (xsd.SchemaSource, error) {
		raw, err := files.ReadFile("xsd/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			return xsd.SchemaSource{}, xsderrors.ErrSchemaNotFound
		}
		return xsd.Bytes(name, fixedReference.ReplaceAll(raw, []byte("$1"))), err
	}
	root, err := read(driver)
	if err != nil {
		return nil, fmt.Errorf("embedded schemas: %w", err)
	}
	engine, err := xsd.Compile(context.Background(), root.WithResolver(xsd.ResolverFunc(
		func(_ context.Context, _, location string) (xsd.SchemaSource, error) { return read(location) })))
	if err != nil {
		return nil, fmt.Errorf("compile schemas: %w", err)
	}
	return engine, nil
}

// Validate checks one document, which must be UTF-8. Nil means valid. The caller has bounded
// the document's size.
func (s *Set) Validate(utf8 []byte) []Problem {
	engine, err := s.compile()
	if err != nil {
		return []Problem{{Code: "internal", Text: "the schemas are not available"}}
	}
	session, _ := s.sessions.Get().(*xsd.Session)
	if session == nil {
		session, err = engine.NewSession(xsd.ValidateOptions{
			MaxErrors: MaxProblems, MaxInstanceDepth: MaxDepth, MaxInstanceAttributes: MaxAttributes,
			MaxInstanceTextBytes: MaxText, MaxInstanceTokenBytes: MaxText, MaxInstanceBytes: 2 * MaxText,
		})
		if err != nil {
			return []Problem{{Code: "internal", Text: "the schemas are not available"}}
		}
	}
	err = session.Validate(context.Background(), bytes.NewReader(utf8))
	s.sessions.Put(session)
	return problems(err)
}

func problems(err error) []Problem {
	if err == nil {
		return nil
	}
	list := []error{err}
	if many, ok := errors.AsType[xsderrors.Errors](err); ok {
		list = many
	}
	out := make([]Problem, 0, len(list))
	for _, e := range list {
		x, ok := errors.AsType[*xsderrors.Error](e)
		if !ok {
			out = append(out, Problem{Code: "invalid", Text: "the document is not valid"})
			continue
		}
		code, text := describe(x)
		out = append(out, Problem{Line: x.Line, Path: safePath(x.Path), Code: code, Text: text})
	}
	return out
}

// describe says what is wrong without repeating anything that stands in the document as a value: the
// validator's own messages quote values for some codes.
func describe(x *xsderrors.Error) (code, text string) {
	switch x.Code {
	case xsderrors.CodeValidationRoot:
		return "unknown-root", "this root element is not known"
	case xsderrors.CodeValidationElement:
		return "unexpected-element", "this element is not allowed here"
	case xsderrors.CodeValidationContent:
		if strings.HasPrefix(x.Message, "missing") {
			return "missing-element", "a required element is missing"
		}
		return "unexpected-element", "an element is not allowed here"
	case xsderrors.CodeValidationAttribute:
		return "bad-attribute", "an attribute is missing, unknown or not allowed"
	case xsderrors.CodeValidationText:
		return "unexpected-text", "text is not allowed here"
	case xsderrors.CodeValidationFacet, xsderrors.CodeValidationType:
		return "bad-value", "a value does not fit its type"
	case xsderrors.CodeValidationIdentity:
		return "bad-reference", "an identifier occurs twice or refers to nothing"
	case xsderrors.CodeValidationNil:
		return "bad-nil", "xsi:nil is not allowed here"
	case xsderrors.CodeValidationLimit:
		return "bound", "the document exceeds a bound on depth, attributes or text"
	case xsderrors.CodeValidationXML:
		return "not-well-formed", "the document is not well-formed XML"
	case xsderrors.CodeUnsupportedDTD, xsderrors.CodeUnsupportedEntity, xsderrors.CodeUnsupportedExternal:
		return "doctype", "document types and entities are not allowed"
	case xsderrors.CodeUnsupportedNonUTF8:
		return "encoding", "the document is not UTF-8"
	}
	return "invalid", "the document is not valid"
}

// safePath drops namespaces and shortens absurd names.
func safePath(p string) string {
	if p == "/" {
		return ""
	}
	var b strings.Builder
	for len(p) > 0 && b.Len() < maxPath {
		if p[0] == '{' {
			if end := strings.IndexByte(p, '}'); end > 0 {
				p = p[end+1:]
				continue
			}
		}
		end := strings.IndexAny(p[1:], "/{") + 1
		if end == 0 {
			end = len(p)
		}
		step := p[:end]
		if len(step) > maxPathName {
			step = strings.ToValidUTF8(step[:maxPathName], "") + "..."
		}
		b.WriteString(step)
		p = p[end:]
	}
	return b.String()
}
