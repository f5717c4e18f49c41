package kith

// referralTable is the table of a whole referral 1.0 or 1.1.
//
// Source: the schemas Henvisning 1.0 (2005-07-08) and 1.1 (2012-02-15).
func referralTable() *el {
	return messageRows(kindReferral, group("root", "ServReq", "1", to("$ServiceRequest"), request()...))
}

// request are the rows of ServReq; the cursor is the ServiceRequest.
func request() []*el {
	v := referral1x()
	rows := []*el{
		leafEl("root", "ServType", "1", fallback{cs("7309"), []attr{{"V", "N"}, {"DN", "Ny"}}}, "$MessageHeader.@op.valueCoding"),
		leafEl("root", "IssueDate", "1", ts(), "authoredOn"),
		leafEl("root", "PaymentCat", "?", csFree(), "@payment-category.valueCoding"),
		leafEl("root", "ReqComment", "?", text(), "note[0].text"),
		leafEl("root", "Ack", "?", cs("7304"), "$MessageHeader.@ack.valueCoding"),
		leafEl("root", "MsgDescr", "1", csConcept("8455"), "category[0]"),
		leafEl("root", "Id", "1", referralID{text()}, "identifier[0].value"),
		group("root", "Patient", "1", to("$Patient"), v.patient()...),
		group("root", "ServProvider", "1", to("$MessageHeader.destination[0]"), receiverRows(inReferral)...),
		group("root", "Requester", "1", to("$MessageHeader"), senderRows(inReferral)...),
		copyDest(inReferral),
		group("root", "RefDoc", "*", inReportOf(entries("RefDoc", "DocumentReference", initDocument)), reference(inReferral)...),
	}
	rows = append(rows, v.reasons()...)
	return append(rows,
		group("root", "ReqServ", "?", inline{},
			leafEl("root", "ServType", "1", fallback{cs("7309"), []attr{{"V", "N"}, {"DN", "Ny"}}}, "@op.valueCoding"),
			leafEl("root", "Purpose", "?", csFree(), "@purpose.valueCoding"),
			leafEl("root", "ReqDate", "?", ts(), "occurrenceDateTime"),
			leafEl("root", "Priority", "?", urgency(), "priority").remark("1.1 demands it"),
			leafEl("root", "Comment", "?", text(), "@service-remark.valueString"),
			group("root", "Service", "?", inline{},
				leafEl("root", "ServId", "?", cvConcept(), "code"),
				leafEl("root", "MedSpeciality", "?", cvConcept(), "performerType"),
				leafEl("root", "AdmCat", "?", cs("8240"), "@admission-category.valueCoding"),
			),
		),
		v.comments(),
	)
}

// referralID is the id of a referral, which its changes keep and an epicrisis names: also the
// conversation of the message.
type referralID struct{ codec }

func (k referralID) parse(b *builder, l *leaf, s slot) {
	k.codec.parse(b, l, s)
	if v, _ := s.get(); v != nil {
		b.arena.Append(b.root("MessageHeader").obj, "extension", b.arena.Texts("url", extURL("conversation"), "valueString", v.Text()))
	}
}

func (k referralID) render(r *reader, s slot) (leaf, bool) {
	conversation := r.bundle.First("MessageHeader").Extension(extURL("conversation")).Get("valueString")
	if id, _ := s.get(); conversation.Text() == id.Text() { // another one has no place, which a note says
		r.use(conversation)
	}
	return k.codec.render(r, s)
}

// booking is a booked place that a document of 1.0 is about.
func booking() *el {
	sub := group("root", "SubOrg", "1", to("%sub-organisation"),
		leafEl("root", "Name", "1", text(), "%name.valueString"),
		leafEl("root", "Id", "1", text(), "%id.valueString"),
		leafEl("root", "TypeId", "?", text(), "%type.valueString"),
	).remark("may be left out")
	sub.kids = append(sub.kids, sub)
	return group("root", "Booking", "?", to("@booking"),
		leafEl("root", "Name", "1", text(), "%name.valueString"),
		leafEl("root", "Id", "1", text(), "%id.valueString"),
		leafEl("root", "TypeId", "?", text(), "%type.valueString"),
		group("root", "Appointment", "1", to("%appointment"),
			leafEl("root", "StartDateTime", "1", ts(), "%start.valueDateTime"),
			leafEl("root", "EndDateTime", "1", ts(), "%end.valueDateTime"),
			leafEl("root", "ResourceId", "1", text(), "%resource.valueString"),
			leafEl("root", "Index", "1", integer(), "%index.valueInteger"),
			leafEl("root", "Service", "1", csFree(), "%service.valueCoding"),
		),
		sub,
	).to("1.0")
}
