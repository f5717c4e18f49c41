package main

func visibility() []mutation {
	const s = "careplan 8"
	return []mutation{
		{"an objection to forwarding is not kept", s, "view.go", condition, `case «r.NoForwarding» ||`, `false`},
		{"a restricted label is not kept", s, "view.go", condition, `case r.NoForwarding || «r.labelled(labelRestricted)»:`, `false`},
		{"addressees do not see what was sent to them", s, "view.go", condition, `if «!s.addressed(r)» {`, `true`},
		{"limits do not limit", s, "view.go", condition, `if «b.covers(r) && (b.Kind != kindReservation || !s.addressed(r))» {`, `false`},
		{"who wrote a record does not see it", s, "view.go", condition, `case «s.own(r)»:`, `false`},
		{"the patient sees what is not for the patient", s, "view.go", condition, `return «!r.labelled(labelNotPatient)»`, `true`},
		{"a hidden head shows the additions", s, "view.go", condition, `drop := «l.head != nil && !s.sees(l.head)»`, `false`},
		{"a hidden withdrawal shows the conversation", s, "view.go", condition, `if !drop && «l.ender != nil && hidden[l.ender.key]» {`, `false`},
		{"replaced versions that may not be seen stand in the history", s, "view.go", condition, `if drop || «!s.sees(r)» {`, `false`},
		{"flags about hidden records show", s, "view.go", condition, `return slices.ContainsFunc(fl.From, func(k string) bool { return «hidden[k] || quiet[k]» })`, `false`},
		{"a limit tells of itself", s, "view.go", condition, `case «s.marker(r)»:`, `false`},
		{"a reservation limits nothing", s, "view.go", condition, `if «b.Kind == kindReservation» || b.denies(v) &&`, `false`},
		{"a limit holds outside its period", s, "view.go", condition, `b.denies(v) && «(v.At.IsZero() || b.holds(v.At))» {`, `true`},
		{"a limit that came later leaves the past open", s, "view.go", statements, `s.later = o.now.hidden`, ``},
		{"labelled items show", s, "view.go", statements, "\tv.strip(s)\n", ``},
		{"what is withheld is told where that is not allowed", s, "view.go", condition, `if «o.Viewer.ShowWithheld» {`, `true`},
		{"anybody lifts a limit", s, "rights_block.go", condition, `if «o.byPatient || !b.byPatient && o.rec.Key.Sender == b.rec.Key.Sender» {`, `true`},
		{"the recorder lifts what the patient set", s, "rights_block.go", condition, `o.byPatient || «!b.byPatient» && o.rec`, `true`},
		{"the patient cannot lift a limit", s, "rights_block.go", condition, `if «o.byPatient || !b.byPatient && o.rec.Key.Sender == b.rec.Key.Sender» {`, `!b.byPatient && o.rec.Key.Sender == b.rec.Key.Sender`},
		{"a limit set again after it was lifted does not count", s, "rights_block.go", condition, `if «byOrder(o.rec, b.rec) < 0» {`, `false`},
		{"only the latest limit counts", s, "rights_block.go", statements, `g.blocks = append(g.blocks, one)`, `g.blocks = []block{one}`},
		{"a limit without scope covers nothing", s, "rights_block.go", condition, `if «len(b.Scopes) == 0» {
		return true`, `false`},
		{"a scope that is not known covers nothing", s, "rights_block.go", condition, `return «true» // a scope that is not known`, `false`},
		{"a limit on a document leaves its other versions", s, "rights_block.go", condition, `return r.named(word) || «r.line != nil && slices.ContainsFunc(r.line.members, func(m *rec) bool { return m.named(word) })»`, `false`},
		{"a limit on an organisation covers nothing", s, "rights_block.go", condition, `return «r.Key.Sender == word» ||`, `false`},
		{"a limit on a kind covers nothing", s, "rights_block.go", condition, `return «r.Kind == word»`, `false`},
		{"a limit on a topic covers nothing", s, "rights_block.go", condition, `return «r.about(word)»`, `false`},
		{"the patient's choice of team lets everybody in", s, "rights_block.go", condition, "case «b.Kind == kindTeam»:\n\t\treturn true\n\tcase len(b.Denied)", `false`},
		{"a limit on everybody limits nobody", s, "rights_block.go", condition, `return «!v.is(b.rec.Key.Sender)»`, `false`},
		{"limits bind the patient", s, "rights_block.go", condition, `case «v.Patient» || b.Kind == kindReservation`, `false`},
		{"a private provider sees everything", s, "view_narrow.go", statements, `p.private(v)`, ``},
		{"a unit that takes no part sees findings", s, "view_narrow.go", statements, `p.overview()`, ``},
		{"a plan is shown for statistics", s, "view_narrow.go", statements, `*p = Plan{Sources: map[string]Source{}} // figures are made without anybody's plan`, ``},
		{"a blocked viewer is told so", s, "rights_team.go", condition, `case «p.blockedFromAll(v)»:`, `false`},
	}
}

func courses() []mutation {
	return []mutation{
		{"a course stated again is still what it was", "careplan 5.2", "course.go", statements, `l.list[i] = k`, ``},
		{"a course entered in error is shown", "careplan 2", "course.go", condition, `if «e.Status == "entered-in-error"» {`, `false`},
		{"a zone that was ended is shown", "careplan 2", "course.go", condition, `if «k.v.Ended» {`, `false`},
		{"a check-up that was moved stands twice", "careplan 5.2", "course.go", condition, `if «a.Row > 0 && k.v.ID != "" && a.ID == k.v.ID && !contains(k.from, r.key)» {`, `false`},
		{"a check-up of another organisation is moved", "careplan 5.2", "course.go", condition, `|| «r.Key.Sender != k.r.Key.Sender» {`, `false`},
		{"a reference that leads nowhere is not told of", "careplan 2", "course.go", condition, `case «id == ""»:
			c.f.flag`, `false`},
		{"a red light is no drop", "function 5.10", "course_mark.go", condition, `return «m.Value == "red"»`, `false`},
		{"one step down is a drop", "function 5.10", "course_mark.go", condition, `«then-now >= dropSteps» {`, `then-now >= 1`},
		{"a slow fall is a drop", "function 5.10", "course_mark.go", condition, `if «m.At.Sub(o.At) > dropWithin» {`, `false`},
		{"marks outside their scale are drops", "function 5.10", "course_mark.go", condition, `if «m.Invalid» || !c.dropped`, `false`},
		{"a drop that was looked at still asks", "function 5.10", "course_mark.go", condition, `if «r.Key.Sender == to && r.order.After(told) && answersDrop(r)» {`, `false`},
		{"anybody's note answers a drop", "function 5.10", "course_mark.go", condition, `if «r.Key.Sender == to» && r.order.After(told)`, `true`},
		{"what was written before a drop answers it", "function 5.10", "course_mark.go", condition, `&& «r.order.After(told)» && answersDrop`, `true`},
		{"the same mark told twice is two", "careplan 5.2", "course_mark.go", condition, `if j, ok := byID[id]; «ok» {`, `false`},
		{"the patient sees deviations", "careplan 2", "course_talk.go", condition, `return «v != nil && v.Patient» &&`, `false`},
		{"every dialogue message stands in the plan", "careplan 3.1", "course_talk.go", condition, `if «d.About == "" && d.Message == "" && strings.HasPrefix(t.r.Kind, "DIALOG_")» {`, `false`},
		{"weekly evaluations go on past the end", "careplan 10", "clock_course.go", condition, `if «!due.Add(week/2).Before(end)» ||`, `false`},
		{"a mark is no weekly evaluation", "careplan 10", "clock_course.go", condition, `|| «c.marked(due.Add(-week), due)» {`, `false`},
		{"an assessment in the middle is no mid evaluation", "careplan 10", "clock_course.go", condition, `&& «!c.assessed(mid.Add(-week), mid.Add(week))» {`, `true`},
		{"a course with an end assessment asks for one", "careplan 10", "clock_course.go", condition, `&& «!c.p.assessedFrom(end.Add(-EndAssessmentWithin))» {`, `true`},
		{"courses that are over have clocks", "careplan 10", "clock_course.go", condition, `if «k.status != "active"» ||`, `false`},
	}
}

func functions() []mutation {
	return []mutation{
		{"F3 the setting is no part of the key", "function 1", "function/key.go", expression, `{"setting", «k.Setting»}`, `""`},
		{"F3 the informer is no part of the key", "function 1", "function/key.go", condition, `if «in.SelfReport» {`, `false`},
		{"F3 the protocol is no part of the key", "function 1", "function/key.go", condition, `if «in.Protocol || len(in.Variants) > 0» {`, `false`},
		{"F3 the problem is no part of the key", "function 1", "function/key.go", expression, `{"problem", «k.Problem»}`, `""`},
		{"F3 an unknown variant is comparable", "function 1", "function/key.go", condition, `if «k.Variant == "" && len(in.Variants) > 0» {`, `false`},
		{"F6 not relevant is a number", "function 1", "function/read.go", condition, `in.NotRelevant != 0 && !v.Words && «isWritten(in.NotRelevant, v.Value)» ||`, `false`},
		{"F7 digits in words are a number", "function 1", "function/read.go", condition, `if !ok || «v.Words» {`, `false`},
		{"a value outside its scale is a number", "function 1", "function/read.go", condition, `if «!out.Range.Holds(inUnit)» {`, `false`},
		{"F4 a wrong sum is not told of", "function 4", "function/check.go", condition, `«has && n == len(barthelRows) && sum != total» {`, `false`},
		{"F5 incomplete items are compared with the total", "function 4", "function/check.go", condition, `has && «n == len(barthelRows)» && sum != total {`, `true`},
		{"F8 bands of IPLOS are turned round", "function 6.1", "function/band.go", expression, `return b[«int(v)-1»], true
		}
	case "fim":`, `5-int(v)`},
		{"F9 one organisation disagrees with itself", "function 6", "function/disagree.go", condition, `|| «a.Owner == b.Owner» ||`, `false`},
		{"F9 bands that meet disagree", "function 6", "function/disagree.go", condition, `|| «a.Band.Overlaps(*b.Band)» ||`, `false`},
		{"F9 what happened between does not matter", "function 6", "function/disagree.go", condition, `|| «v.eventBetween(a, b)» ||`, `false`},
		{"F9 before and after the illness disagree", "function 6", "function/disagree.go", condition, `|| «a.Before != b.Before» ||`, `false`},
		{"F9 a test and daily life disagree", "function 6", "function/disagree.go", condition, "||\n\t\t\t\t«isGap(a, b) || isGap(b, a)» {", `false`},
		{"F9 what is years apart disagrees", "function 6", "function/disagree.go", condition, `return «v.at(a).Sub(v.at(b)).Abs() <= v.o.Window»`, `true`},
		{"F3 values without a number are on lines", "function 1", "function/change.go", condition, `if «c.State != StateValue || c.Key == ""» || c.Instrument == "copm" && strings.HasPrefix(c.Item, "mean-") {`, `c.State == StateInvalid || c.Key == ""`},
		{"means of different problems are a line", "function 5", "function/change.go", condition, `|| «c.Instrument == "copm" && strings.HasPrefix(c.Item, "mean-")» {`, `false`},
		{"F18 an entry of another group counts", "function 7", "function/threshold.go", condition, `if «t.Population != "" && !slices.Contains(populations, t.Population)» ||`, `false`},
		{"F18 every change has the size of an entry", "function 7", "function/threshold.go", condition, `if «math.Abs(amount)+1e-9 >= t.Amount» {`, `true`},
		{"F18 studies of two groups are mixed", "function 7", "function/threshold.go", condition, `|| «chosen && t.Population != population» {`, `false`},
	}
}
