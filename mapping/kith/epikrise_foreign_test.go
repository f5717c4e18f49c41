package kith

import (
	"math/rand/v2"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// damage changes one place of a Bundle at random, as a FHIR system or an attacker might.
func damage(r *rand.Rand, root *fhir.Node) {
	var objects, arrays []*fhir.Node
	var list func(n *fhir.Node)
	list = func(n *fhir.Node) {
		if n.IsObject() {
			objects = append(objects, n)
		}
		if n.IsArray() {
			arrays = append(arrays, n)
		}
		for _, k := range n.Keys() {
			list(n.Get(k))
		}
		for _, k := range n.Items() {
			list(k)
		}
	}
	list(root)
	o := objects[r.IntN(len(objects))]
	keys := o.Keys()
	if len(keys) == 0 {
		return
	}
	key := keys[r.IntN(len(keys))]
	switch r.IntN(7) {
	case 0:
		o.Set(key, nil)
	case 1:
		o.Set(key, fhir.String(strange(r)))
	case 2:
		o.Set(key, fhir.NewObject())
	case 3:
		o.Set(key, fhir.NewArray(fhir.Bool(true), fhir.NewObject("reference", "urn:uuid:0"), "x"))
	case 4:
		o.Set(key, objects[r.IntN(len(objects))].Clone())
	case 5:
		if len(arrays) > 0 {
			arrays[r.IntN(len(arrays))].Add(objects[r.IntN(len(objects))].Clone())
		}
	case 6: // a reference to anything, also to itself
		if e := root.Get("entry").Items(); o.Get("reference") != nil && len(e) > 0 {
			o.Set("reference", e[r.IntN(len(e))].Get("fullUrl"))
		}
	}
}

// Whatever stands in a Bundle, the answer is a valid message or a Fault.
func TestHCPDamagedBundles(t *testing.T) {
	f := testFormat(t)
	written, refused := 0, 0
	for _, name := range []string{"epikrise-full", "apprec-full", "henvisning/henvisning-1.0-child", "henvisning/henvisning-1.1", "henvisning/henvisning-2.0-nytilstand"} {
		p, err := f.Parse(testFile(t, name))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 * *rounds {
			r := rand.New(rand.NewPCG(*seed*1_000_000+uint64(i), 11))
			root := p.Bundle.Root.Clone()
			for range 1 + r.IntN(6) {
				damage(r, root)
			}
			b, err := fhir.BundleOf(root)
			if err != nil {
				continue
			}
			out, err := f.Render(b, mapping.Target{})
			if err != nil {
				refused++
				if fault := samvirke.FaultOf(err); fault.Code == "unexpected" || fault.Class != samvirke.Permanent {
					t.Errorf("%s, -seed=%d, round %d: %v", name, *seed, i, err)
				}
				continue
			}
			written++
			if problems := f.schema.Validate(out.Body); problems != nil {
				t.Errorf("%s, -seed=%d, round %d: %v", name, *seed, i, problems)
			}
		}
	}
	t.Logf("%d written, %d refused", written, refused)
	if written < 2**rounds {
		t.Errorf("only %d were written", written)
	}
}

// A receipt made by a FHIR system, without any extension of ours, becomes an AppRec.
func TestAppRecFromPlainFHIR(t *testing.T) {
	f := testFormat(t)
	env := envelopeForTest()
	m := fhir.NewMessage(receiptID, receiptTarget().Now, fhir.Coding{System: fhir.SystemMessageType, Code: "APPREC"})
	m.From(env.Receivers[0])
	m.To(env.Sender)
	outcome := m.Add(fhir.ReceiptOutcome(rejected("E35", "ukjent her")))
	m.Answer(fhir.Response{Identifier: env.ID, Code: "fatal-error", Details: outcome})
	out, err := f.Render(m.Bundle(), mapping.Target{})
	if err != nil {
		if fault := samvirke.FaultOf(err); fault.Code != "render-invalid" {
			t.Fatal(err)
		}
		t.Fatalf("%v", err)
	}
	mappingtest.XMLLint(t, out.Body)
	p, err := f.Parse(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	e := p.Envelope
	c := e.Receipt
	if e.Sender.HER() != "100011" || e.Receivers[0].HER() != "100002" || e.ID != receiptID ||
		c.Status != samvirke.ReceiptRejected || c.OriginalID != env.ID || len(c.Errors) != 1 || c.Errors[0].Code != "E35" || c.Errors[0].Detail != "ukjent her" {
		t.Errorf("%+v %+v\n%s", e, c, out.Body)
	}
}
