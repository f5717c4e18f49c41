// Package function knows the instruments that measure how a person manages, and shows what several
// organisations measured side by side without making one number out of two.
//
// It checks and shows; it administers nothing and scores nothing. A value stays what the source wrote: text
// never becomes a number, a total never becomes an item, one scale never becomes another. The only conversions
// are those of Convert and Severity. A sum is checked when all its items are there, and never made.
//
// Everything here is pure: tables that never change and functions of their arguments, no clock and no I/O.
// View takes points in any order and gives the same Picture.
//
// Of the licensed instruments the tables hold numbers, ranges, codes and short labels of our own. No question
// and no answer text of any instrument stands here; a test of this package searches the whole tree for them.
//
// Source: the project's sheet on functional assessments. What is marked there as our own proposal (bands, ICF
// categories of IPLOS) is for display only and leaves the gateway in no message.
package function
