package gateway_test

import "strings"

// What the official acceptance tests are for, in our words, and what the rules of AppRec 1.1 make of them. The sets
// are older than those rules and only ask to describe what happens.
//
// Source: standards/no README sections 7.2, 7.3 and 9; examples/index.csv.

// reaction is what a receiver shall do.
type reaction struct {
	// code is "" for a positive receipt, else the code of the refusal.
	code string
	// wire says that no receipt can be addressed: the answer of the transport is all there is. Somebody must
	// tell the sender when the message could be read.
	wire bool
	why  string
}

func accepted(why string) reaction          { return reaction{why: why} }
func refusedWith(code, why string) reaction { return reaction{code: code, why: why} }
func unaddressed(why string) reaction       { return reaction{wire: true, why: why} }

// suite is one set of tests: all files below a folder, with the same numbering.
type suite struct {
	folder string
	cases  map[string]reaction
}

// pendingKinds are kinds of message that are not in the tree yet. Their cases are listed as pending as long as they
// are refused as unknown (T10), and are held against the table from the day they are known. None is pending now.
func pendingKinds() []string { return nil }

const (
	fullNumbers  = "the patient has a name and a number that holds"
	hOnly        = "an H-number is not among the identifiers that suffice, and name with birth date and sex is not complete"
	sameReceiver = "two receivers in one enterprise: imported once, each answers"
)

// ploCases are those of the care messages 1.5.
func ploCases() map[string]reaction {
	return map[string]reaction{
		"1":       accepted("the complete message that the others are made from"),
		"2":       {code: "T01", wire: true, why: "not well-formed: nothing says who to send a receipt to"},
		"11a":     refusedWith("E36", "neither name nor number of the patient"),
		"11b":     accepted("no national number, but name with birth date and sex"),
		"11c":     accepted("no number at all, but name with birth date and sex"),
		"12":      accepted("a patient nobody here knows: no reason to refuse a care message, a person matches"),
		"13a":     unaddressed("the sender's identification is empty"),
		"13b":     unaddressed("nothing stands below Sender, which breaks the schema too"),
		"14a":     refusedWith("E36", "the number of the patient is empty"),
		"14b":     refusedWith("E36", "the number of the patient is garbage"),
		"15a":     refusedWith("T02", "a mandatory element is missing"),
		"15b":     refusedWith("T02", "a mandatory value is missing"),
		"16a":     refusedWith("E36", hOnly),
		"16b":     refusedWith("E36", hOnly),
		"16c":     accepted("a D-number suffices"),
		"16d":     accepted("one of two numbers holds and suffices"),
		"17a":     refusedWith("E36", hOnly),
		"17b":     accepted(fullNumbers + "; that the receiver knows another one is its own affair"),
		"18":      accepted("the enterprise is known, the service is not: E21 where the party's settings say so"),
		"19":      accepted("for us only as a copy: the copy receiver answers, nobody else"),
		"20a":     accepted(sameReceiver),
		"20b":     accepted(sameReceiver),
		"21":      accepted("a cancellation; before its original it is kept until that comes"),
		"case1_1": accepted("an enquiry that another message of the set answers"),
		"case1_2": accepted("a complete further message"),
		"case2_1": accepted("an enquiry that another message of the set answers"),
		"case2_2": accepted("a complete further message"),
		"case3":   accepted("a complete further message"),
		"case5":   accepted("a complete further message"),
	}
}

// suites are all sets.
func suites() []suite {
	return []suite{
		{"plo/v1.5/", ploCases()},
		{"dialog/v1.0/acceptance/", map[string]reaction{
			"14a": refusedWith("E36", "nothing is left of the patient"),
			"14c": accepted("no number, but name with birth date and sex"),
			"16a": unaddressed("the sender's identification is empty"),
			"16c": unaddressed("the element Sender is gone, which breaks the schema too"),
			"17b": refusedWith("T02", "the number's element is gone, which breaks the schema"),
		}},
		{"legemiddelopplysninger/acceptance/", map[string]reaction{
			"2-2":   {code: "T01", wire: true, why: "not well-formed: nothing says who to send a receipt to"},
			"2-10a": refusedWith("E36", "nothing is left of the patient"),
			"2-10c": refusedWith("E36", "a birth date alone names nobody"),
			"2-12a": unaddressed("the sender's identification is empty"),
			"2-13a": refusedWith("E36", "the number of the patient is empty"),
			"2-14a": refusedWith("T02", "a mandatory element is missing"),
			"2-14c": accepted("a contradiction in the content is no reason to refuse"),
			"2-15a": accepted("a code list that is not named is no reason to refuse"),
			"2-16a": accepted("a link in the content that leads nowhere is no reason to refuse"),
			"2-16c": accepted("a link in the content that leads nowhere is no reason to refuse"),
			"3-17a": accepted("an id in the content that is not there is no reason to refuse"),
			"3-17c": accepted("a missing reference in the content is no reason to refuse"),
		}},
		{"epikrise/v1.1/acceptance/", map[string]reaction{
			"1":   accepted("the complete message that the others are made from"),
			"11a": refusedWith("E36", "neither name nor number of the patient"),
			"12a": accepted("the number of the institution is empty, but the HER-id of the department still says who sent it"),
			"13":  accepted("who discharged is not named: content, no reason to refuse"),
			"14b": accepted("who referred is not named: content, no reason to refuse; before version 1.2 the message id need not be a UUID"),
			"15":  accepted("a correction of an earlier epicrisis; before version 1.2 the message id need not be a UUID"),
			"16b": refusedWith("E36", hOnly),
			"16d": accepted("one of two numbers holds and suffices"),
			"17b": accepted(fullNumbers),
			"19":  accepted("for us only as a copy: the copy receiver answers, nobody else"),
			"21":  accepted("a cancellation; before its original it is kept until that comes"),
		}},
		{"henvisning/v1.0/acceptance/", map[string]reaction{
			"1":    accepted("a complete referral"),
			"2":    accepted("a second referral of the same patient"),
			"20-a": refusedWith("E36", "nothing is left of the patient; only an emergency would be taken all the same"),
			"21-a": unaddressed("nothing is left of the sender"),
			"22":   refusedWith("E36", "the number of the patient is garbage"),
			"23b":  refusedWith("E36", hOnly),
			"23d":  accepted("one of two numbers holds and suffices"),
			"24b":  accepted(fullNumbers),
			"26":   accepted("for us only as a copy: the copy receiver answers, nobody else"),
			"28":   accepted("a cancellation; before its original it is kept until that comes"),
		}},
	}
}

// onlyCopies tells the cases in which we are nothing but copy receivers.
func onlyCopies(file string) bool {
	return strings.HasSuffix(file, "/tc-19.xml") || strings.HasSuffix(file, "henvisning/v1.0/acceptance/tc-26.xml")
}

// unknownService tells the cases in which the service named is not ours.
func unknownService(file string) bool { return strings.HasSuffix(file, "/tc-18.xml") }

// ownReactions are files that differ from their case by more than the case is about.
func ownReactions() map[string]reaction {
	return map[string]reaction{
		"plo/v1.5/Helseopplysninger_ved_soknad/tc-16c.xml": refusedWith("E36", "a D-number suffices, but the one in this file holds no possible date (month 40)"),
		"plo/v1.5/Pasientlogistikk_dodsfall/tc-19.xml":     refusedWith("E36", "for us only as a copy, and the patient of this file has an H-number alone: the copy receiver refuses"),
		"plo/v1.5/Medisinske_opplysninger/tc-20b.xml":      accepted("two receivers in one enterprise, but the copy receiver of this file is the sender, who gives no receipt to itself"),
		"plo/v1.5/Helseopplysninger_ved_soknad/tc-18.xml":  accepted("the enterprise is known, and no service is named: E21 where the party's settings say so"),
	}
}

// reactionTo finds what a file of the index is for.
func reactionTo(file, testCase string) (reaction, bool) {
	if w, ok := ownReactions()[file]; ok {
		return w, true
	}
	for _, s := range suites() {
		if strings.HasPrefix(file, s.folder) {
			w, ok := s.cases[testCase]
			return w, ok
		}
	}
	return reaction{}, false
}
