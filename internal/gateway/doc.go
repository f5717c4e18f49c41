// Package gateway is the conductor: receive, process, deliver, receipt, clocks.
// It is the only room that knows the whole path of a message.
//
// # How a change of the plan reaches a party
//
// Who takes part is told of every change it sees, in its format:
//
//	the change came as                        a party with FHIR gets           a party without FHIR gets
//	a message of the conversation (M, A, C),  a notice, or the message         the same kind: M, A or C with RefToParent and
//	by the one who began it                   where a rule sends it            RefToConversation of what this party was sent
//	a write over REST or by a person, of any  a notice                         DIALOG_NOTAT, M in one thread per patient: the
//	element; a message it cannot read                                          first note refers to what the party was sent last
//	a clock that ran out                      a notice                         DIALOG_NOTAT in the same thread
//	a receipt, a repetition                   nothing                          nothing
//	a note of another gateway                 a notice                         nothing but the note itself when it is addressed
//
// A write never becomes a PLO message under somebody's name: an M of such a message is the sender's whole content anew and
// a link in the chain of the sender's own journal (standards/no README 3.2, 3.4), which goes on from the message that it
// knows. A link put in between would fork that chain at the receiver, and only the hospital may send UTSKRIVNINGSRAPPORT or
// HELSEOPPL_SOKNAD, only the municipality INNLEGGELSESRAPPORT, ORIENTERING_TJENESTETILBUD or HELSEOPPLYSNINGER_LEGE, only
// the GP MEDISINSKE_OPPLYSNINGER. A dialogue note may be sent by anybody to anybody, so it carries what no kind carries. What was
// stated in a document is changed by a new version of the document (internal/api, in-a-document), and that goes the first way.
//
// N is sent once: to a party that was sent nothing about the patient before, or nothing that it did not refuse.
//
// Source: domain/careplan.md section 10; standards/no README sections 2, 3.2, 3.4 and 5.
package gateway
