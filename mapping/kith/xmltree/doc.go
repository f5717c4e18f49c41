// Package xmltree reads XML text into an etree tree: in one pass, without copying what stands in
// the text, and into memory that the next text uses again.
//
// It accepts exactly what encoding/xml under etree accepts, and builds the same tree; a test of
// package kith holds both against each other. What it adds are the rules of one document (one
// root, nothing but white space around it) and of names (declared prefixes, no attribute twice),
// which encoding/xml leaves to its caller, and bounds on levels, on the attributes of an element and on
// namespaces. It does not look for document types in the prolog and does not bound the number of elements:
// its caller has done so.
//
// A Parser and its tree belong to one goroutine. The tree is gone with the next Parse or Reset; the
// strings in it stay, they belong to the text.
package xmltree
