package admin

import (
	"encoding/json"
	"reflect"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
)

// poison appends a text to every text that a message, a party's answer or a plan can bring in.
// Ids under which the store finds things stay as they are.
func poison(c *course, canary string) {
	for i := range c.st.messages {
		m := &c.st.messages[i]
		for _, s := range []*string{&m.Kind, &m.Version, &m.Format, &m.ExternalID, &m.Fault, &m.FaultText, &m.ContentType, &m.Checksum} {
			*s += canary
		}
		m.Raw = append(m.Raw, canary...)
		var e samvirke.Envelope
		if json.Unmarshal(m.Envelope, &e) != nil {
			c.t.Fatal("envelope of the course is broken")
		}
		everyText(reflect.ValueOf(&e), canary)
		m.Envelope, _ = json.Marshal(e)
		m.Notes, _ = json.Marshal([]mappingNote{{canary, canary, canary}})
	}
	for i := range c.st.deliveries {
		d := &c.st.deliveries[i]
		for _, s := range []*string{&d.Kind, &d.Version, &d.Format, &d.ExternalID, &d.Fault, &d.FaultText, &d.ContentType, &d.Checksum, &d.Rule} {
			*s += canary
		}
		d.Body = append(d.Body, canary...)
		for j := range c.st.attempts[d.ID] {
			a := &c.st.attempts[d.ID][j]
			a.Answer, a.Fault, a.FaultText = a.Answer+canary, a.Fault+canary, a.FaultText+canary
		}
	}
	for i := range c.st.receipts {
		r := &c.st.receipts[i]
		r.Note = canary
		r.Errors = append(r.Errors, samvirke.ReceiptError{Code: canary, Display: canary, Detail: canary, System: canary})
	}
	for i := range c.st.events {
		c.st.events[i].Detail += canary
	}
	for i := range c.st.plans {
		var p careplan.Plan
		if err := json.Unmarshal(c.st.plans[i].Body, &p); err != nil {
			c.t.Fatal(err)
		}
		sources := p.Sources
		everyText(reflect.ValueOf(&p), canary)
		p.Sources = map[string]careplan.Source{}
		for k, s := range sources {
			everyText(reflect.ValueOf(&s), canary)
			p.Sources[k+canary] = s
		}
		c.st.plans[i].Body, _ = json.Marshal(p)
	}
}

// everyText appends to each text that is not empty, however deep; statuses keep their value, so
// that the page shows the same parts.
func everyText(v reflect.Value, canary string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			everyText(v.Elem(), canary)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "Status" && f.Name != "Instrument" && f.Name != "System" {
				everyText(v.Field(i), canary)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			everyText(v.Index(i), canary)
		}
	case reflect.String:
		if v.String() != "" {
			v.SetString(v.String() + canary)
		}
	}
}
