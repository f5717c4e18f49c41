package route

import (
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
)

// The formats a party may accept.
const (
	FormatKITH         = "kith"              // Norwegian XML
	FormatFHIR         = "fhir"              // a whole canonical message
	FormatNotification = "fhir-notification" // a notice that the plan changed, nothing of the message
	// FormatNote is no format that a party lists: a dialogue note with the text of what changed.
	FormatNote = "plan-note"
)

// versionFHIR is the only FHIR release that messages are given in.
const versionFHIR = "4.0"

// kithVersions are the versions that a kind of the Norwegian standard can be given in, newest first; sent
// is the one it came in. A kind that is not here goes out as it came in or not at all.
//
// Source: standards/no README sections 2.1 and 3, limited to what mapping/kith writes.
func kithVersions(kind, sent string) []string {
	switch kind {
	case "LOG_INNLAGT", "LOG_UTSKRIVNINGSKLAR", "LOG_AVMELDING", "LOG_UTSKREVET", "LOG_DOD",
		"INNLEGGELSESRAPPORT", "UTSKRIVNINGSRAPPORT", "HELSEOPPLYSNINGER_LEGE", "MEDISINSKE_OPPLYSNINGER",
		"ORIENTERING_TJENESTETILBUD":
		return []string{"1.6", "1.5"}
	case "HELSEOPPL_SOKNAD":
		if sent == "1.5" {
			return []string{"1.5"} // 1.6 demands an event of a stay, which 1.5 does not know
		}
		return []string{"1.6", "1.5"}
	case "FRAVARSMELDING":
		return []string{"1.5"}
	case "FODSELS_EPIKRISE":
		return []string{"1.6"}
	case "DIALOG_FORESPORSEL", "DIALOG_SVAR", "DIALOG_NOTAT":
		return []string{"1.0", "1.1"} // agreements between parties name 1.0
	case "DIALOG_AVVIK", "EPJ-EKSTRAKT":
		return []string{"1.0"}
	case "DIALOG_HELSEFAGLIG", "DIALOG_STATUS_HENVISNING":
		return []string{"1.1"}
	case "EPIKRISE":
		return []string{"1.2"} // 1.0 and 1.1 go on as they came: a change of version loses what only one of the two has
	case "HENVISNING":
		return []string{"1.1"} // 1.0 as it came
	case "HENVISNING_NYTILSTAND", "HENVISNING_VIDERE":
		return []string{"2.0"}
	}
	if strings.HasPrefix(kind, "DIALOG_INNBYGGER_") {
		return []string{"1.1", "1.0"}
	}
	return nil
}

// fit picks the first entry that the message can be given in, and the version; "" = as sent.
// A notice fits every message, so it is taken only when nothing that carries the content does.
func fit(accepts []samvirke.Accept, env *samvirke.Envelope) (samvirke.Accept, string, bool) {
	var notice *samvirke.Accept
	for i := range accepts {
		a := &accepts[i]
		if len(a.Kinds) > 0 && !slices.ContainsFunc(a.Kinds, func(k string) bool { return kindMatches(k, env.Kind) }) {
			continue
		}
		switch a.Format {
		case FormatNotification:
			if notice == nil {
				notice = a
			}
		case FormatFHIR:
			if len(a.Versions) == 0 || slices.Contains(a.Versions, versionFHIR) {
				return *a, "", true
			}
		case FormatKITH:
			if v, ok := kithVersion(a.Versions, env); ok {
				return *a, v, true
			}
		}
	}
	if notice != nil {
		return *notice, "", true
	}
	return samvirke.Accept{}, "", false
}

// kithVersion picks the receiver's best version that the kind exists in. A receiver that reads all
// versions gets the one sent, because each conversion may lose something.
func kithVersion(reads []string, env *samvirke.Envelope) (string, bool) {
	possible := kithVersions(env.Kind, env.Version)
	asSent := env.Format == FormatKITH && env.Version != ""
	if asSent && !slices.Contains(possible, env.Version) {
		// Not ours to convert (an older epicrisis, a kind we only carry): as sent or not at all.
		return "", len(reads) == 0 || slices.Contains(reads, env.Version)
	}
	if len(reads) == 0 {
		switch {
		case slices.Contains(possible, env.Version):
			return "", true
		case len(possible) > 0:
			return possible[0], true
		}
		return "", false
	}
	for _, v := range reads {
		if slices.Contains(possible, v) {
			return v, true
		}
	}
	return "", false
}

// VersionFor gives the version in which a party reads Norwegian XML of a kind that the gateway writes itself; ok is
// false when it reads none.
func VersionFor(accepts []samvirke.Accept, kind string) (version string, ok bool) {
	a, version, ok := fit(accepts, &samvirke.Envelope{Kind: kind})
	if !ok || a.Format != FormatKITH {
		for _, one := range accepts { // another format may stand before it
			if one.Format == FormatKITH && (len(one.Kinds) == 0 || slices.ContainsFunc(one.Kinds, func(k string) bool { return kindMatches(k, kind) })) {
				return kithVersion(one.Versions, &samvirke.Envelope{Kind: kind})
			}
		}
		return "", false
	}
	return version, true
}
