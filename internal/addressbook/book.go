package addressbook

import (
	"fmt"
	"slices"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// The types of entries.
const (
	TypeOrganisation = "organisation" // an enterprise: first level
	TypeService      = "service"      // a communication party: second level
	TypePerson       = "person"       // a person with a HER-id of their own: second level
)

// Entry is one line of the book.
type Entry struct {
	HER        string `json:"her_id"`
	Name       string `json:"name"`
	ParentHER  string `json:"parent_her_id,omitempty"`
	ParentName string `json:"parent_name,omitempty"`
	Type       string `json:"type,omitempty"`
	// Service is list and code of the service type, "8663/KP02"; ServiceName its display.
	Service     string `json:"service,omitempty"`
	ServiceName string `json:"service_name,omitempty"`
	OrgNumber   string `json:"org_number,omitempty"`
	Active      bool   `json:"active"`
	// From and To are the first and the last day, YYYY-MM-DD; "" is open.
	From        string   `json:"valid_from,omitempty"`
	To          string   `json:"valid_to,omitempty"`
	EDI         string   `json:"edi_address,omitempty"`
	Async       string   `json:"queue_async,omitempty"`
	Sync        string   `json:"queue_sync,omitempty"`
	Error       string   `json:"queue_error,omitempty"`
	Certificate string   `json:"certificate,omitempty"`
	Processes   []string `json:"processes,omitempty"`
	// Line is where it stands in the file.
	Line int `json:"line"`
}

// Status is what the book says of a HER-id at some time.
type Status string

// The statuses. Only Listed is an address that may be used.
const (
	Listed   Status = "listed"
	Unknown  Status = "unknown"      // no such line
	Inactive Status = "inactive"     // taken out of use
	NotYet   Status = "not-yet"      // valid from a later day
	Expired  Status = "expired"      // valid until an earlier day
	Stale    Status = "stale-book"   // the whole book is too old to be trusted
	Orphan   Status = "parent-ended" // the enterprise around it is not in use
)

// StatusAt tells whether the entry itself may be used on the day of a time, in Norway.
func (e *Entry) StatusAt(at time.Time) Status {
	day := at.In(norway(at)).Format(time.DateOnly)
	switch {
	case !e.Active:
		return Inactive
	case e.From != "" && day < e.From:
		return NotYet
	case e.To != "" && day > e.To:
		return Expired
	}
	return Listed
}

// norway is Norwegian time, by a rule of its own because a machine may lack a zone database: the days
// matter here, and they change at midnight, never near a change of the clock.
func norway(at time.Time) *time.Location {
	u := at.UTC()
	last := func(m time.Month) time.Time {
		d := time.Date(u.Year(), m+1, 0, 1, 0, 0, 0, time.UTC)
		return d.AddDate(0, 0, -int(d.Weekday()))
	}
	hours := 1
	if !u.Before(last(time.March)) && u.Before(last(time.October)) {
		hours = 2
	}
	return time.FixedZone("Norway", hours*3600)
}

// Takes tells whether the entry says that it takes a message type; one that names none takes all.
func (e *Entry) Takes(kind string) bool {
	return len(e.Processes) == 0 || slices.Contains(e.Processes, kind)
}

// Book is one reading of the file. It does not change.
type Book struct {
	entries map[string]*Entry
	// Changed is when the file was changed.
	Changed time.Time
}

// Len is the number of entries.
func (b *Book) Len() int { return len(b.entries) }

// Lookup finds a HER-id, however it is written, and tells whether it may be used at this time. The name of the
// enterprise is filled in from its own line.
func (b *Book) Lookup(her string, at time.Time) (Entry, Status) {
	e := b.entries[fhir.NormalizeHER(her)]
	if e == nil {
		return Entry{}, Unknown
	}
	out, status := *e, e.StatusAt(at)
	if p := b.entries[e.ParentHER]; p != nil {
		out.ParentName = p.Name
		if status == Listed && p.StatusAt(at) != Listed {
			status = Orphan
		}
	}
	return out, status
}

// Problem is one mistake in the file, in the form that editors understand.
type Problem struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Code string `json:"code"`
	Key  string `json:"key,omitempty"`
	Text string `json:"text"`
	Fix  string `json:"fix"`
}

// The codes of problems.
const (
	CodeFile      = "address-file"      // cannot be read or is too large
	CodeSyntax    = "address-syntax"    // neither CSV nor YAML
	CodeColumn    = "address-column"    // a column or key that there is not
	CodeMissing   = "address-missing"   // something that must be there is not
	CodeValue     = "address-value"     // something that cannot be right
	CodeDuplicate = "address-duplicate" // a HER-id twice
	CodeParent    = "address-parent"    // an enterprise that is not there, or the entry itself
	CodeService   = "address-service"   // a service type that no list has
)

// Error gives "file:line: code: key: text; fix".
func (p Problem) Error() string {
	key := ""
	if p.Key != "" {
		key = p.Key + ": "
	}
	return fmt.Sprintf("%s:%d: %s: %s%s; %s", p.File, p.Line, p.Code, key, p.Text, p.Fix)
}
