package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// messageRow is one message in a listing. It shows no name and no number: Person is a sealed id
// and Label a short mark by which rows of one person can be told to belong together.
type messageRow struct {
	ID, Kind, Version, Format string
	Seq                       int64
	Party                     partyRef
	Status                    samvirke.MessageStatus
	Fault                     string
	ReceivedAt                time.Time
	Size                      int64
	Person, Label             string
	To                        []chip
}

// chip is one delivery of a message in short.
type chip struct {
	Party partyRef
	State samvirke.DeliveryState
}

// statuses in the order of the filter.
var statuses = []samvirke.MessageStatus{samvirke.MessageReceived, samvirke.MessageProcessed, samvirke.MessageAttention,
	samvirke.MessageRefused, samvirke.MessageQuarantined, samvirke.MessageClosed}

// filterForm is the filter as the person sees it.
type filterForm struct {
	Party, Kind, Status, From, To string
	ID, Text                      string
	Person, Label                 string
	Before                        int64
}

// Active tells whether anything is filtered.
func (f filterForm) Active() bool {
	return f.Party != "" || f.Kind != "" || f.Status != "" || f.From != "" || f.To != "" || f.ID != "" || f.Text != "" || f.Person != ""
}

// query gives the address of the listing with this filter, before the given Seq.
func (f filterForm) query(before int64) string {
	v := url.Values{}
	for k, s := range map[string]string{"party": f.Party, "kind": f.Kind, "status": f.Status, "from": f.From, "to": f.To, "id": f.ID, "text": f.Text, "person": f.Person} {
		if s != "" {
			v.Set(k, s)
		}
	}
	if before > 0 {
		v.Set("before", strconv.FormatInt(before, 10))
	}
	if len(v) == 0 {
		return "/messages"
	}
	return "/messages?" + v.Encode()
}

// messagesPage is the data of the listing.
type messagesPage struct {
	Filter   filterForm
	Rows     []messageRow
	Parties  []partyRef
	Kinds    []string
	Statuses []samvirke.MessageStatus
	Newer    string // address of the newest page; "" when this is it
	Older    string // address of the next page; "" when there is none
}

func (s *Server) messages(w http.ResponseWriter, r *http.Request, x *session) error {
	form, filter, patient, err := s.readFilter(r.URL.Query())
	if err != nil {
		return err
	}
	if patient != "" {
		if err := s.noteRead(r, x, "list-messages", "messages", patient); err != nil {
			return err
		}
	}
	p, err := s.messagesData(r.Context(), form, filter)
	if err != nil {
		return err
	}
	live := "list"
	if form.Before > 0 {
		live = ""
	}
	s.render(w, r, x, http.StatusOK, "messages", view{Title: "Messages", Section: "messages", Live: live, Data: p})
	return nil
}

func (s *Server) messagesData(ctx context.Context, form filterForm, filter queue.MessageFilter) (*messagesPage, error) {
	filter.Limit = PageSize + 1
	list, err := s.store.Messages(ctx, filter)
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	states := s.parties(ctx)
	p := &messagesPage{Filter: form, Kinds: kinds(), Statuses: statuses}
	for _, st := range states {
		p.Parties = append(p.Parties, partyRef{ID: st.ID, Name: st.Name, Role: st.Role})
	}
	if form.Kind != "" && !slices.Contains(p.Kinds, form.Kind) {
		p.Kinds = append(p.Kinds, form.Kind)
	}
	if len(list) > PageSize {
		list = list[:PageSize]
		p.Older = form.query(list[PageSize-1].Seq)
	}
	if form.Before > 0 {
		p.Newer = form.query(0)
	}
	p.Rows = s.messageRows(list, nameOf(states))
	return p, s.addChips(ctx, p.Rows, nameOf(states))
}

func (s *Server) messageRows(list []samvirke.Message, name func(string) partyRef) []messageRow {
	rows := make([]messageRow, 0, len(list))
	for _, m := range list {
		rows = append(rows, messageRow{ID: m.ID, Kind: m.Kind, Version: m.Version, Format: m.Format, Seq: m.Seq,
			Party: name(m.Party), Status: m.Status, Fault: m.Fault, ReceivedAt: m.ReceivedAt, Size: m.Size,
			Person: s.sealer.seal(m.Patient), Label: s.sealer.label(m.Patient)})
	}
	return rows
}

// addChips adds to each row where the message went, the receipt to its sender left out.
func (s *Server) addChips(ctx context.Context, rows []messageRow, name func(string) partyRef) error {
	for i := range rows {
		list, err := s.store.Deliveries(ctx, queue.DeliveryFilter{MessageID: rows[i].ID, Limit: 20})
		if err != nil {
			return fmt.Errorf("list deliveries: %w", err)
		}
		slices.SortFunc(list, func(a, b samvirke.Delivery) int { return int(a.Seq - b.Seq) })
		for _, d := range list {
			if d.Purpose != samvirke.PurposeReceipt {
				rows[i].To = append(rows[i].To, chip{Party: name(d.Party), State: d.State})
			}
		}
	}
	return nil
}

// readFilter reads the filter from an address or form; patient is the key behind person.
func (s *Server) readFilter(v url.Values) (form filterForm, f queue.MessageFilter, patient string, err error) {
	form = filterForm{Party: v.Get("party"), Kind: strings.TrimSpace(v.Get("kind")), Status: v.Get("status"),
		From: v.Get("from"), To: v.Get("to"), ID: strings.TrimSpace(v.Get("id")), Text: strings.TrimSpace(v.Get("text")), Person: v.Get("person")}
	f = queue.MessageFilter{Party: form.Party, Kind: form.Kind, ID: form.ID, Text: form.Text}
	bad := func(what string) error {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "bad-filter", Safe: "The filter " + what + " could not be read."}
	}
	if len(form.ID) > maxFilterText || patientNumber(form.ID) {
		return form, f, "", bad("id")
	}
	if len(form.Text) > maxFilterText || patientNumber(form.Text) {
		return form, f, "", bad("text")
	}
	if form.Status != "" {
		if !slices.Contains(statuses, samvirke.MessageStatus(form.Status)) {
			return form, f, "", bad("status")
		}
		f.Status = []samvirke.MessageStatus{samvirke.MessageStatus(form.Status)}
	}
	if form.From != "" {
		if f.Since, err = time.ParseInLocation(time.DateOnly, form.From, oslo()); err != nil {
			return form, f, "", bad("from")
		}
	}
	if form.To != "" {
		to, err := time.ParseInLocation(time.DateOnly, form.To, oslo())
		if err != nil {
			return form, f, "", bad("to")
		}
		f.Until = to.AddDate(0, 0, 1) // the day named is part of it
	}
	if form.Person != "" {
		var ok bool
		if patient, ok = s.sealer.open(form.Person); !ok {
			return form, f, "", bad("person")
		}
		form.Label = s.sealer.label(patient)
		f.Patient = patient
	}
	if b := v.Get("before"); b != "" {
		if form.Before, err = strconv.ParseInt(b, 10, 64); err != nil || form.Before < 0 {
			return form, f, "", bad("before")
		}
		f.Before = form.Before
	}
	return form, f, patient, nil
}

// maxFilterText bounds an id or the words that are searched for, in bytes.
const maxFilterText = 200

// patientNumber tells whether a text has a word of ten or eleven digits, as national numbers have, also when the day of birth stands
// apart: those belong in a field of their own, because what stands in the other ones becomes part of an address.
func patientNumber(text string) bool {
	bare := strings.ReplaceAll(text, "-", "")
	words := strings.FieldsFunc(bare, func(r rune) bool { return r < '0' || r > '9' })
	for i, word := range words {
		if len(word) == 6 && i+1 < len(words) && (strings.Contains(bare, word+" "+words[i+1]) || strings.Contains(bare, word+"."+words[i+1])) {
			word += words[i+1]
		}
		if len(word) == 10 || len(word) == 11 {
			return uuid.Validate(text) != nil // in which ten digits may stand together by chance
		}
	}
	return false
}

// search takes the filter as a form, so that a patient number never stands in an address, and
// answers with the address of the listing in which a sealed id stands in its place.
func (s *Server) search(w http.ResponseWriter, r *http.Request, x *session) error {
	form, _, _, err := s.readFilter(r.PostForm)
	if err != nil {
		return err
	}
	if typed := strings.TrimSpace(r.PostForm.Get("patient")); typed != "" {
		patient, err := s.findPatient(r.Context(), typed)
		if err != nil {
			return err
		}
		if err := s.note(r.Context(), samvirke.Audit{Who: x.user, Action: "search", Object: "messages", Patient: patient}); err != nil {
			return err
		}
		form.Person = s.sealer.seal(patient)
	}
	http.Redirect(w, r, form.query(0), http.StatusSeeOther)
	return nil
}

// findPatient gives the patient key that a typed identifier means: the first of the possible
// keys under which something is known, else the likeliest.
func (s *Server) findPatient(ctx context.Context, typed string) (string, error) {
	keys := patientKeys(typed)
	if len(keys) == 0 {
		return "", &samvirke.Fault{Class: samvirke.Invalid, Code: "bad-identifier", Safe: "This is no patient identifier."}
	}
	for _, k := range keys {
		list, err := s.store.Messages(ctx, queue.MessageFilter{Patient: k, Limit: 1})
		if err != nil {
			return "", fmt.Errorf("search messages: %w", err)
		}
		if len(list) > 0 {
			return k, nil
		}
		versions, err := s.store.PlanVersions(ctx, k)
		if err != nil {
			return "", fmt.Errorf("search plans: %w", err)
		}
		if len(versions) > 0 {
			return k, nil
		}
	}
	return keys[0], nil
}

// noteRead writes to the audit that a person opened something about a patient. A page that
// keeps itself up to date asks again and again for what its reader has open already; those
// requests are told apart by a header and noted only the first time in a session.
func (s *Server) noteRead(r *http.Request, x *session, action, object, patient string) error {
	key := action + " " + object + " " + patient
	if r.Header.Get("X-Samvirke-Live") == "1" && x.remembers(key) {
		return nil
	}
	known, err := s.known(r.Context(), patient)
	if err != nil {
		return err
	}
	if !known {
		patient = "" // an old address of somebody who is erased: the entry must not bring the person back
	}
	if err := s.note(r.Context(), samvirke.Audit{Who: x.user, Action: action, Object: object, Patient: patient}); err != nil {
		return err
	}
	x.remember(key)
	return nil
}

// known tells whether the store has anything of a patient key.
func (s *Server) known(ctx context.Context, patient string) (bool, error) {
	if patient == "" {
		return false, nil
	}
	versions, err := s.store.PlanVersions(ctx, patient)
	if err != nil || len(versions) > 0 {
		return err == nil, err
	}
	ms, err := s.store.Messages(ctx, queue.MessageFilter{Patient: patient, Limit: 1})
	return len(ms) > 0, err
}
