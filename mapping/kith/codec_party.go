package kith

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// identTypeCodec is the type of an Ident: identifier.type holds the coding as written,
// identifier.system the system that belongs to it.
type identTypeCodec struct{}

func (identTypeCodec) describe() (string, string) {
	return "CodeableConcept", "8116/9051, which gives identifier.system"
}

func (identTypeCodec) parse(b *builder, l *leaf, s slot) {
	conceptCodec{}.parse(b, l, s)
	if sys := fhir.SystemOf(s.obj.At("type.coding.0.code").Text()); sys != "" {
		s.obj.Set("system", s.arena.String(sys))
	}
}

// render prefers the type as written; when the system was changed to another known one, or
// there is no type, the type follows from the system.
func (identTypeCodec) render(r *reader, s slot) (leaf, bool) {
	r.use(s.obj.Get("system"))
	typ := fhir.TypeOf(s.obj.Get("system").Text())
	code := s.obj.At("type.coding.0.code").Text()
	if typ == "" || code != "" && fhir.SystemOf(code) == s.obj.Get("system").Text() {
		return conceptCodec{}.render(r, s)
	}
	list := "8116"
	switch typ {
	case fhir.TypeHER, fhir.TypeENH, fhir.TypeRSH:
		list = "9051"
	}
	return leaf{attrs: []attr{{"V", typ}, {"S", strings.TrimPrefix(fhir.OIDVolven, fhir.OIDPrefix) + list}, {"DN", identName(typ)}}}, true
}

func identName(typ string) string {
	switch typ {
	case fhir.TypeFNR:
		return "Fødselsnummer"
	case fhir.TypeDNR:
		return "D-nummer"
	case fhir.TypeFHN:
		return "Felles hjelpenummer"
	case fhir.TypeHNR:
		return "H-nummer"
	case fhir.TypeHPR:
		return "HPR-nummer"
	case fhir.TypeHER:
		return "HER-id"
	case fhir.TypeENH:
		return "Organisasjonsnummer"
	}
	return typ
}

// telecomCodec is TeleAddress/@V, "tel:73555555": the scheme becomes the system of the
// ContactPoint. ExtLexical "plain" tells that the source had no scheme.
type telecomCodec struct{}

func (telecomCodec) describe() (string, string) {
	return "ContactPoint.system, value", "tel=phone, fax=fax, mailto=email, sms=sms, http(s)=url"
}

func (telecomCodec) parse(_ *builder, l *leaf, s slot) {
	v, ok := l.take("V")
	if !ok {
		s.set(nil, lexical(s.arena, "none"))
		return
	}
	scheme, rest, has := strings.Cut(v, ":")
	system := ""
	switch scheme {
	case "tel":
		system = "phone"
	case "fax", "sms":
		system = scheme
	case "mailto":
		system = "email"
	case "http", "https":
		system, rest = "url", v
	}
	if !has || system == "" || strings.TrimSpace(rest) == "" {
		system = "other"
		if strings.ContainsAny(v, "0123456789") {
			system = "phone"
		}
		s.obj.Set("system", s.arena.String(system))
		putScalar(stringScalar{}, v, s)
		if v != "" {
			s.set(nil, lexical(s.arena, "plain"))
		}
		return
	}
	s.obj.Set("system", s.arena.String(system))
	putScalar(stringScalar{}, rest, s)
}

func (telecomCodec) render(r *reader, s slot) (leaf, bool) {
	system := r.text(s.obj.Get("system"))
	_, ext := s.get()
	form := lexicalOf(r, ext)
	if form == "none" {
		return leaf{}, true
	}
	v, ok := getScalar(r, stringScalar{}, s)
	if !ok {
		return leaf{}, false
	}
	if form == "" && v != "" {
		v = scheme(system) + v
	}
	return leaf{attrs: []attr{{"V", v}}}, true
}

func scheme(system string) string {
	switch system {
	case "phone":
		return "tel:"
	case "email":
		return "mailto:"
	case "fax", "sms":
		return system + ":"
	}
	return ""
}
