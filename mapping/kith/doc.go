// Package kith reads and writes the Norwegian health messages: the header MsgHead 1.2 around the
// nursing and care messages 1.5 and 1.6, the dialogue messages 1.0 and 1.1 and referrals 2.0; epicrises 1.0, 1.1 and 1.2, referrals
// 1.0 and 1.1 and the application receipt AppRec 1.0 and 1.1, which have no header.
//
// Each kind has one element table (table_*.go): rows in the order of the schema that say where an
// element stands in FHIR and how its value is written on both sides. Parser (build.go), renderer (read.go),
// notes and Table are read from those rows. A value stands in one place of the FHIR message, so that a
// change there changes exactly that value on the way back; the way back sees nothing but the Bundle.
// What has no home in FHIR stands in extensions under fhir.ExtBase. Whatever no row takes is noted.
//
// It does no I/O and keeps no state. It refuses what the standard lets it refuse, with the code of list
// 8221 for the receipt; an unknown code value or poor content is never refused.
package kith
