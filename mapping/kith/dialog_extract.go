package kith

import "slices"

// Components of the record that follow the dialogue message in an extract.

// extractDocuments are the documents of an extract whose content has a home in FHIR.
func extractDocuments() []knownDocument {
	const epj = kithNS + "/epj/"
	drugs, given := medicine(), administered()
	given.setCard("*")
	return []knownDocument{
		{epj + "EPJEkstrakt/2008-02-20#Node", outline()},
		{epj + "epj1/2008-02-20#Cave", group("epj1", "Cave", "1", docSection{"Cave"}, component(cave()...)...)},
		{epj + "epj2/2008-02-20#Notater", group("epj2", "Notater", "1", docSection{"Notater"}, component(recordNote())...)},
		{epj + "epj3/2008-02-20#Legemidler", group("epj3", "Legemidler", "1", docSection{"Legemidler"}, component(drugs, given)...)},
		{epj + "EPJTilleggsinfo/2008-02-20#tilleggsinfoEPJKomponent", supplement()},
	}
}

// recordNote is journalNote where the schema wants at least one.
func recordNote() *el {
	n := journalNote()
	n.setCard("+")
	return n
}

// outline is the tree that says which components the extract has and how they belong together.
func outline() *el {
	node := group("epjs", "Node", "*", to("%node[]"), componentIn("%")...)
	node.kids = append(node.kids, node)
	top := group("epjs", "Node", "*", to("@node[]"), componentIn("%")...)
	top.kids = append(top.kids, node)
	return group("epjs", "Node", "1", inline{}, component(top)...)
}

// supplement is further information on a component: how long it holds and what it replaces.
func supplement() *el {
	e := group("epjt", "tilleggsinfoEPJKomponent", "1", inline{}, component(
		leafEl("epjt", "tilhorerKomponent", "?", text(), "@belongs-to.valueString"),
		group("epjt", "gyldighetsperiode", "*", to("@valid[]"),
			leafEl("epjt", "gyldigFra", "?", dateTime(), "valuePeriod.start"),
			leafEl("epjt", "gyldigTil", "?", dateTime(), "valuePeriod.end"),
		),
		group("epjt", "epjLink", "*", to("@record-link[]"), append(linkRows(),
			leafEl("epjt", "merknad", "?", text(), "%remark.valueString"),
			leafEl("epjt", "linkFraKomponent", "?", text(), "%from.valueString"))...),
		group("epjt", "komponentlink", "*", to("@component-link[]"), linkRows()...),
	)...)
	e.kids = slices.DeleteFunc(e.kids, func(k *el) bool { return k.name == "@m1:informasjonskategori" }) // it has no category
	return e
}

func linkRows() []*el {
	return []*el{
		leafEl("epjt", "linkTilKomponent", "1", text(), "%to.valueString"),
		leafEl("epjt", "linktype", "1", cv(), "%type.valueCoding"),
		leafEl("epjt", "linkstyrke", "?", cs("9206"), "%strength.valueCoding"),
	}
}
