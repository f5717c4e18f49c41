package kith

import (
	"github.com/beevik/etree"

	"github.com/samvirke/samvirke/fhir"
)

// Rows that epicrises and referrals share. Requester is always the side that refers and ServProvider the side that
// serves: the one sends a referral and receives an epicrisis, the other the reverse.

// senderRows are the rows of the side that sends; the cursor is the MessageHeader.
func senderRows(form hcpForm) []*el {
	return []*el{
		leafEl("root", "Role", "?", csFree(), "sender.@role.valueCoding"),
		leafEl("root", "ComMethod", "?", cs("8235"), "source.@com-method.valueCoding").from("1.1"),
		hcp("sender", form),
	}
}

// receiverRows are the rows of the side that receives; the cursor is the first destination.
func receiverRows(form hcpForm) []*el {
	return []*el{
		leafEl("root", "Role", "?", csFree(), "@role.valueCoding"),
		leafEl("root", "ComMethod", "?", cs("8235"), "@com-method.valueCoding").from("1.1"),
		hcp("receiver", form),
	}
}

// copyDest are the further receivers.
func copyDest(form hcpForm) *el {
	return group("root", "CopyDest", "*", copies{},
		leafEl("root", "Role", "?", csFree(), "@role.valueCoding"),
		group("root", "CopyDestRole", "*", to("@copy-role[]"),
			leafEl("root", "MsgType", "1", cs("8279"), "%msg-type.valueCoding"),
			leafEl("root", "ReqComMethod", "?", cs("8235"), "%requested-method.valueCoding"),
			leafEl("root", "ActComMethod", "?", cs("8235"), "%actual-method.valueCoding"),
		),
		hcp("receiver", form),
	)
}

// copies are the receivers after the first. The message names them before the primary one, which
// has its place at the front of the list all the same.
type copies struct{}

func (copies) enter(b *builder, c cursor) cursor {
	h := b.root("MessageHeader")
	if h.obj.Get("destination") == nil {
		b.arena.Append(h.obj, "destination", b.arena.Object(usualKeys)) // the primary receiver, filled when it is met
	}
	return destinations.enter(b, h)
}

func (copies) each(r *reader, _ cursor) []cursor { return others{}.each(r, r.root("MessageHeader")) }

func (copies) describe(string) string { return "MessageHeader.destination[1..]" }

// reference are the rows of RefDoc; the cursor is a DocumentReference. The first versions only refer.
func reference(form hcpForm) []*el {
	const file = "content[0].attachment."
	rows := []*el{
		leafEl("root", "IssueDate", "?", ts(), file+"creation"),
		leafEl("root", "MsgType", "1", cs("8114"), "@msg-type.valueCoding"),
		leafEl("root", "Id", "?", text(), "masterIdentifier.value"),
	}
	if form == inReferral {
		rows = append(rows, booking())
	}
	return append(rows,
		leafEl("root", "MimeType", "?", scalarCodec{scalar: codeScalar{}}, file+"contentType").from("1.1"),
		leafEl("root", "Description", "?", text(), file+"title").from("1.1"),
		leafEl("root", "Compression", "?", cs("1204"), "@compression.valueCoding").from("1.1"),
		leafEl("root", "FileReference", "?", scalarCodec{scalar: uriScalar{}}, file+"url").from("1.1"),
		group("root", "Content", "?", inline{},
			leafEl("b64", "Base64Container", "?", base64(), file+"data").when(firstOfItsName),
			leafEl("b64", "Base64Container", "*", base64(), "@further-content[].valueBase64Binary"),
		).from("1.1"),
	)
}

func firstOfItsName(e *etree.Element) bool { return childNamed(e.Parent(), e.Tag) == e }

func initDocument(a *fhir.Arena, n *fhir.Node) { n.Set("status", a.String("current")) }
