package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
)

// adjust gives a written message another id and another receiver where the target says so. A
// receiver that the message names already, also as a copy receiver, leaves the addresses as they are.
func adjust(root *etree.Element, t mapping.Target) {
	info := childNamed(root, "MsgInfo")
	if info == nil {
		return
	}
	if id := childNamed(info, "MsgId"); t.NewID != "" && id != nil {
		id.SetText(t.NewID)
	} else if gen := childNamed(info, "GenDate"); t.NewID != "" && gen != nil {
		id = etree.NewElement("MsgId")
		id.SetText(t.NewID)
		info.InsertChildAt(gen.Index()+1, id)
	}
	if t.To == nil || len(t.To.Levels) == 0 {
		return
	}
	old := info.SelectElements("Receiver")
	others := info.SelectElements("OtherReceiver")
	for _, e := range append(old, others...) {
		if her := t.To.HER(); her != "" && headAddress(e).HER() == her {
			return
		}
	}
	for _, o := range others {
		info.RemoveChild(o)
	}
	r := etree.NewElement("Receiver")
	addressTo(r, *t.To)
	if len(old) == 0 {
		info.AddChild(r)
		return
	}
	info.InsertChildAt(old[0].Index(), r)
	info.RemoveChild(old[0])
}

// addressTo writes the levels of an address, each inside the one before.
func addressTo(e *etree.Element, a samvirke.Address) {
	for i, l := range a.Levels {
		if l.Kind == "person" {
			p := e.CreateElement("HealthcareProfessional")
			putText(p, "FamilyName", either(l.FamilyName, l.Name))
			putText(p, "MiddleName", l.MiddleName)
			putText(p, "GivenName", l.GivenName)
			putIdents(p, l.IDs)
			return
		}
		o := e.CreateElement("Organisation")
		o.CreateElement("OrganisationName").SetText(l.Name)
		putIdents(o, l.IDs)
		if i < len(a.Levels)-1 {
			e = o
		}
	}
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func putText(e *etree.Element, name, value string) {
	if value != "" {
		e.CreateElement(name).SetText(value)
	}
}

func putIdents(e *etree.Element, ids []samvirke.Identifier) {
	for _, id := range ids {
		i := e.CreateElement("Ident")
		i.CreateElement("Id").SetText(id.Value)
		t := i.CreateElement("TypeId")
		list := "9051"
		switch id.Type {
		case "FNR", "DNR", "FHN", "HNR", "HPR", "DUF":
			list = "8116"
		}
		t.CreateAttr("V", id.Type)
		t.CreateAttr("S", "2.16.578.1.12.4.1.1."+list)
		t.CreateAttr("DN", identName(id.Type))
	}
}
