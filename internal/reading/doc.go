// Package reading makes a page that people read out of a canonical message: what a nurse, a doctor or
// a case handler wants to see, in Norwegian, from the FHIR form alone. A message that came as FHIR
// is read the same way as one that came as XML.
//
// The page is built by a walk over the Composition's sections with blocks of their own for what people
// look for first (sender and receiver, patient, stay and events, diagnoses, medicines, function,
// relatives, attachments). What no block knows is shown by name and value, so nothing in a message
// is dropped: each text leaf is on the page, or its path is in the list of technical paths
// (technical.go), which says why. A test holds every published example against that.
//
// Texts are escaped by html/template. Narratives are cut down to a few harmless elements; what a browser
// could run or load is never written. The page needs no script, loads nothing, prints on A4
// and is readable at 320 px. Nothing here does I/O.
package reading
