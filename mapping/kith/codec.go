package kith

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// scalarCodec is a primitive in an element's text, or in its attribute V.
type scalarCodec struct {
	scalar
	inV bool
}

func (k scalarCodec) parse(b *builder, l *leaf, s slot) {
	text := l.text
	if k.inV {
		v, ok := l.take("V")
		if !ok {
			s.set(nil, lexical(s.arena, "none"))
			return
		}
		text = v
	}
	taken := putScalar(k.scalar, text, s)
	switch k.scalar.(type) {
	case timeScalar:
		if !taken && !isTime(text) {
			b.note(b.here, "time-unread", "this cannot be read as a time; it is carried as written and counts as none")
		}
		if n := edgeNote(text); n != "" {
			b.note(b.here, "ambiguous", n)
		}
	case base64Scalar:
		if strings.ContainsAny(text, " \t\r\n") && isBase64(unwrapped(text)) && wrapForm(text) == "" {
			b.note(b.here, "normalised", "white space inside base64 is not kept")
		}
	}
}

func (k scalarCodec) render(r *reader, s slot) (leaf, bool) {
	text, ok := getScalar(r, k.scalar, s)
	if !k.inV {
		return leaf{text: text}, ok
	}
	if !ok {
		_, ext := s.get()
		return leaf{}, lexicalOf(r, ext) == "none"
	}
	return leaf{attrs: []attr{{"V", text}}}, true
}

func (k scalarCodec) describe() (string, string) { return k.kind(), "" }

// The data types of the tables.

func text() codec     { return scalarCodec{scalar: stringScalar{}} }
func boolean() codec  { return scalarCodec{scalar: boolScalar{}} }
func integer() codec  { return scalarCodec{scalar: intScalar{}} }
func positive() codec { return scalarCodec{scalar: intScalar{positive: true}} }
func decimal() codec  { return scalarCodec{scalar: decimalScalar{}} }
func date() codec     { return scalarCodec{scalar: timeScalar{levelDate}} }
func dateTime() codec { return scalarCodec{scalar: timeScalar{levelDateTime}} }
func instant() codec  { return scalarCodec{scalar: timeScalar{levelInstant}} }
func ts() codec       { return scalarCodec{scalar: timeScalar{levelDateTime}, inV: true} }
func base64() codec   { return scalarCodec{scalar: base64Scalar{}} }

// codingCodec is CS or CV as a Coding: V, S, DN and, in an extension, OT.
type codingCodec struct {
	// list is the code list of a CS and system its code system (see listSystem); both are "" for a CV, which
	// names its own.
	list, system string
}

func cs(list string) codingCodec { return codingCodec{list, listSystem(list)} }
func cv() codec                  { return codingCodec{} }

// listSystem is the code system of a list: its number under the national OID, or one of our own for
// the lists of the schemas that are published without a number.
func listSystem(list string) string {
	if allDigits(list) {
		return fhir.OIDVolven + list
	}
	return fhir.ExtBase + "CodeSystem/" + list
}

// codingKeys is the room of a Coding.
const codingKeys = 3

// systemOf is the system of a CS as a node.
func (k codingCodec) systemOf(a *fhir.Arena) *fhir.Node {
	switch {
	case k.system != "":
		return a.String(k.system)
	case allDigits(k.list):
		return a.Joined(fhir.OIDVolven, k.list)
	}
	return a.String(listSystem(k.list))
}

func (k codingCodec) describe() (string, string) {
	if k.list != "" {
		return "Coding", k.list
	}
	return "Coding", "@S"
}

func (k codingCodec) parse(_ *builder, l *leaf, s slot) { k.fill(l, s, s.object(), true) }

// put fills a Coding; original says whether OT goes here as an extension.
func (k codingCodec) put(l *leaf, n *fhir.Node, original bool) { k.fill(l, slot{}, n, original) }

// fill is put with new nodes from where those of s come from.
func (k codingCodec) fill(l *leaf, s slot, n *fhir.Node, original bool) {
	empty := true
	if k.list != "" {
		n.Set("system", k.systemOf(s.arena))
	} else if v, ok := l.take("S"); ok {
		putSystem(v, s.in(n, "system"))
		empty = false
	}
	if v, ok := l.take("V"); ok {
		putScalar(codeScalar{}, v, s.in(n, "code"))
		empty = false
	}
	if v, ok := l.take("DN"); ok {
		putScalar(stringScalar{}, v, s.in(n, "display"))
		empty = false
	}
	if original && k.list == "" {
		if v, ok := l.take("OT"); ok {
			x := s.arena.Texts("url", extOriginal)
			putScalar(stringScalar{}, v, s.in(x, "valueString"))
			s.arena.Append(n, "extension", x)
			empty = false
		}
	}
	if empty {
		s.arena.Append(n, "extension", lexicalExt(s.arena, formEmpty))
	}
}

func (k codingCodec) render(r *reader, s slot) (leaf, bool) {
	n, _ := s.get()
	return k.get(r, n)
}

func (k codingCodec) get(r *reader, n *fhir.Node) (l leaf, ok bool) {
	if !n.IsObject() || n.Get("system").Text() == fhir.SystemSection {
		return l, false
	}
	add := func(name string, sc scalar, key string) {
		if t, ok := getScalar(r, sc, slot{obj: n, key: key, index: -1}); ok {
			l.attrs = append(l.attrs, attr{name, t})
		}
	}
	l.attrs = r.memory.attrs.Take(4)[:0]
	add("V", codeScalar{}, "code")
	if k.list == "" {
		add("S", systemScalar{}, "system")
	} else {
		r.use(n.Get("system"))
	}
	add("DN", stringScalar{}, "display")
	if x := n.Extension(extOriginal); x != nil && k.list == "" {
		add2(r, &l, x)
	}
	return l, len(l.attrs) > 0 || lexicalOf(r, n) == formEmpty
}

func add2(r *reader, l *leaf, x *fhir.Node) {
	if t, ok := getScalar(r, stringScalar{}, slot{obj: x, key: "valueString", index: -1}); ok {
		l.attrs = append(l.attrs, attr{"OT", t})
	}
}

// conceptCodec is CS or CV as a CodeableConcept, OT as its text.
type conceptCodec struct{ codingCodec }

func csConcept(list string) codec { return conceptCodec{cs(list)} }
func cvConcept() codec            { return conceptCodec{codingCodec{}} }

func (k conceptCodec) describe() (string, string) {
	_, codes := k.codingCodec.describe()
	return "CodeableConcept", codes
}

func (k conceptCodec) parse(_ *builder, l *leaf, s slot) {
	n := s.object()
	if ot, ok := l.take("OT"); ok {
		putScalar(stringScalar{}, ot, s.in(n, "text"))
		if len(l.attrs) == 0 {
			return
		}
	}
	c := s.arena.Object(codingKeys)
	k.fill(l, s, c, false)
	s.arena.Append(n, "coding", c)
}

func (k conceptCodec) render(r *reader, s slot) (leaf, bool) {
	n, _ := s.get()
	var l leaf
	ok := false
	for _, c := range n.Get("coding").Items() {
		if l, ok = k.get(r, c); ok {
			break
		}
	}
	if k.list != "" {
		return l, ok
	}
	if ot, has := getScalar(r, stringScalar{}, slot{obj: n, key: "text", index: -1}); has {
		l.attrs = append(l.attrs, attr{"OT", ot})
		ok = true
	}
	return l, ok
}

// mapCodec is a CS whose code FHIR has a code of its own for. The source code stands in an
// extension of the FHIR code; it is used on the way back as long as it means the same.
type mapCodec struct {
	list string
	// pairs are source code, FHIR code, display of the source code; the first pair of a FHIR code is
	// the one written when only the FHIR code is known.
	pairs [][3]string
	other string // FHIR code for source codes not listed; "" = no value
	none  string // FHIR code of a resource whose source says nothing; it is not rendered
}

func (k mapCodec) describe() (string, string) {
	var b strings.Builder
	for i, p := range k.pairs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p[0] + "=" + p[1])
	}
	return "code", k.list + ": " + b.String()
}

func (k mapCodec) to(code string) string {
	for _, p := range k.pairs {
		if p[0] == code {
			return p[1]
		}
	}
	return k.other
}

func (k mapCodec) parse(_ *builder, l *leaf, s slot) {
	c := s.arena.Object(codingKeys)
	codingCodec{list: k.list}.fill(l, s, c, false)
	var v *fhir.Node
	if f := k.to(c.Get("code").Text()); f != "" {
		v = s.arena.String(f)
	}
	x := s.arena.Texts("url", extSource)
	x.Set("valueCoding", c)
	s.set(v, withExt(s.arena, x))
}

func (k mapCodec) render(r *reader, s slot) (leaf, bool) {
	v, ext := s.get()
	src := ext.Extension(extSource).Get("valueCoding")
	if src != nil && k.to(src.Get("code").Text()) == v.Text() {
		if l, ok := cs(k.list).get(r, src); ok {
			r.use(v)
			return l, true
		}
	}
	if v == nil {
		return leaf{}, false
	}
	for _, p := range k.pairs {
		if p[1] == v.Text() && p[1] != k.none {
			r.use(v)
			return leaf{attrs: []attr{{"V", p[0]}, {"DN", p[2]}}}, true
		}
	}
	return leaf{}, false
}

// codeTextCodec is a CS as a bare FHIR string (country), display in an extension.
type codeTextCodec struct{}

func (codeTextCodec) describe() (string, string) { return "string", "" }

func (codeTextCodec) parse(_ *builder, l *leaf, s slot) {
	v, hasV := l.take("V")
	dn, hasDN := l.take("DN")
	tmp := s.arena.Object(usualKeys)
	if hasV {
		putScalar(stringScalar{}, v, s.in(tmp, "v"))
	}
	val, ext := tmp.Get("v"), tmp.Get("_v")
	if hasDN {
		x := s.arena.Texts("url", extDisplay)
		putScalar(stringScalar{}, dn, s.in(x, "valueString"))
		if ext == nil {
			ext = s.arena.Object(usualKeys)
		}
		s.arena.Append(ext, "extension", x)
	}
	if val == nil && ext == nil {
		ext = lexical(s.arena, "none")
	}
	s.set(val, ext)
}

func (codeTextCodec) render(r *reader, s slot) (leaf, bool) {
	var l leaf
	if t, ok := getScalar(r, stringScalar{}, s); ok {
		l.attrs = append(l.attrs, attr{"V", t})
	}
	_, ext := s.get()
	if x := ext.Extension(extDisplay); x != nil {
		if t, ok := getScalar(r, stringScalar{}, slot{obj: x, key: "valueString", index: -1}); ok {
			l.attrs = append(l.attrs, attr{"DN", t})
		}
	}
	return l, len(l.attrs) > 0 || lexicalOf(r, ext) == "none"
}

// quantityCodec is PQ as a Quantity.
type quantityCodec struct{}

func quantity() codec { return quantityCodec{} }

func (quantityCodec) describe() (string, string) { return "Quantity", "" }

func (quantityCodec) parse(_ *builder, l *leaf, s slot) {
	n := s.object()
	v, hasV := l.take("V")
	if hasV {
		putScalar(decimalScalar{}, v, s.in(n, "value"))
	}
	u, hasU := l.take("U")
	if hasU {
		putScalar(stringScalar{}, u, s.in(n, "unit"))
	}
	if !hasV && !hasU {
		s.arena.Append(n, "extension", lexicalExt(s.arena, formEmpty))
	}
}

func (quantityCodec) render(r *reader, s slot) (leaf, bool) {
	n, _ := s.get()
	var l leaf
	if t, ok := getScalar(r, decimalScalar{}, slot{obj: n, key: "value", index: -1}); ok {
		l.attrs = append(l.attrs, attr{"V", t})
	}
	if t, ok := getScalar(r, stringScalar{}, slot{obj: n, key: "unit", index: -1}); ok {
		l.attrs = append(l.attrs, attr{"U", t})
	}
	return l, len(l.attrs) > 0 || lexicalOf(r, n) == formEmpty
}
