// Package definition knows the rules of FHIR as data: which elements a type has, in which order, how
// often, of which type, bound to which codes; and what a profile demands beyond that.
//
// The tables lie compressed in tables/, written by the command in generate/ from the published
// StructureDefinitions, value sets and JSON schema. They hold facts only. Tables of 69 resources and
// all data types come from StructureDefinitions; the other 78 resources of R4 from the JSON schema
// (Type.FromSchema), which does not tell choices and required primitives. Elements that the definition
// files have beyond the standard (a product's own in Meta and Binary) are dropped by comparing the two.
//
// Check holds a resource against R4, CheckProfile against a profile. Both look at structure and
// codes. They do not evaluate FHIRPath invariants, follow references, or ask a terminology server:
// a binding is checked where its codes can be listed. Nothing here does I/O.
package definition
