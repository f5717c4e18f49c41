package samvirke

import "time"

// Envelope is what both generations of messages (with a separate header and
// without), AppRec and FHIR messages say about themselves: who, to whom, about
// whom, which one, instead of which. It never holds clinical content.
//
// Source: standards/no README section 1, "one internal envelope with two mappings".
type Envelope struct {
	// Format, Kind and Version as in Message.
	Format  string `json:"format"`
	Kind    string `json:"kind"`
	Version string `json:"version"`
	// KindDisplay is the sender's text for Kind (Type/@DN); an AppRec repeats it.
	KindDisplay string `json:"kind_display,omitempty"`
	// ID is the message id as written (MsgInfo/MsgId, Message/MsgId, AppRec/Id).
	ID string `json:"id"`
	// Op is N, M, A or C; "" for kinds that have no such status (AppRec).
	Op Op `json:"op,omitempty"`
	// Parent and Conversation are the references to earlier messages; "" when absent.
	// For Epikrise and Henvisning 1.x, which have no ConversationRef, Conversation is the id of the document
	// (ServProvId, ServReq/Id) and Parent is "".
	Parent       string `json:"parent,omitempty"`
	Conversation string `json:"conversation,omitempty"`
	// Referrals are the ids of the referrals that the message is or answers: an epicrisis and its referral
	// have one in common (standards/no README section 4). Nil for other kinds.
	Referrals []string `json:"referrals,omitempty"`
	// GeneratedAt is GenDate with Norwegian local time assumed when no zone is written.
	GeneratedAt time.Time `json:"generated_at,omitzero"`
	// GeneratedRaw is GenDate exactly as written; an AppRec repeats it as IssueDate.
	GeneratedRaw string `json:"generated_raw,omitempty"`
	// EventAt is when the thing told about happened (event time); zero when the message names none.
	EventAt time.Time `json:"event_at,omitzero"`
	// Sender and Receivers; Receivers[0] is the primary one, copies follow.
	Sender    Address   `json:"sender"`
	Receivers []Address `json:"receivers"`
	// Patient as received; empty Identifier when the message has none.
	Patient PatientRef `json:"patient,omitzero"`
	// NoForwarding is true when the patient objects to forwarding
	// (ForbeholdOmVideresending): only the original addressees may get the message.
	NoForwarding bool `json:"no_forwarding,omitempty"`
	// Emergency is true for a referral of the highest urgency: it is accepted even when the patient
	// is not sufficiently identified (standards/no README section 6).
	Emergency bool `json:"emergency,omitempty"`
	// Receipt is set when the message itself is an application receipt.
	Receipt *ReceiptContent `json:"receipt,omitempty"`
}

// PatientRef is the patient as one message names them.
type PatientRef struct {
	Identifier
	// HasName, HasBirthDate, HasSex say what else stands there; rule E36 asks for it.
	HasName      bool `json:"has_name,omitempty"`
	HasBirthDate bool `json:"has_birth_date,omitempty"`
	HasSex       bool `json:"has_sex,omitempty"`
	// Municipality is the number (code list 3402) when the message carries it.
	Municipality string `json:"municipality,omitempty"`
}

// Address is a party inside a message: one to three levels, outermost first
// (enterprise, then service or department, or person).
type Address struct {
	// Role is "primary" or "copy" for receivers and "" for the sender.
	Role string `json:"role,omitempty"`
	// RoleCode is the code in the message (RoleReceiver/@V, Role/@V), as written.
	RoleCode string         `json:"role_code,omitempty"`
	Levels   []AddressLevel `json:"levels"`
}

// AddressLevel is one level of an Address.
type AddressLevel struct {
	// Kind is "organisation", "department" (the inner organisation or Dept) or "person".
	Kind string `json:"kind"`
	// Name as written. For a person of MsgHead: given, middle and family name joined.
	Name string `json:"name,omitempty"`
	// FamilyName, GivenName and MiddleName are set only where the format has them apart.
	FamilyName string `json:"family_name,omitempty"`
	GivenName  string `json:"given_name,omitempty"`
	MiddleName string `json:"middle_name,omitempty"`
	// IDs are the main id first, then AdditionalId or further Ident, as written.
	IDs []Identifier `json:"ids,omitempty"`
}

// HER returns the HER-id of the innermost level that has one, digits only; "" when none has.
// This is the communication party, the only address used on the wire
// (standards/no README section 1.1).
func (a Address) HER() string {
	for i := len(a.Levels) - 1; i >= 0; i-- {
		if h := a.Levels[i].her(); h != "" {
			return h
		}
	}
	return ""
}

// Enterprise returns the HER-id of the outermost level, digits only; "" when it has none.
func (a Address) Enterprise() string {
	if len(a.Levels) == 0 {
		return ""
	}
	return a.Levels[0].her()
}

func (l AddressLevel) her() string {
	for _, id := range l.IDs {
		if id.Type == "HER" {
			return digits(id.Value)
		}
	}
	return ""
}

// digits drops dots and spaces, which published HER-ids contain ("369.767"); a value with
// any other character is returned as it is, so that it matches nothing by accident.
func digits(s string) string {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	if n == len(s) {
		return s // nearly always
	}
	out := append(make([]byte, 0, len(s)), s[:n]...)
	for i := n; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			out = append(out, c)
		case c == '.' || c == ' ':
		case c == 0xc2 && i+1 < len(s) && s[i+1] == 0xa0: // a space that does not break
			i++
		default:
			return s
		}
	}
	return string(out)
}
