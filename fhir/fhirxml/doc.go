// Package fhirxml reads and writes FHIR resources in XML, by the element tables of package definition.
//
// Render writes a fhir.Node as XML, Parse reads XML into a fhir.Node. What FHIR allows comes back equal:
// decimals keep their text, ids and extensions of primitives stand where they stood, narrative is
// carried byte for byte. What XML has no place for (elements that R4 does not know, null, a number in a
// text's place) is left out by Render and named in a Note. Parse refuses what it cannot type, with a
// stable code, line and path: a guess would be worse than a refusal.
//
// Not carried by Parse, because JSON has no home for them: comments, processing instructions,
// xsi:schemaLocation, white space between elements.
//
// Source: FHIR R4, sections 2.6.1 (XML) and 2.6.2 (JSON representation).
package fhirxml
