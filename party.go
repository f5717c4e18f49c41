package samvirke

import (
	"slices"
	"time"
)

// Party is a system the gateway talks with, as the configuration describes it.
type Party struct {
	// ID is the short name used in config, logs, metrics labels and the UI: [a-z0-9-], 1-40 characters.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Role is hospital, municipality, gp or other; routing rules and the UI use it.
	Role string `json:"role"`
	// HER are the HER-ids, both levels, under which messages name this party; digits only.
	HER []string `json:"her,omitempty"`
	// Roles are the capacities in which the party acts beside being what Role says, see the Role constants. Only the
	// configuration gives them.
	Roles []string `json:"roles,omitempty"`
	// Municipality is the number (code list 3402) this party serves; "" when none.
	Municipality string `json:"municipality,omitempty"`
	// Accepts are the formats this party reads, best first. Empty: it only sends.
	Accepts []Accept `json:"accepts,omitempty"`
	// Receipts says which application receipt the party answers with.
	Receipts ReceiptMode `json:"receipts"`
	// AppRecVersion overrides the version that the message standard decides; "" = decided by it.
	AppRecVersion string `json:"apprec_version,omitempty"`
	// UnknownService and UnknownPatient say what is answered on behalf of this party as a receiver; "" = accept.
	UnknownService Answer `json:"unknown_service,omitempty"`
	UnknownPatient Answer `json:"unknown_patient,omitempty"`
	// PatientCodes says how exactly this party, as a sender, is told what is wrong with a patient; "" = general.
	PatientCodes PatientCodes `json:"patient_codes,omitempty"`
	// OnStop says what the lane does behind a stopped delivery: "wait" (default) or "go-on".
	OnStop string `json:"on_stop,omitempty"`
	// AnswerWithin is how long an application receipt may take; zero means 96 h.
	AnswerWithin time.Duration `json:"answer_within,omitempty"`
}

// The capacities in which a party or a person acts. A record of the plan carries those that bear on what it may do.
const (
	// RoleCoordinator is the coordinating unit: it settles conflicts, owns what nobody owns, and is told of every change.
	RoleCoordinator = "coordinator"
	// RoleIdentityAuthority may say that two identifiers are of one person.
	RoleIdentityAuthority = "identity-authority"
	// RolePrivateProvider sees its own measures, the goals they serve, the zone plan and contacts only.
	RolePrivateProvider = "private-provider"
	// RolePatientPortal speaks for the patient; its records have RolePatient.
	RolePatientPortal = "patient-portal"
	// RolePatient: the patient, or next of kin on their behalf, says so.
	RolePatient = "patient"
	// RolePerson: a human decided, no system. No configuration gives it.
	RolePerson = "person"
)

// HasRole tells whether the configuration gives the party a capacity.
func (p *Party) HasRole(role string) bool { return slices.Contains(p.Roles, role) }

// Accept is one format a party reads.
type Accept struct {
	// Format is "kith", "fhir" (whole messages) or "fhir-notification" (plan-changed notices).
	Format string `json:"format"`
	// Kinds limits the format to these message kinds; empty means all.
	Kinds []string `json:"kinds,omitempty"`
	// Versions are the payload versions read, best first, for instance "1.6", "1.5"; empty means all.
	Versions []string `json:"versions,omitempty"`
}

// Answer is what is answered where the standard leaves the choice to the receiver.
type Answer string

// The answers.
const (
	AnswerAccept Answer = "accept" // taken, a person at the receiver sorts it out
	// AnswerRefuse is a negative receipt: E21 for a service that the enterprise does not have, E35 for an
	// epicrisis about a patient nobody here knows.
	AnswerRefuse Answer = "refuse"
)

// PatientCodes says which codes of list 8221 tell that a patient is not sufficiently identified.
type PatientCodes string

// The ways to tell it.
const (
	PatientCodesGeneral PatientCodes = "general" // E36 for all of it, as the standard has it
	// PatientCodesExact is E30, E31 or E32 where one of them says exactly what is wrong: only for senders
	// whose documentation names these codes.
	PatientCodesExact PatientCodes = "exact"
)

// ReceiptMode says what application receipt a party gives for what it is sent.
type ReceiptMode string

// The receipt modes.
const (
	ReceiptNone   ReceiptMode = "none"   // transport acknowledgement is all there will be
	ReceiptAppRec ReceiptMode = "apprec" // an AppRec comes back, in the answer or later
	ReceiptFHIR   ReceiptMode = "fhir"   // a FHIR response message or OperationOutcome in the answer
)
