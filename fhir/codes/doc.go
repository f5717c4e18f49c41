// Package codes knows the Norwegian national code systems that the messages use: which codes a
// system has and what each is called. It is for people and for checks, never for the path of a
// message: an unknown code is carried untouched, and a display that differs from the list is what
// the sender wrote and stays.
//
// The list lies compressed in list.txt.gz, written by the command in generate/ from the published
// code lists (state of October 2018) and restricted to the systems that the standards and their
// examples use. It holds facts only: number of the system, code, display. Clinical classifications
// that are not published there (ICD-10 7110, ICPC-2 7170 and 7171, ATC 7180, NCSP 7210, NCMP 7220)
// and a few lists that are missing in it are known by name and have no codes: their codes are
// neither confirmed nor doubted.
//
// A Register reads the list at first use and keeps it as one text of under 150 KB; a look-up is a
// binary search in it. Nothing here does I/O beyond that.
package codes
