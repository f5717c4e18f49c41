package kith

import (
	"testing"

	"github.com/beevik/etree"
)

// Version 1.0 names who answers by the service that was ordered: a referral is answered by its provider.
func TestRolesOfAnOldReceipt(t *testing.T) {
	f := testFormat(t)
	for kind, want := range map[string][2]string{"H": {"SPR", "REQ"}, "E": {"REQ", "SPR"}, "LOG_INNLAGT": {"REQ", "SPR"}} {
		env := envelopeForTest()
		env.Kind, env.Version = kind, "1.0"
		target := receiptTarget()
		target.Version = "1.0"
		out, err := f.RenderReceipt(env, 0, accepted(), target)
		if err != nil {
			t.Fatal(err)
		}
		doc := etree.NewDocument()
		if err := doc.ReadFromBytes(out.Body); err != nil {
			t.Fatal(err)
		}
		if got := [2]string{valueAt(doc.Root(), "Sender/Role/@V"), valueAt(doc.Root(), "Receiver/Role/@V")}; got != want {
			t.Errorf("%s: roles are %v, want %v", kind, got, want)
		}
		// The generation without header keeps the order of identifiers: there the first one is the main one.
		main := map[string]string{"H": "974744570", "E": "974744570", "LOG_INNLAGT": "100001"}[kind]
		if got := valueAt(doc.Root(), "Receiver/HCP/Inst/Id"); got != main {
			t.Errorf("%s: main identifier of the sender is %s, want %s", kind, got, main)
		}
	}
}

func TestEmergency(t *testing.T) {
	for _, c := range []struct {
		kind, xml string
		want      bool
	}{
		{"HENVISNING", `<Message><ServReq><ReqServ><Priority V="3"/></ReqServ><ReqServ><Priority V="0"/></ReqServ></ServReq></Message>`, true},
		{"H", `<Message><ServReq><ReqServ><Priority V="0"/></ReqServ></ServReq></Message>`, true},
		{"H", `<Message><ServReq><ReqServ><Priority V="N"/></ReqServ></ServReq></Message>`, false},
		{"H", `<Message><ServReq/></Message>`, false},
		{"H", `<Message/>`, false},
		{"EPIKRISE", `<Message><ServReq><ReqServ><Priority V="0"/></ReqServ></ServReq></Message>`, false},
		{"HENVISNING_VIDERE", `<MsgHead><Document><RefDoc><Content><Henvisning><ReqServ><Priority V="0"/></ReqServ></Henvisning></Content></RefDoc></Document></MsgHead>`, true},
		{"HENVISNING_NYTILSTAND", `<MsgHead><Document><RefDoc><Content/></RefDoc></Document></MsgHead>`, false},
	} {
		doc := etree.NewDocument()
		if err := doc.ReadFromString(c.xml); err != nil {
			t.Fatal(err)
		}
		if got := emergency(c.kind, doc.Root()); got != c.want {
			t.Errorf("%s %s: %v", c.kind, c.xml, got)
		}
	}
}
