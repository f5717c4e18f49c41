package kith

import (
	"strconv"

	"github.com/beevik/etree"
)

// Values of the generated messages.

func (f *full) leaf(e *etree.Element, row *el) {
	f.n++
	n := strconv.Itoa(f.n)
	c := f.bare(row.codec)
	switch k := c.(type) {
	case freeCode, freeConcept:
		e.CreateAttr("V", "K"+n)
		e.CreateAttr("DN", "vist "+n)
	case codingCodec, conceptCodec, listCoding:
		f.coded(e, row, n, c)
	case mapCodec:
		e.CreateAttr("V", k.pairs[f.n%len(k.pairs)][0])
		e.CreateAttr("DN", "vist "+n)
	case codeTextCodec:
		e.CreateAttr("V", "K"+n)
		e.CreateAttr("DN", "vist "+n)
	case quantityCodec:
		e.CreateAttr("V", n+".50")
		e.CreateAttr("U", "mg")
	case idTypeCodec:
		e.CreateAttr("V", []string{"HER", "FNR", "XYZ"}[f.n%3])
		e.CreateAttr("DN", "type "+n)
	case reportText:
		f.markup(e, row, f.version >= "1.1")
	case identTypeCodec:
		e.CreateAttr("V", []string{"HER", "FNR", "XYZ"}[f.n%3])
		e.CreateAttr("S", "2.16.578.1.12.4.1.1.8116")
		e.CreateAttr("DN", "type "+n)
	case telecomCodec:
		e.CreateAttr("V", []string{"tel:7355", "7355", "mailto:a@example.org", "x:y"}[f.n%4]+n)
	case saidCodec:
		f.markup(e, row, f.version >= k.markupSince)
	case foreignCodec: // anything with a published schema that is no payload of this kind
		e.AddChild(f.unread(n))
	case scalarCodec:
		if _, is := k.scalar.(boolScalar); is && k.inV {
			e.CreateAttr("V", []string{"true", "false"}[f.n%2])
			return
		}
		if k.inV {
			e.CreateAttr("V", []string{"2026-03-29T10:00:0", "2026-11-21T07:30:0"}[f.n%2]+strconv.Itoa(f.n%10)+[]string{"", "Z", "+02:00"}[f.n%3])
			return
		}
		e.SetText(f.text(row))
	default:
		e.SetText(f.text(row))
	}
}

// bare is a codec without what is around it.
func (f *full) bare(c codec) codec {
	switch k := c.(type) {
	case fallback:
		return f.bare(k.codec)
	case eventCode:
		return k.codec
	case fallbackText:
		return k.codec
	case assessedCodec:
		return k.codec
	case noticeType:
		return k.codec
	case topicCodec:
		return k.codec
	case ownVersion:
		return k.codec
	case migText:
		return k.codec
	case referralID:
		return k.codec
	case mainOnly:
		return k.codec
	case itemType:
		return k.codec
	case typeCodec:
		return k.codingCodec
	case codeOrText:
		return k.codingCodec
	case dayText:
		return k.codec
	case until:
		return f.bare(k.at(f.version))
	}
	return c
}

// markup is a text, sometimes with markup where that is allowed.
func (f *full) markup(e *etree.Element, row *el, allowed bool) {
	if f.n%3 > 0 || !allowed {
		e.SetText(f.text(row))
		return
	}
	div := e.CreateElement("div")
	div.CreateAttr("xmlns", nsXHTML)
	div.CreateElement("p").SetText(f.text(row))
	div.CreateElement("br")
}

// unread is XML that no row of the kinds with further documents takes. It is of no namespace that differs between the
// versions of the kind, so that a message in the other version is told apart from what it carries.
func (f *full) unread(n string) *etree.Element {
	if f.r.names["po"] != "" {
		e := etree.NewElement("d:Dialogmelding")
		e.CreateAttr("xmlns:d", kithNS+"/dialog/2006-10-11")
		e.CreateElement("d:Notat").CreateElement("d:TemaKodet").CreateAttr("V", n)
		e.ChildElements()[0].CreateElement("d:TekstNotatInnhold").SetText("Tekst " + n + " <&>\n\"æ\"")
		return e
	}
	e := etree.NewElement("MeldingFravar")
	e.CreateAttr("xmlns", kithNS+"/po/MeldingFravar/2009-06-30")
	e.CreateAttr("xmlns:po", kithNS+"/po/poKomponent/2009-06-30")
	e.CreateElement("po:InformasjonOmForsendelsen").CreateElement("po:Forsendelsesstatus").CreateAttr("V", "N")
	a := e.CreateElement("po:Fraversassistent")
	a.CreateElement("po:MottakerFravarende").SetText("true")
	a.CreateElement("po:Merknad").SetText("Tekst " + n + " <&>\n\"æ\"")
	return e
}

func (f *full) coded(e *etree.Element, row *el, n string, c codec) {
	list := "1"
	switch k := c.(type) {
	case codingCodec:
		list = k.list
	case conceptCodec:
		list = k.list
	}
	e.CreateAttr("V", "K"+n)
	if row.name == "Type" && e.Parent().Tag == "MsgInfo" {
		e.CreateAttr("V", f.kind)
	}
	if row.name == "Type" && e.Parent().Tag == "Message" {
		code, _ := typeCode(f.kind, f.version)
		e.CreateAttr("V", code)
	}
	if row.name == "Forsendelsesstatus" || row.name == "ServType" && e.Parent().Parent().Tag != "ReqServ" {
		e.CreateAttr("V", "N")
	}
	if row.name == "MsgType" {
		e.CreateAttr("V", "XML")
	}
	if list == "1" || list == "" {
		if f.n%2 == 0 {
			e.CreateAttr("S", "2.16.578.1.12.4.1.1."+n)
		}
		e.CreateAttr("OT", "som sagt "+n)
	}
	e.CreateAttr("DN", "vist "+n)
}
