package addressbook

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/codes"
)

// ServiceLists are the code lists of service types: municipal, hospital, laboratory and imaging, common.
//
// Source: standards/no README section 1.1.
func ServiceLists() []string { return []string{"8663", "8668", "8660", "8666"} }

var (
	herForm     = regexp.MustCompile(`^[0-9]{1,12}$`)
	processForm = regexp.MustCompile(`^[A-Z][A-Z0-9_-]*\*?$`)
	mailForm    = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
)

// book makes entries of rows and holds them against each other.
func (r *reading) book(rows []row) *Book {
	b := &Book{entries: make(map[string]*Entry, len(rows))}
	lists := &codes.Register{}
	var all []*Entry
	for _, w := range rows {
		e := r.entry(w, lists)
		if e.HER == "" {
			continue
		}
		if first := b.entries[e.HER]; first != nil {
			r.add(w.line, CodeDuplicate, "her_id", fmt.Sprintf("the HER-id stands on line %d already", first.Line), "keep one line for each HER-id")
			continue
		}
		b.entries[e.HER] = e
		all = append(all, e)
	}
	for _, e := range all {
		r.parent(b, e)
	}
	if len(rows) == 0 && len(r.problems) == 0 {
		r.add(1, CodeMissing, "", "the book is empty", "add at least one address, or take the file out of the configuration")
	}
	return b
}

// entry reads one row.
func (r *reading) entry(w row, lists *codes.Register) *Entry {
	bad := func(key, text, fix string) {
		line := w.lines[key]
		if line == 0 {
			line = w.line
		}
		code := CodeValue
		switch {
		case w.value[key] == "":
			code = CodeMissing
		case key == "service":
			code = CodeService
		}
		r.add(line, code, key, text, fix)
	}
	e := &Entry{
		HER: fhir.NormalizeHER(w.value["her_id"]), Name: w.value["name"], ParentHER: fhir.NormalizeHER(w.value["parent_her_id"]),
		ParentName: w.value["parent_name"], Type: w.value["type"], OrgNumber: w.value["org_number"], From: w.value["valid_from"],
		To: w.value["valid_to"], EDI: w.value["edi_address"], Async: w.value["queue_async"], Sync: w.value["queue_sync"],
		Error: w.value["queue_error"], Certificate: w.value["certificate"], Line: w.line,
	}
	if !herForm.MatchString(e.HER) {
		bad("her_id", "is no HER-id", "write its digits")
		e.HER = ""
	}
	if e.Name == "" {
		bad("name", "is missing", "write the name as the register has it")
	}
	if e.ParentHER != "" && !herForm.MatchString(e.ParentHER) {
		bad("parent_her_id", "is no HER-id", "write its digits")
		e.ParentHER = ""
	}
	switch e.Type {
	case "", TypeOrganisation, TypeService, TypePerson:
	default:
		bad("type", "is none of the types", "write organisation, service or person")
	}
	if e.OrgNumber != "" && fhir.CheckENH(e.OrgNumber) != nil {
		bad("org_number", "is no organisation number", "write nine digits; the last is a check digit")
	}
	if e.EDI != "" && !mailForm.MatchString(e.EDI) {
		bad("edi_address", "is no mail address", "write name@host.no")
	}
	for _, key := range []string{"queue_async", "queue_sync", "queue_error"} {
		if strings.ContainsAny(w.value[key], " \t/\\") {
			bad(key, "is no name of a queue", "write it as the register has it, for instance 12345_async")
		}
	}
	r.active(w, e, bad)
	r.days(e, bad)
	r.service(w, e, lists, bad)
	for p := range strings.SplitSeq(w.value["processes"], "|") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		if !processForm.MatchString(p) {
			bad("processes", fmt.Sprintf("%q is no message type", p), "write message types as the standard does, with | between them")
		}
		e.Processes = append(e.Processes, p)
	}
	return e
}

func (r *reading) active(w row, e *Entry, bad func(key, text, fix string)) {
	switch strings.ToLower(w.value["active"]) {
	case "", "true", "1", "ja", "yes":
		e.Active = true
	case "false", "0", "nei", "no":
	default:
		bad("active", "is neither true nor false", "write true or false")
	}
}

func (r *reading) days(e *Entry, bad func(key, text, fix string)) {
	for _, d := range []struct {
		key string
		day *string
	}{{"valid_from", &e.From}, {"valid_to", &e.To}} {
		if *d.day == "" {
			continue
		}
		if _, err := time.Parse(time.DateOnly, *d.day); err != nil {
			bad(d.key, "is no date", "write YYYY-MM-DD")
			*d.day = ""
		}
	}
	if e.From != "" && e.To != "" && e.To < e.From {
		bad("valid_to", "lies before valid_from", "check both days")
	}
}

// service finds the service type in the lists; a bare code is looked for in all of them, municipal first.
func (r *reading) service(w row, e *Entry, lists *codes.Register, bad func(key, text, fix string)) {
	text := w.value["service"]
	if text == "" {
		return
	}
	list, code, both := strings.Cut(text, "/")
	if !both {
		list, code = "", text
	}
	for _, l := range ServiceLists() {
		if list != "" && list != l {
			continue
		}
		if name, v := lists.Lookup(fhir.OIDVolven+l, code); v == codes.Known {
			e.Service, e.ServiceName = l+"/"+code, name
			return
		}
	}
	bad("service", fmt.Sprintf("%q is no service type", text), "write a code of list "+strings.Join(ServiceLists(), ", ")+", for instance 8663/KP02")
}

// parent checks the enterprise around an entry.
func (r *reading) parent(b *Book, e *Entry) {
	switch p := b.entries[e.ParentHER]; {
	case e.ParentHER == e.HER:
		r.add(e.Line, CodeParent, "parent_her_id", "is the entry itself", "name the enterprise around it, or leave it out")
	case e.ParentHER != "" && p == nil && e.ParentName == "":
		r.add(e.Line, CodeParent, "parent_her_id", "has no line of its own, and parent_name is missing", "add its line or its name")
	case p != nil && p.ParentHER != "":
		r.add(e.Line, CodeParent, "parent_her_id", "is inside another one itself", "name the enterprise; there are two levels")
	case e.ParentHER == "" && (e.Type == TypeService || e.Type == TypePerson):
		r.add(e.Line, CodeParent, "parent_her_id", "is missing for a "+e.Type, "name the enterprise around it: both levels are addressed")
	}
}
