package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// el is one row of an element table: an element (or attribute) of the message, where its
// content stands in FHIR, and how the value is written on both sides. Parser, renderer, notes and
// Table are all read from these rows; nothing else knows the messages.
//
// A row without a name is a choice: its kids are alternatives for one position, either
// elements of the schema or FHIR forms of the same element.
type el struct {
	name string // local name; "@name" or "@m1:name" for an attribute
	ns   string // key of namespaces: "mh", "root", "po", "fk1", "epj1", "epj2", "epj3", "m1"; "" for plain attributes
	// space is ns as a number, see spaceKeys; 0 = not known by number.
	space uint8
	min   int // 0 or 1
	many  bool
	// since is the payload version that brought the element ("1.6"); "" = always there.
	since string
	// until is the last version that has the element; "" = the newest has it too.
	until string
	// manySince is the version from which on the element may repeat; "" = as many says in all.
	manySince string
	// demandedTo is the last version that demands what later ones leave open; "" = none does. standIn is what is
	// written where a version demands the element and FHIR has nothing.
	demandedTo, standIn string

	// A leaf has a codec and a path; a group has kids and a place.
	codec codec
	path  path
	place place
	kids  []*el
	// only: this row is one of several FHIR forms of the same element; it takes the element when only
	// says so. On the way back its place finds its own.
	only func(e *etree.Element) bool
	// after runs when one occurrence has been parsed, to derive what FHIR demands.
	after func(b *builder, c cursor, e *etree.Element)
	note  string // remark for Table
}

// cursor is a place in the FHIR message during a walk.
type cursor struct {
	// res is the resource, obj the object inside it that paths start from.
	res, obj *fhir.Node
	// ref is the reference node that led to res, chain the resources still to come, for
	// organisations inside organisations.
	ref   *fhir.Node
	chain []*fhir.Node
	// order is where the place stands among its alternatives; fixed says that order is its final position.
	order int
	fixed bool
}

// place says where a group stands in FHIR.
type place interface {
	// enter makes the place for one occurrence.
	enter(b *builder, c cursor) cursor
	// each finds the places of all occurrences, in order.
	each(r *reader, c cursor) []cursor
	// describe names the place below a FHIR path, for Table.
	describe(at string) string
}

// codec writes one leaf on both sides.
type codec interface {
	parse(b *builder, e *leaf, s slot)
	// render gives the leaf that stands in s; ok is false when there is nothing.
	render(r *reader, s slot) (l leaf, ok bool)
	// describe gives the data type and code map, for Table.
	describe() (kind, codes string)
}

// leaf is the content of a leaf element: text and attributes. An attribute row has only text.
type leaf struct {
	text  string
	attrs []attr
	// elem is the element that was read; a codec that takes the elements inside it as well sets it to nil.
	// inside are elements and texts to write after text. Both are for mixed content (anyType).
	elem   *etree.Element
	inside []etree.Token
}

type attr struct{ name, value string }

// take gives the value of an attribute and takes it out of the list, which must be the leaf's own.
func (l *leaf) take(name string) (string, bool) {
	for i, a := range l.attrs {
		if a.name == name {
			l.attrs = append(l.attrs[:i], l.attrs[i+1:]...)
			return a.value, true
		}
	}
	return "", false
}

// Shorthands for the tables. Cardinality: "1", "?", "*", "+".

func leafEl(ns, name, card string, c codec, at string) *el {
	e := &el{ns: ns, space: spaceNumber(ns), name: name, codec: c, path: parsePath(at)}
	e.setCard(card)
	return e
}

func group(ns, name, card string, p place, kids ...*el) *el {
	e := &el{ns: ns, space: spaceNumber(ns), name: name, place: p, kids: kids}
	e.setCard(card)
	return e
}

// choice is a position with alternatives.
func choice(card string, alternatives ...*el) *el {
	e := &el{kids: alternatives}
	e.setCard(card)
	return e
}

func (e *el) setCard(card string) {
	e.min, e.many = 0, card == "*" || card == "+"
	if card == "1" || card == "+" {
		e.min = 1
	}
}

// to marks an element that no version after this one has.
func (e *el) to(version string) *el { e.until = version; return e }

// from marks an element that no version before this one has.
func (e *el) from(version string) *el { e.since = version; return e }

// absentIn tells whether a version does not have the element.
func (e *el) absentIn(version string) bool {
	return e.since > version || e.until != "" && e.until < version
}

// in16 marks an element that version 1.5 does not have.
func (e *el) in16() *el { e.since = "1.6"; return e }

// default15 gives the value to write where nothing stands in FHIR: 1.5 demands the element.
func (e *el) default15(v string) *el { e.demandedTo, e.standIn = "1.5", v; return e }

// demandedIn tells whether a version demands the element.
func (e *el) demandedIn(version string) bool { return e.min == 1 || e.demandedTo >= version }

func (e *el) when(only func(*etree.Element) bool) *el { e.only = only; return e }

func (e *el) then(after func(*builder, cursor, *etree.Element)) *el { e.after = after; return e }

func (e *el) remark(s string) *el { e.note = s; return e }
