package careplan

import "github.com/samvirke/samvirke"

// stating is a message of its own conversation.
func stating(sender, id string, sent int, c *content, roles ...string) Record {
	r := word(sender, id, "N", "", sent, c)
	r.Kind, r.Chain.Conversation, r.Roles = "plan-write", id, roles
	return r
}

// follow makes a record act on another.
func follow(r, of Record, op samvirke.Op) Record {
	r.Chain = Chain{Op: op, Parent: of.Key.MessageID, Conversation: of.Chain.Conversation}
	return r
}

// sharedLetters are about one shared field: statements in and out of knowledge of each other, a change and a
// withdrawal, a decision and its withdrawal, a receipt that gives knowledge, and a limit that hides a statement.
func sharedLetters() []letter {
	says := func(value string) *content {
		c := &content{}
		c.shared().Statements = []statedField{{Field: FieldNextEvaluation, Value: coded{Text: value}}}
		return c
	}
	one, two := stating(hospital, "s1", 1, says("2026-03-19")), stating(town, "s2", 40, says("2026-03-26"))
	knowing := stating(gp, "s3", 5, says("2026-03-20"))
	knowing.Seen = []string{hospital + "/s1"}
	decision := &content{}
	decision.shared().Resolutions = []decidedConflict{{Conflict: conflictID(FieldNextEvaluation, ""), Value: coded{Text: "2026-03-19"}, Basis: []string{hospital + "/s1"}}}
	decided := stating(town, "s6", 50, decision, rolePerson, roleCoordinator)
	decided.Seen = []string{hospital + "/s1", town + "/s2"}
	got := stating(town, "s8", 30, &content{})
	got.Kind, got.Seen, got.Receive = KindReceipt, []string{hospital + "/s1", gp + "/s3"}, got.Sent
	limit := &content{}
	limit.rare().rights().Blocks = []blockFact{{ID: "c", Kind: kindBlock, Denied: []string{gp}, Scopes: []string{"record:" + town + "/s2"}}}
	return []letter{
		{"hospital says 19", one},
		{"town says 26", two},
		{"surgery says 20, knowing 19", knowing},
		{"town changes to 20", follow(stating(town, "s4", 45, says("2026-03-20")), two, "M")},
		{"hospital withdraws 19", follow(stating(hospital, "s5", 60, &content{}), one, "C")},
		{"coordinator decides for 19", decided},
		{"the decision is withdrawn", follow(stating(town, "s7", 70, &content{}, rolePerson, roleCoordinator), decided, "C")},
		{"town has received 19 and 20", got},
		{"patient denies the surgery 26", stating(town, "s9", 20, limit, rolePatient)},
	}
}

// rightsLetters are about who the person is and who may see what: a link and its withdrawal, a message on each
// identifier, a hold and its release, a limit and its lifting, joining and leaving.
func rightsLetters() []letter {
	states := func(f rightsFacts) *content { return &content{More: &more{Rights: &f}} }
	other := word(hospital, "r2", "N", "", 2, goalOf("on the other number"))
	other.Chain.Conversation, other.Subject = "r2", dnr(testDNR)
	linked := stating(registry, "r3", 3, states(rightsFacts{Links: []linkFact{{Other: dnr(testDNR)}}}), roleAuthority)
	limited := stating(town, "r7", 7, states(rightsFacts{Blocks: []blockFact{{ID: "c", Kind: kindBlock, Denied: []string{gp}}}}), rolePatient)
	first := word(hospital, "r1", "N", "", 1, goalOf("on the first number"))
	first.Chain.Conversation = "r1"
	hold := func(release bool) *content {
		return states(rightsFacts{Holds: []holdFact{{Record: hospital + "/r1", Release: release}}})
	}
	return []letter{
		{"a goal", first},
		{"a goal on another number", other},
		{"the numbers are linked", linked},
		{"the link is withdrawn", follow(stating(registry, "r4", 4, &content{}, roleAuthority), linked, "C")},
		{"the goal is set aside", stating(town, "r5", 5, hold(false), rolePerson)},
		{"the goal is let back", stating(town, "r6", 6, hold(true), rolePerson)},
		{"the surgery is denied", limited},
		{"the limit is lifted", stating(town, "r8", 8, states(rightsFacts{Blocks: []blockFact{{ID: "c", Off: true, Kind: kindBlock}}}), rolePatient)},
		{"the surgery joins", stating(gp, "r9", 9, states(rightsFacts{Team: []memberFact{{HER: gp, Start: "2026-01-11"}}}))},
	}
}

// rightsOptions look as one who sees all the messages, as the person's own plan, and as the surgery.
func rightsOptions() []Options {
	return []Options{{}, {Subject: fnr(testFNR)}, {Subject: fnr(testFNR), Viewer: &Viewer{HER: []string{gp}}}}
}
