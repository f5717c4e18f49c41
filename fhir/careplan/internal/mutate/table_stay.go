package main

func stays() []mutation {
	const s = "careplan 6"
	return []mutation{
		{"events act in the order they were told", s, "stay_fold.go", statements, `slices.SortFunc(s.events, byEvent)`, `slices.SortFunc(s.events, func(a, b *stayEvent) int { return byOrder(a.rec, b.rec) })`},
		{"a withdrawn admission goes on", s, "stay_fold.go", statements, `s.out.Status = "entered-in-error"`, ``},
		{"a withdrawn admission with later events is not told of", s, "stay_fold.go", statements, `f.flag("admission-withdrawn", "The admission was withdrawn but later messages of the stay still stand.", s.from...)`, ``},
		{"a stay of a withdrawn admission is finished by its discharge", s, "stay_fold.go", condition, `if s.out.End != nil && «s.withdrawn == nil» {`, `true`},
		{"a stay whose admission is not known is no gap", s, "stay_fold.go", statements, `f.addGap(gapStartUnknown, "The admission of a stay is not known.", s.out.ID, time.Time{}, s.from...)`, ``},
		{"a discharge does not end the stay", s, "stay_fold.go", condition, `if «s.out.End != nil && s.withdrawn == nil» {`, `false`},
		{"a discharge before the admission does not end the stay", s, "stay_fold.go", condition, `if «s.out.End != nil && s.withdrawn == nil» {`, `s.out.End != nil && s.withdrawn == nil && !s.unknown`},
		{"a discharge before the admission is not told of", s, "stay_fold.go", condition, `if end := s.end; «!s.unknown && !end.day && end.at.Before(s.start.at)» {`, `false`},
		{"discharge-ready outlives a withdrawn admission", s, "stay_fold.go", condition, `if «open >= 0 && s.withdrawn != nil» {`, `false`},
		{"discharge-ready without a stay is not asked about", s, "stay_attach.go", condition, "if «ev.Code == eventReady» {\n\t\tf.unattached(", `false`},
		{"a withdrawal of discharge-ready does not end it", s, "stay_fold.go", statements, `list[open].close(v, "withdrawn")`, ``},
		{"withdrawals of discharge-ready are not counted", s, "stay_fold.go", statements, `s.out.WithdrawnN++`, ``},
		{"set again, discharge-ready is the same period", s, "stay_fold.go", statements, "open = -1\n\t\t\ts.out.WithdrawnN++", `s.out.WithdrawnN++`},
		{"a withdrawal of discharge-ready leaves the task", s, "stay_fold.go", statements, `f.readyDone(asked, "cancelled", ev.rec.key)`, ``},
		{"the discharge does not end discharge-ready", s, "stay_fold.go", statements, `list[open].close(v, "discharged")`, ``},
		{"discharge-ready may be set after the discharge", s, "stay_fold.go", condition, "if «s.out.End != nil» {\n\t\t\t\tf.flag(\"ready-after-discharge\"", `false`},
		{"two times of discharge are not told of", s, "stay_fold.go", statements, `f.flag("discharged-twice", "Two live messages give different times of discharge; the earlier is shown.", s.out.End.From[0], ev.rec.key)`, ``},
		{"a transfer is two stays at once", s, "stay_fold.go", expression, `a.end.at.Before(«b.start.at.Add(transferGap)»)`, `b.start.at`},
		{"two stays at once are not told of", s, "stay_fold.go", condition, `if n := len(before); «n > 0» {`, `false`},
		{"an event goes to one of several open stays", "careplan 3.1", "stay_attach.go", condition, `case «len(open) > 1»:`, `false`},
		{"an event goes to a stay that had ended", "careplan 3.1", "stay_attach.go", condition, `if «s.end.text != "" && !s.end.day && s.end.at.Before(ev.at)» ||`, `false`},
		{"an event goes to another hospital's stay", "careplan 3.1", "stay_attach.go", condition, `if «s.sender != ev.rec.Key.Sender» ||`, `false`},
		{"two hospitals have one stay", "careplan 3.1", "stay_find.go", condition, `if «s.sender != sender» {`, `false`},
		{"a time that was planned counts when it was planned for", s, "stay.go", condition, `if «ev.Estimate && e.at.After(r.order)» {`, `false`},
		{"the latest word for the admission time beats the admission", s, "stay.go", condition, `«s.startRec.Kind != kindAdmitted» && byOrder(s.startRec, r) < 0`, `true`},
		{"a person on leave is in hospital", s, "stay_native.go", condition, `if «away && state == "in-progress"» {`, `false`},
		{"an admission after the discharge is the same stay", s, "stay_native.go", condition, `again := «t.own.Main == eventAdmitted && !left.IsZero() && left.Before(t.at)»`, `false`},
		{"an Encounter entered in error goes on", s, "stay_native.go", condition, `if «wrong != nil && (admitted == nil || byOrder(admitted, wrong) < 0)» {`, `false`},
		{"an Encounter entered in error before it was admitted is an error", s, "stay_native.go", condition, `if wrong != nil && «(admitted == nil || byOrder(admitted, wrong) < 0)» {`, `true`},
		{"a withdrawn native admission goes on", s, "stay_native.go", condition, `if «len(g.ids) > 0 && len(part) == len(g.told) || slices.ContainsFunc(part, fits)» {`, `false`},
		{"a cancelled plan of a stay is still planned", s, "stay_native.go", condition, `if «ev.Code == eventCancelled && (s.planned || !ev.at.Before(s.start.at))» {`, `false`},
	}
}

func people() []mutation {
	const s = "careplan 7"
	return []mutation{
		{"anybody may link two identifiers", s, "rights_identity.go", condition, `case «r.has(roleAuthority) || r.has(rolePerson)»:`, `true`},
		{"links do not reach further than one step", s, "rights_identity.go", statements, `in[l.a], in[l.b], grown = true, true, true`, `in[l.a], in[l.b] = true, true`},
		{"a withdrawal of a link that names the other person does not act", s, "rights_identity.go", condition, `«ok && isCancel(r.Chain.Op)» {`, `false`},
		{"two active plans of one person are not told of", s, "rights_identity.go", condition, `if «len(active) < 2» ||`, `true`},
		{"a plan that a person let go is active", s, "rights_identity.go", condition, `case «by != nil && by.Subject != id.Patient && contains(keysOf(list), by.Subject)»:`, `false`},
		{"a system picks the plan that goes on", s, "rights_identity.go", condition, `if «r.has(rolePerson) || r.has(roleCoordinator)» {`, `true`},
		{"the person is known by a local number", s, "rights_identity.go", expression, `cmp.Compare(subjectRank(a), subjectRank(b))`, `0`},
		{"a record that is set aside takes part", s, "rights.go", condition, `if «len(g.held) == 0» {`, `true`},
		{"repeats of a record that is set aside take part", s, "rights.go", condition, "for _, r := range p.keyed {\n\t\tif «!aside[r.Key]» {", `!aside[r.Key] || r.Receive.After(g.held[0].target.Receive)`},
		{"a system sets records aside", s, "rights_hold.go", condition, `if «!r.has(rolePerson)» {`, `false`},
		{"a record is never let back", s, "rights_hold.go", statements, `last[h.Record] = held{}`, ``},
		{"a withdrawal can be set aside", s, "rights_hold.go", condition, `«isCancel(r.Chain.Op)» ||`, `false`},
		{"death does not end timers", s, "clock.go", condition, `if p == nil || «p.Person.Deceased != nil» {`, `false`},
		{"death leaves the gaps", s, "gap.go", condition, `if «f.p.Person.Deceased != nil» {`, `false`},
		{"death leaves the tasks", s, "gap.go", statements, `f.endTasks()`, ``},
		{"death leaves the courses", s, "course.go", condition, `«dead != nil && (out.Status == "active" || out.Status == "planned" || out.Status == "onhold")» {`, `false`},
		{"anybody's word ends everything as death does", s, "person.go", condition, `return «r.Kind == kindDead || r.facts.Dead || r.has(roleAuthority) || r.has(rolePerson)»`, `true`},
		{"a clock rests on a withdrawn record", "careplan 11 P21", "clock.go", condition, `if _, ok := c.p.Sources[k]; «ok» {`, `true`},
	}
}
