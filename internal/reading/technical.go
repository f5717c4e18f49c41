package reading

import "strings"

// technical is a path whose value people do not need to see, and why. A pattern is a whole path, or ends one
// ("*.reference"), begins one ("Bundle.meta*"), or stands inside ("*(component)*"). With values, only those are meant.
type technical struct {
	pattern string
	values  string // separated by spaces; "" for any
	why     string
}

// technicalPaths is the whole list: what is not here is on the page.
var technicalPaths = []technical{
	{"*.resourceType", "", "the form of the page tells"},
	{"*.id", "", "an id for programs"},
	{"*.meta*", "", "for programs"},
	{"*.url", "", "names an extension"},
	{"*.subject.reference", "", "the patient, who stands at the top"},
	{"*.patient.reference", "", "the patient, who stands at the top"},
	{"*.encounter.reference", "", "the stay, whose events stand at the top"},
	{"*coding.system", "", "named with the code"},
	{"*Coding.system", "", "named with the code"},
	{"*.class.system", "", "named with the code"},
	{"*.format.system", "", "names a list of formats"},
	{"*identifier.system", "", "named with the number"},
	{"*Identifier.system", "", "named with the number"},
	{"*identifier.type.coding.code", "", "named with the number"},
	{"*telecom.system", "", "the label of the number"},
	{"*telecom.use", "", "the label of the number, as the source called it"},
	{"*address.use", "", "shown as the source called it"},
	{"*(lexical-form)*", "", "how the source wrote a value that is shown"},
	{"*(data-absent-reason)*", "", "stands where FHIR demands a value that the source does not have"},
	{"*(date-source)*", "", "whether a date came from a remark; the remark is shown"},
	{"*(event).ext(index)*", "", "the place of an event among others"},
	{"*(component)*", "", "ids of the sending system's record component"},
	{"*(node)*", "", "ids of the sending system's record component"},
	{"*(msg-type)*", "", "how the file stood in the source"},
	{"*(mig-version)*", "", "version of the source's format"},
	{"*(document).ext(MsgType)*", "", "how the payload stood in the source"},
	{"*(com-method)*", "", "how the party is reached"},
	{"*.endpoint", "", "the HER-id stands with the name"},
	{"*text.status", "", "tells programs how a text was made"},
	{"*attachment.data", "", "opened through the link"},
	{"*attachment.hash", "", "for programs"},
	{"*attachment.size", "", "told with the link"},
	{"Bundle.*", "", "the envelope; id and time are shown"},
	{"Composition.type.*", "", "the kind, shown as heading and code"},
	{"*.category.coding.code", "functional-status encounter-diagnosis problem-list-item exam survey", "the place on the page tells"},
	{"Consent.scope.coding.code", "patient-privacy", "the same for all"},
	{"Consent.provision.type", "deny", "the heading tells"},
	{"Encounter.class.code", "IMP", "a stay"},
	{"Encounter.class.display", "", "a stay"},
	{"*.participant.status", "accepted needs-action tentative", "the status of the appointment is shown"},
	{"*(event).ext(estimate).valueBoolean", "false", "only what is expected is marked"},
	{"Task.focus.type", "", "names the type of what it is about, which is shown"},
	{"Composition.attester.mode", "", "the label tells"},
	{"*.status", "final completed current active in-progress finished booked", "the usual status"},
	{"*.lifecycleStatus", "active", "the usual status"},
	{"*.intent", "order", "the usual intent; a proposal is shown"},
	{"*.clinicalStatus.*", "active", "the usual status"},
	{"*.verificationStatus.*", "confirmed", "the usual status"},
	{"*.issue.severity", "error", "the heading tells"},
	{"*.issue.code", "", "the details tell"},
}

// isTechnical tells whether a value at a path is left out on purpose. Names of blocks that the
// source gives its elements stand as Norwegian headings.
func isTechnical(path, value string) bool {
	if sectionTitles[value] != "" && (strings.HasSuffix(path, "section.title") || strings.HasSuffix(path, "section.code.coding.code")) {
		return true
	}
	for i := range technicalPaths {
		t := &technicalPaths[i]
		if matches(t.pattern, path) && (t.values == "" || hasWord(t.values, value)) {
			return true
		}
	}
	return false
}

func hasWord(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

func matches(pattern, path string) bool {
	begin, end := strings.HasPrefix(pattern, "*"), strings.HasSuffix(pattern, "*")
	core := strings.Trim(pattern, "*")
	switch {
	case begin && end:
		return strings.Contains(path, core)
	case begin:
		return strings.HasSuffix(path, core)
	case end:
		return strings.HasPrefix(path, core)
	}
	return path == core
}
