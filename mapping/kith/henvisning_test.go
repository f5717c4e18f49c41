package kith

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// hcpOrReferral tells whether an example is an epicrisis or a referral, of any version.
func hcpOrReferral(e mappingtest.Example) bool {
	return e.SchemaValid && (kindOf(e.MessageType) == kindEpicrisis || isReferral(kindOf(e.MessageType)))
}

// TestOtherVersionOfReports writes epicrises and referrals 1.x in each other version: what the other version has no
// place for is noted, all else is there.
func TestOtherVersionOfReports(t *testing.T) {
	f := newFormat(t)
	out := map[string][]byte{}
	check := func(name string, raw []byte) {
		p, _ := f.Parse(raw)
		kind := p.Envelope.Kind
		for _, version := range f.Versions(kind) {
			if version == p.Envelope.Version {
				continue
			}
			name := name + " as " + version
			r, err := f.Render(p.Bundle, mapping.Target{Version: version})
			if err != nil {
				// 1.1 demands the service asked for, 1.0 a coded diagnosis: nobody may invent them.
				lacks := map[string]string{"1.1": "ReqServ>", "1.0": "Diagnosis>"}[version]
				if kind != kindReferral || samvirke.FaultOf(err).Code != "render-invalid" || bytes.Contains(raw, []byte(lacks)) {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			out[name] = r.Body
			again, _ := f.Parse(r.Body)
			if e := again.Envelope; e.Kind != kind || e.Version != version || r.Kind != kind || r.Version != version {
				t.Errorf("%s: reads as %s %s", name, e.Kind, e.Version)
			}
			same, to := r.Body, names(t, f.tables[kind], p.Envelope.Version)["root"]
			same = bytes.ReplaceAll(same, []byte(names(t, f.tables[kind], version)["root"]+`"`), []byte(to+`"`))
			d := mappingtest.Compare(raw, same)
			lost := append(d.Missing, d.Extra...)
			for _, c := range d.Changed {
				lost = append(lost, mappingtest.Leaf{Path: c.Path})
			}
			for _, l := range lost {
				if !ownToVersion(l.Path) && !noted(pathed(r.Notes), l.Path) {
					t.Errorf("%s: %s is neither carried nor noted", name, l.Path)
				}
			}
		}
	}
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool { return hcpOrReferral(e) && e.Root == "Message" }) {
		check(e.File, e.Raw(t))
	}
	for _, kind := range []string{kindEpicrisis, kindReferral} {
		for _, version := range f.Versions(kind) {
			for variant := range 3 {
				check(kind+" full "+version, fullMessage(t, f.tables[kind], version, variant))
			}
		}
	}
	for name, problem := range mappingtest.XMLLintAll(t, out) {
		t.Errorf("%s: %s", name, problem)
	}
}

// ownToVersion tells the values that each version has in its own way: its name, the number of an event, a code
// that was a text before.
func ownToVersion(path string) bool {
	for _, own := range []string{"Message[1]/Type[1]/", "/MsgVersion[1]", "/MIGversion[1]", "/ServReq[1]/MsgDescr[1]", "/ServReq[2]/MsgDescr[1]", "/ConsentDate[1]"} {
		if strings.Contains(path, own) {
			return true
		}
	}
	at := strings.LastIndex(path, "/Event[")
	return at > 0 && strings.HasSuffix(path, "]/Id[1]") && strings.Count(path[at:], "/") == 2 || // the number of an event
		strings.Contains(path, "/TextResultValue[1]") || strings.Contains(path, "/Observation[1]/Description[1]") // markup
}

// pathed are the notes that say where.
func pathed(notes []mapping.Note) []mapping.Note {
	return slices.DeleteFunc(slices.Clone(notes), func(n mapping.Note) bool { return n.Path == "" })
}
