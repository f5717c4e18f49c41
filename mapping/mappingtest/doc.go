// Package mappingtest holds what the tests of the mappings share: the leaves of an XML
// message and how two messages differ in them, the FHIR R4 JSON schema, xmllint with the
// published schemas, and the list of example messages.
//
// It does no mapping and is imported by tests only. What it reads from outside the
// repository (schemas, examples) it finds by SAMVIRKE_SHARED or ../shared beside the
// repository; where that is missing, the calling test is skipped with the reason.
package mappingtest
