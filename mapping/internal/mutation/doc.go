// Package mutation makes seeded changes to XML documents for tests: elements dropped, doubled, moved,
// renamed or put into another namespace, attributes and texts changed, comments and CDATA put in,
// bytes broken. Most results are well-formed and wrong, some are still valid.
package mutation
