package main

import "slices"

// mutations is the table: every merge rule of careplan.md sections 4 to 8 and of function.md that stands in one place of
// the code. The number of a mutation is its place here, counted from 1.
func mutations() []mutation {
	return slices.Concat(records(), chains(), shared(), decisions(), proposals(), team(), rules(), stays(), people(), visibility(), courses(), functions())
}

func records() []mutation {
	const s = "careplan 4"
	return []mutation{
		{"order time is the sender's clock alone", s, "record.go", condition, `if «r.Sent.IsZero() || !r.Receive.IsZero() && r.Receive.Before(r.Sent)» {`, `r.Sent.IsZero()`},
		{"of an id used twice the latest received counts", s, "incremental.go", expression, `a.Receive.Compare(b.Receive)`, `b.Receive.Compare(a.Receive)`},
		{"of an id used twice in one moment the greatest hash counts", s, "incremental.go", expression, `strings.Compare(a.Hash, b.Hash)`, `strings.Compare(b.Hash, a.Hash)`},
		{"an id used twice is not told of", s, "chain.go", condition, `if «d.Hash == win.Hash || contains(seen, d.Hash)» {`, `true`},
		{"a repeat counts as an id used twice", s, "chain.go", condition, `if «d.Hash == win.Hash || contains(seen, d.Hash)» {`, `contains(seen, d.Hash)`},
		{"mapped again, the earlier mapping counts", s, "chain.go", condition, `out[j].Mapping < all[i].Mapping`, `out[j].Mapping > all[i].Mapping`},
	}
}

func chains() []mutation {
	const s = "careplan 5.1"
	return []mutation{
		{"children need not wait for their parents", s, "line.go", condition, `if «p != nil && p.line != l» {`, `p != nil`},
		{"among the ready ones the greatest comes first", s, "line.go", expression, `byOrder(q[i], q[j])`, `byOrder(q[j], q[i])`},
		{"a cycle is broken at its greatest member", s, "chain_root.go", expression, `slices.MinFunc(path[start:], byOrder)`, `slices.MaxFunc(path[start:], byOrder)`},
		{"a cycle is not told of", s, "line.go", statements, `r.flag(&l.flags, "cycle", "Messages name each other as the earlier one; their order is a guess.")`, ``},
		{"a fork is not told of", s, "line.go", condition, `if «len(keys) > 1» {`, `false`},
		{"a new version leaves the additions", s, "line.go", statements, `drop(stateReplaced)`, "if l.head != nil {\nl.head.state = stateReplaced\n}"},
		{"a new version leaves the old one live", s, "line.go", statements, `drop(stateReplaced)`, "if l.head != nil {\nl.added = append(l.added, l.head)\n}"},
		{"a withdrawal leaves the additions", s, "line.go", statements, `drop(stateWithdrawn)`, "if l.head != nil {\nl.head.state, l.head = stateWithdrawn, nil\n}"},
		{"an addition counts after the withdrawal", s, "line.go", condition, "case samvirke.OpAddition:\n\t\t\tif «l.ender != nil» {", `false`},
		{"what follows a withdrawal stays withdrawn", s, "line.go", statements, "l.ender = nil\n", "l.head = nil\ncontinue"},
		{"what follows a withdrawal is not told of", s, "line.go", statements, `r.flag(&l.flags, "reopened", "A message follows the withdrawal of its conversation and counts again.")`, ``},
		{"a missing parent is not told of", s, "chain.go", statements, `r.flag(&v.odd, "orphan", "A change or withdrawal names a message that has not arrived.")`, ``},
		{"a withdrawal does not wait for its target", s, "line.go", condition, `case «r.Chain.Op == samvirke.OpCancel && unplaced»:`, `false`},
		{"the first message need not come first", s, "line.go", condition, `if «p == nil && r != opener» {`, `false`},
		{"a change without reference is not told of", s, "chain.go", statements, `r.flag(&v.odd, "no-parent", "A change or withdrawal names no earlier message.")`, ``},
		{"a withdrawal that names nothing withdraws itself a conversation", s, "line.go", condition, `if «r.Chain.Conversation == ""» {`, `false`},
		{"a change of another sender's message is not set aside", s, "chain.go", condition, `case «r.parent == nil && v.find(Key{r.Key.Sender, target}) == nil && v.elsewhere(target)»:`, `false`},
		{"messages of all kinds stand on one line", s, "chain_root.go", expression, `lineName{root.Key.Sender, root.Chain.Conversation, root.Kind}`, `lineName{root.Key.Sender, root.Chain.Conversation, ""}`},
		{"a withdrawal of one version withdraws nothing", "careplan 1", "line.go", condition, `if «gone[r]» {`, `false`},
		{"with the only version withdrawn the conversation goes on", "careplan 1", "line.go", condition, `if «len(gone) > 0 && l.ender == nil && l.head == nil && len(l.added) == 0» {`, `false`},
		{"a withdrawn conversation leaves its flags", "careplan 11 P7", "chain.go", condition, "if «l.ender == nil» {\n\t\t\tcontinue\n\t\t}\n\t\tfor _, r := range l.members {\n\t\t\tr.ended", `true`},
		{"a withdrawal that never met its target leaves no flag", s, "chain.go", condition, `r.ended = «r.Chain.Op != samvirke.OpCancel || !r.orphan»`, `true`},
	}
}

func shared() []mutation {
	const s = "careplan 5.3"
	return []mutation{
		{"rules 1 and 2: the version that a message names is not asked", s, "shared_context.go", condition, `case «len(t.Seen) > 0»: // If-Match`, `false`},
		{"rules 1 and 2: receipts count beside the version named", s, "shared_context.go", statements, `return s.names(t, of.key)`, `return s.names(t, of.key) || s.acknowledged(t, of.key)`},
		{"rules 1 and 2: own earlier records count beside the version named", s, "shared_context.go", statements, `return s.names(t, of.key)`, `return s.names(t, of.key) || of.Key.Sender == t.Key.Sender && s.earlier(of, t)`},
		{"rule 3: receipts give no knowledge", s, "shared_context.go", condition, `case «s.acknowledged(t, of.key)»:`, `false`},
		{"rule 3: a receipt of the last five minutes counts", s, "shared_context.go", expression, `limit := «at.Add(-receiptLead)»`, `at`},
		{"rule 3: the writer's clock is believed", s, "shared_context.go", expression, `at := «t.order»`, `t.Sent`},
		{"rule 3: the clock of the receipt is believed", s, "shared_context.go", condition, `if «r.Receive.After(got.at)» {`, `false`},
		{"rule 4: own earlier records are not seen", s, "shared_context.go", condition, `return «of.Key.Sender == t.Key.Sender && s.earlier(of, t)»`, `false`},
		{"rule 4: everybody's earlier records are seen", s, "shared_context.go", condition, `return «of.Key.Sender == t.Key.Sender && s.earlier(of, t)»`, `s.earlier(of, t)`},
		{"earlier records of the own chain are not seen", s, "shared_context.go", condition, `case «t.line != nil && t.line == of.line»:`, `false`},
		{"of two that claim to have seen each other none stays", s, "shared_context.go", condition, `return «s.seen(t, of) && !s.seen(of, t)»`, `s.seen(t, of)`},
		{"nothing is overwritten", s, "shared_context.go", condition, `return «s.seen(t, of) && !s.seen(of, t)»`, `false`},
		{"of several values the earliest is shown", s, "shared_value.go", expression, `o.at.Compare(s.at)`, `s.at.Compare(o.at)`},
		{"of values of one time the one told first is shown", s, "shared_value.go", expression, `o.rec.order.Compare(s.rec.order)`, `s.rec.order.Compare(o.rec.order)`},
		{"of values of one time the smallest key is shown", s, "shared_value.go", expression, `strings.Compare(o.rec.key, s.rec.key)`, `strings.Compare(s.rec.key, o.rec.key)`},
		{"no organisation comes before others", s, "shared_value.go", expression, `cmp.Compare(rank(s), rank(o))`, `0`},
		{"a value counts from a time that has not come", s, "shared_value.go", condition, `if «t.IsZero() || t.After(r.order)» {`, `t.IsZero()`},
		{"different values are no conflict", s, "shared.go", condition, "\tif «differing(g.now)» {", `false`},
		{"equal values are a conflict", s, "shared_value.go", condition, `if «!list[i].sameValue(&list[j])» {`, `true`},
		{"a value taken away is shown", s, "shared.go", condition, `if «!g.now[0].removed» {`, `true`},
		{"what is overwritten by a hidden value comes back", "careplan 8", "fold.go", statements, `f.sight = seen`, `f.sight = v.sights(o.wrong)`},
	}
}

func decisions() []mutation {
	const s = "careplan 5.4"
	return []mutation{
		{"a decision settles also what it has not seen", s, "shared.go", condition, "\tif «differing(g.now)» {", `differing(g.now) && !slices.ContainsFunc(g.now, func(s stated) bool { return s.decides != nil })`},
		{"a system may decide", s, "shared_value.go", condition, `if «!contains(r.Roles, "person")» {`, `false`},
		{"any person may decide", s, "shared_value.go", condition, `return «contains(r.Roles, "coordinator") || contains(r.Roles, "patient") && planFieldOf(d.Conflict) == ""»`, `true`},
		{"the patient decides about the plan's own fields", s, "shared_value.go", condition, `contains(r.Roles, "patient") && «planFieldOf(d.Conflict) == ""»`, `true`},
		{"a decision stands when its basis is withdrawn", s, "shared.go", condition, `case «gone»:`, `false`},
		{"a basis that somebody still states is gone", s, "shared.go", condition, `if s := &g.all[i]; «s.rec != d.rec && s.sameValue(d)» {`, `false`},
		{"a decision without the right to it is not told of", s, "shared.go", condition, `if «!r.mayDecide(&s.Resolutions[i])» {`, `false`},
		{"a settled conflict still asks", s, "shared.go", condition, `if «c.Status == "resolved"» {`, `false`},
		{"the coordinating organisation is not asked", s, "shared.go", condition, `if r := f.live[i]; «contains(r.Roles, "coordinator")» {`, `false`},
		{"old conflicts are not told of again", s, "clock.go", condition, `if «x.Status == "resolved" || x.Opened.IsZero()» {`, `true`},
		{"conflicts are told of again at once", s, "clock.go", expression, `x.Opened.Add(age.after)`, `x.Opened`},
		{"a settled conflict is told of again", s, "clock.go", condition, `if «x.Status == "resolved" || x.Opened.IsZero()» {`, `x.Opened.IsZero()`},
		{"a system links two descriptions of one thing", "careplan 5.2", "shared_same.go", condition, `if «s == nil || !contains(r.Roles, "person")» {`, `s == nil`},
		{"one owner's two items are suggested as the same", "careplan 5.2", "shared_same.go", condition, `if «a.owner == b.owner» ||`, `false`},
		{"what a person said is not the same is suggested again", "careplan 5.2", "shared_same.go", statements, "out[pair] = nil\n", `delete(out, pair)`},
	}
}

func proposals() []mutation {
	const s = "careplan 5.2"
	return []mutation{
		{"the requester changes what another has accepted", s, "shared_owner.go", condition, `if acc := owners[0].accepted; «acc.Key.Sender != l.sender» {`, `false`},
		{"the requester owns what another has accepted", s, "shared_proposal.go", statements, `return r.Key.Sender == m.Owner`, `return r.Key.Sender == m.Requester`},
		{"everybody owns a measure that nobody accepted", s, "shared_proposal.go", condition, "acc == nil {\n\t\treturn «r.Key.Sender == m.Requester»", `true`},
		{"the owner is the owner from the beginning", s, "shared_proposal.go", condition, `if «before» {`, `false`},
		{"the last to accept carries a measure", s, "answer.go", statements, `return byOrder(a.accepted, b.accepted)`, `return byOrder(b.accepted, a.accepted)`},
		{"accepting again is a new acceptance", s, "answer.go", condition, `if «t.accepted == nil» {`, `true`},
		{"who said yes and then no still carries", s, "answer.go", statements, `*t = taker{who: t.who, status: "rejected"}`, `t.status = "rejected"`},
		{"two owners are not told of", s, "answer.go", condition, `if «len(owners) > 1» {`, `false`},
		{"a proposal is closed by an owner who had not seen it", "careplan 5.4", "shared_proposal.go", condition, `if «!f.sight.seen(r, a.rec)» {`, `false`},
		{"a granted proposal is only answered", "careplan 5.4", "shared_proposal.go", condition, `if «equal» {`, `false`},
		{"anybody may answer a proposal", "careplan 5.4", "shared_proposal.go", condition, `if «g.rec.Key.Sender != a.out.Owner && a.out.Owner != "coordinator" && !contains(g.rec.Roles, "coordinator")» {`, `false`},
		{"the latest record of the owner closes a proposal, not the first", "careplan 5.4", "shared_proposal.go", statements, `a.out.Status, a.out.Closed = all[0].status, []string{all[0].rec.key}`, `a.out.Status, a.out.Closed = all[len(all)-1].status, []string{all[len(all)-1].rec.key}`},
		{"a closed proposal still asks", "careplan 5.4", "shared_proposal.go", condition, `if «a.out.Status != "requested"» {
		status = "done"`, `false`},
	}
}

func team() []mutation {
	const s = "careplan 5.2"
	return []mutation{
		{"a removal that has not seen the joining ends it", s, "rights_team.go", condition, `if «!known.seen(r, a.rec)» ||`, `false`},
		{"leaving ends nothing", s, "rights_team.go", condition, `if «a.End.IsZero() || s.end.Before(a.End)» {`, `false`},
		{"leaving ends all periods", s, "rights_team.go", condition, `«!s.start.IsZero() && !a.Start.IsZero() && !s.start.Equal(a.Start)» {`, `false`},
		{"anybody says who takes part", s, "rights_team.go", condition, `return «r.Key.Sender == her» ||`, `true`},
		{"the coordinating organisation cannot say who takes part", s, "rights_team.go", condition, `|| «r.has(roleCoordinator)» ||`, `false`},
		{"joining again is no new period", s, "rights_team.go", condition, `out[n].HER == a.HER && «out[n].Start.Equal(a.Start)» &&`, `true`},
		{"a membership without a period holds for ever", "careplan 8", "rights.go", condition, `return !at.Before(s.start) && «(s.end.IsZero() || at.Before(s.end))»`, `true`},
		{"a membership holds before it begins", "careplan 8", "rights.go", condition, `return «!at.Before(s.start)» && (s.end.IsZero()`, `true`},
		{"what came after a membership is shown", "careplan 8", "view.go", condition, `late := «o.now != nil && o.now.over && r.Receive.After(o.now.last) && !o.Viewer.is(r.Key.Sender) && !isCancel(r.Chain.Op)»`, `false`},
		{"a withdrawal after a membership does not act", "careplan 8", "view.go", condition, `&& «!isCancel(r.Chain.Op)»`, `true`},
	}
}

func rules() []mutation {
	const s = "careplan 5.5"
	return []mutation{
		{"R1 counts at once", s, "rule_measure.go", expression, `«f.requested(m).Add(AnswerLimit)», m.From...`, `f.requested(m)`},
		{"R1 asks also for measures with an owner", s, "rule_measure.go", condition, `m.Kind == "proposal" && «m.Owner == ""» {`, `true`},
		{"R2 finds nothing", s, "rule_measure.go", condition, `if «!wants[g.Owner] && !f.planned(g.ID)» {`, `false`},
		{"R2 knows no plan of an organisation", s, "rule_measure.go", condition, `«!f.planned(g.ID)» {`, `true`},
		{"R3 finds nothing", s, "rule_measure.go", condition, `if «!f.hasGoal(o)» {`, `false`},
		{"R4 finds nothing", s, "rule_plan.go", condition, `if «len(names) > 1» {`, `false`},
		{"R5 asks for what has been evaluated", s, "rule_measure.go", condition, `|| «f.assessedBy(m.Owner, due.at)» {`, `false`},
		{"R5 does not read the plan's own date", s, "rule_measure.go", condition, `if due := parseMoment(n.Value.Text); «!due.at.IsZero()» {`, `false`},
		{"R6 asks for a report that came", s, "rule_stay.go", condition, `&& «!f.hasReport(s, kindDischargeReport)» {`, `true`},
		{"R6 counts at once", s, "rule_stay.go", expression, `«s.end.at.Add(DischargeReportLimit)», s.out.End.From...`, `s.end.at`},
		{"R6 takes any hospital's report", s, "rule_stay.go", condition, `if «kind != kindDischargeReport || r.Key.Sender == s.sender» {`, `true`},
		{"R7 asks for what was booked again", s, "rule_stay.go", condition, `«c.Cancelled && slices.ContainsFunc(f.p.Checkups, again)» ||`, `false`},
		{"R7 asks before the person has left", s, "rule_stay.go", condition, `|| «!left(c.Owner)» {`, `false`},
		{"R8 compares different parts of the body", s, "rule_measure.go", condition, `«sites[a.ID] != "" && sites[b.ID] != "" && sites[a.ID] != sites[b.ID]» {`, `false`},
		{"R8 knows opposites one way only", s, "rule_measure.go", condition, `return p == [2]string{a, b} || «p == [2]string{b, a}» })`, `false`},
		{"R9 does not look at the periods", s, "rule_measure.go", condition, `«!sameTime(a, b)» {`, `false`},
		{"R9 finds one provider twice", s, "rule_measure.go", condition, `«plainKey(a.Provider) == plainKey(b.Provider)» ||`, `false`},
		{"R10 finds a single withdrawal", s, "rule_stay.go", condition, `if «s.out.WithdrawnN < RepeatedReady» {`, `s.out.WithdrawnN < 1`},
		{"R11 asks for an answer that came", s, "rule_plan.go", condition, `|| «f.writtenBack(r)» ||`, `false`},
		{"R11 asks after the person has left", s, "rule_plan.go", condition, `|| «r.Kind == kindEarlyNotice && f.leftAfter(r)» {`, `false`},
		{"R13 asks for an aid that is ordered", s, "rule_measure.go", condition, `«o.Status != "needed" && sameAid(a, o)» }) {`, `false`},
		{"R14 asks for an assessment that was made", s, "rule_plan.go", condition, `|| «f.p.assessedFrom(c.end.at.Add(-EndAssessmentWithin))» {`, `false`},
		{"R14 takes any assessment of the course", s, "rule_plan.go", expression, `f.p.assessedFrom(«c.end.at.Add(-EndAssessmentWithin)») {`, `c.start.at`},
		{"R15 counts at once", s, "rule_stay.go", expression, `«told.order.Add(AdmissionReportLimit)»`, `told.order`},
		{"R15 asks also when the person has left", s, "rule_stay.go", condition, `if «s.out.Status != "in-progress" && s.out.Status != "onleave"» ||`, `false`},
		{"R16 finds what others mention", s, "rule_stay.go", condition, `|| «said.elsewhere(m)» {`, `false`},
		{"R16 finds nothing", s, "rule_stay.go", condition, `if «m.Requester != s.sender || !f.ofStay(s, m)» ||`, `true`},
		{"a rule cannot be switched off", s, "rule.go", condition, `return «len(f.o.Off) > 0 && slices.Contains(f.o.Off, id)»`, `false`},
		{"next of kin need no reason", "careplan 2.1", "gap.go", condition, `g.ExpressedBy == "kin" && «g.OnBehalf != ""» {`, `true`},
		{"an organisation without a telephone number is not found", "careplan 2.1", "gap.go", condition, `if «contributed» && !slices.ContainsFunc`, `false`},
	}
}
