// Package rest is the HTTP wire: a handler that takes messages in and a sender
// that posts deliveries to one party.
//
// In: POST /messages takes any supported format and answers 202 with an id;
// POST /fhir/$process-message takes a FHIR message and answers with an
// OperationOutcome. A request is answered "taken" only after Receiver.Receive has
// returned without error, that is after the message is synced. What is kept but
// cannot be processed is answered with a 4xx and a problem document
// (RFC 9457); what could not be kept with 503 and Retry-After.
//
// Out: Sender posts the rendered bytes once, never retries and never follows a
// redirect. Outcome classes stand in one table, see Classify.
//
// The package knows nothing of formats. No answer, log line, metric or error text
// holds a body, a name or an identifier of a person.
package rest
