package testdata_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping/mappingtest"
	"github.com/samvirke/samvirke/mapping/native"
	"github.com/samvirke/samvirke/testdata"
)

func TestS1HangsTogether(t *testing.T) {
	c, err := testdata.S1Whole()
	if err != nil {
		t.Fatal(err)
	}
	parties := map[string]bool{}
	for _, p := range c.Parties {
		parties[p.ID] = true
	}
	for i, s := range c.Steps {
		if s.N != i+1 || !parties[s.From] || s.Title == "" || s.Expect == "" || (len(s.Body) == 0) != (s.Rest != nil || s.Decide != nil) {
			t.Errorf("step %d is incomplete: %+v", i+1, s)
		}
		if i > 0 && s.At.Before(c.Steps[i-1].At) {
			t.Errorf("step %d is before step %d", s.N, s.N-1)
		}
		if s.Answers >= s.N || s.RepeatOf >= s.N {
			t.Errorf("step %d refers to a later one", s.N)
		}
		if s.RepeatOf > 0 && !bytes.Equal(s.Body, c.Steps[s.RepeatOf-1].Body) {
			t.Errorf("step %d does not repeat step %d", s.N, s.RepeatOf)
		}
		if s.Body == nil {
			continue
		}
		if !bytes.Contains(s.Body, []byte(`"`+s.Kind+`"`)) || !bytes.Contains(s.Body, []byte(strings.SplitN(c.Patient, "|", 2)[1])) {
			t.Errorf("step %d: body is of another kind or patient", s.N)
		}
		for _, d := range s.Dials {
			if !parties[d.Party] {
				t.Errorf("step %d turns a dial of nobody", s.N)
			}
		}
	}
	if err := fhir.CheckFNR(strings.SplitN(c.Patient, "|", 2)[1]); err != nil {
		t.Errorf("patient: %v", err)
	}
}

func TestS1IsValidXML(t *testing.T) {
	c, err := testdata.S1()
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string][]byte{}
	for _, s := range c.Steps {
		if s.ContentType == "application/xml" {
			docs[s.File] = s.Body
		}
	}
	for name, problem := range mappingtest.XMLLintAll(t, docs) {
		if problem != "" {
			t.Errorf("%s: %s", name, problem)
		}
	}
	if len(docs) != 9 {
		t.Errorf("%d XML messages, want 9", len(docs))
	}
}

func TestS1FHIRIsR4(t *testing.T) {
	c, err := testdata.S1Whole()
	if err != nil {
		t.Fatal(err)
	}
	f, err := native.New(native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Steps {
		if s.ContentType != "application/fhir+json" {
			continue
		}
		p, err := f.Parse(s.Body)
		if err != nil {
			t.Errorf("%s: %v", s.File, err)
			continue
		}
		for _, w := range p.Warnings {
			if w.Code == "no-destination" {
				continue // it is for whoever follows the plan
			}
			t.Errorf("%s: warning %v", s.File, w)
		}
		if p.Envelope.Kind != s.Kind || p.Envelope.Patient.Key() != c.Patient {
			t.Errorf("%s: kind %s patient %s", s.File, p.Envelope.Kind, p.Envelope.Patient.Type)
		}
	}
	r4 := mappingtest.R4Schema(t)
	for _, s := range c.Steps {
		if s.ContentType == "application/fhir+json" {
			r4.Check(t, s.Body)
		}
	}
}
