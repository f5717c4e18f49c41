package fhirxml

import (
	"github.com/samvirke/samvirke"
)

// Note says what Render did not simply carry. Its fields are those of mapping.Note.
type Note struct {
	// Path is the FHIR path: "Patient.name[0].family".
	Path string `json:"path"`
	// Code is NoteNotCarried, NoteJSONType or NoteNarrative.
	Code string `json:"code"`
	Text string `json:"text"`
}

// Codes of a Note.
const (
	NoteNotCarried = "not-carried" // XML has no place for it
	NoteJSONType   = "json-type"   // carried, but JSON had a text for a number or the other way: it comes back as its type
	NoteNarrative  = "narrative"   // the narrative was changed to be XML: namespace added, named character written as number
)

// Fault codes of Parse and Render, all of class Invalid with receipt code T01. The first nine
// are those of other XML formats, too.
const (
	CodeTooLarge          = "too-large"
	CodeTooManyElements   = "too-many-elements"
	CodeTooManyAttributes = "too-many-attributes"
	CodeTooDeep           = "too-deep"
	CodeDoctype           = "doctype"
	CodeEncoding          = "encoding" // FHIR is UTF-8
	CodeNotXML            = "not-xml"
	CodeNotWellFormed     = "not-well-formed"
	CodeTwoRoots          = "two-roots"

	CodeNamespace        = "fhir-namespace"         // an element outside the namespace of FHIR
	CodeUnknownType      = "fhir-unknown-type"      // no resource of R4
	CodeUnknownElement   = "fhir-unknown-element"   // the type has no such element
	CodeUnknownAttribute = "fhir-unknown-attribute" // the element has no such attribute
	CodeOrder            = "fhir-order"             // an element stands after one that it must precede
	CodeRepeated         = "fhir-repeated"          // more than one of what may stand once
	CodeEmpty            = "fhir-empty"             // neither value nor content
	CodeText             = "fhir-text"              // text between elements
	CodeValue            = "fhir-value"             // no boolean or number where the type demands one
	CodeNarrative        = "fhir-narrative"         // the narrative is no div of XHTML
)

const (
	nsFHIR  = "http://hl7.org/fhir"
	nsXHTML = "http://www.w3.org/1999/xhtml"
	nsXSI   = "http://www.w3.org/2001/XMLSchema-instance"
	nsXML   = "http://www.w3.org/XML/1998/namespace"
)

func fault(code, safe string) *samvirke.Fault {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: code, Safe: safe, Receipt: "T01"}
}
