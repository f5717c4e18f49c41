package gateway

import (
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
)

// changeLines says changes of a plan in Norwegian, one line for each. What the gateway worked out itself (tasks, gaps,
// flags) and who may see what is left out: a journal keeps what its partners stated.
func changeLines(changes []careplan.Change) []string {
	var out []string
	for _, c := range changes {
		list, _, _ := strings.Cut(c.Path, "/")
		head := listName(list)
		if head == "" {
			continue
		}
		name, field := labelParts(c.Label)
		if list == "shared" && (field == "by" || field == "at") {
			continue // the note itself says who and when
		}
		what := head
		if name != "" && name != c.New && name != c.Old {
			what += " «" + name + "»"
		}
		if field != "" {
			what += ", " + fieldName(field)
		}
		before, after := valueText(c.Old), valueText(c.New)
		line := ""
		switch {
		case before == "":
			line = what + ": " + after
		case after == "":
			line = what + ": " + before + " gjelder ikke lenger"
		default:
			line = what + ": " + after + " (var: " + before + ")"
		}
		if !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

// labelParts takes apart what careplan.Diff names a value with: the name of the item and the field.
func labelParts(label string) (name, field string) {
	head, field, _ := strings.Cut(label, " · ")
	for _, word := range []string{"Stay", "Measure", "Note", "Function", "Member", "Shared", "Proposal", "Disagreement", "Course", "Plan", "Zone", "Mark", "Message of"} {
		if rest, ok := strings.CutPrefix(head, word+" "); ok {
			if word == "Shared" || word == "Disagreement" {
				return sharedName(rest), field
			}
			return strings.TrimSpace(rest), field
		}
	}
	return "", field
}

// listName is what a list of the plan is called; "" for what is not told.
func listName(list string) string {
	switch list {
	case "stay":
		return "Opphold"
	case "ready":
		return "Utskrivningsklar"
	case "person":
		return "Personopplysning"
	case "contact":
		return "Kontakt"
	case "diagnosis":
		return "Diagnose"
	case "goal":
		return "Mål"
	case "measure":
		return "Tiltak"
	case "service":
		return "Tjeneste"
	case "checkup":
		return "Kontrolltime"
	case "aid":
		return "Hjelpemiddel"
	case "note":
		return "Opplysning"
	case "function":
		return "Funksjon"
	case "member":
		return "Deltaker i teamet"
	case "shared":
		return "Planens felt"
	case "proposal":
		return "Forslag"
	case "conflict":
		return "Uenighet"
	case "course":
		return "Forløp"
	case "subplan":
		return "Delplan"
	case "zone":
		return "Sone"
	case "mark":
		return "Framdrift"
	case "dialogue":
		return "Melding"
	}
	return ""
}

// sharedName is what a shared field is called.
func sharedName(field string) string {
	switch field {
	case careplan.FieldStatus:
		return "planens status"
	case careplan.FieldPeriodStart:
		return "planens start"
	case careplan.FieldPeriodEnd:
		return "planens slutt"
	case careplan.FieldNextEvaluation:
		return "neste evaluering"
	case careplan.FieldCoordinator:
		return "koordinator"
	case careplan.FieldPatientGoal:
		return "pasientens mål"
	}
	return field
}

// fieldName is what a field is called; a name that is not in the table stays as it is.
func fieldName(field string) string {
	if no, ok := norwegianFields()[field]; ok {
		return no
	}
	if who, ok := strings.CutPrefix(field, "answer of "); ok {
		her, _, _ := strings.Cut(who, " ")
		return "svar fra HER-id " + her
	}
	return field
}

func norwegianFields() map[string]string {
	return map[string]string{
		"status": "status", "admitted": "innlagt", "discharged": "utskrevet", "expected ready": "forventet klar", "discharged to": "utskrevet til",
		"times ready": "antall ganger meldt klar", "times withdrawn": "antall ganger trukket", "set": "meldt", "ended": "avsluttet",
		"why ended": "grunn til avslutning", "planned": "planlagt", "identifier": "identifikator", "name": "navn", "birth date": "fødselsdato", "sex": "kjønn",
		"address": "adresse", "phone": "telefon", "deceased": "død", "role": "rolle", "note": "merknad", "main": "hoveddiagnose", "due": "frist",
		"start": "start", "end": "slutt", "expressed by": "uttrykt av", "kind": "type", "owner": "ansvarlig", "evaluation": "evaluering", "period": "periode",
		"provider": "leverandør", "private": "privat", "amount": "omfang", "place": "sted", "booked": "bestilt", "cancelled": "avlyst",
		"date": "dato", "variant": "variant", "baseline": "før innleggelsen", "from": "fra", "until": "til", "by": "av", "at": "tidspunkt",
		"contested": "omstridt", "about": "gjelder", "wanted": "ønsket", "for": "til", "reason": "begrunnelse", "opened": "oppstått", "chosen": "valgt",
		"decided by": "bestemt av", "outcome": "resultat", "goals": "mål", "measures": "tiltak", "colour": "farge", "signs": "tegn", "to": "til",
		"category": "kategori", "drop": "fall", "shown": "vist", "candidate": "verdi", "smiley": "smilefjes", "light": "trafikklys",
	}
}

// valueText is a value for people: codes of the plan in words, times in Norwegian form.
func valueText(text string) string {
	if no, ok := norwegianValues()[text]; ok {
		return no
	}
	if len(text) > 10 {
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return at.Format("02.01.2006 kl. 15:04")
		}
	}
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at.Format("02.01.2006")
	}
	return text
}

func norwegianValues() map[string]string {
	return map[string]string{
		"planned": "planlagt", "in-progress": "pågår", "finished": "avsluttet", "entered-in-error": "feilregistrert", "cancelled": "avlyst", "onleave": "på permisjon",
		"requested": "ønsket", "accepted": "godtatt", "rejected": "avslått", "active": "aktiv", "completed": "fullført", "answered": "besvart",
		"changed": "endret", "open": "åpen", "resolved": "avgjort", "basis-withdrawn": "grunnlaget er trukket", "withdrawn": "trukket",
		"discharged": "utskrevet", "admission-withdrawn": "innleggelsen er trukket", "proposal": "forslag", "order": "bestilling", "done": "utført",
		"draft": "utkast", "on-hold": "på vent", "revoked": "tilbakekalt", "yes": "ja", "patient": "pasienten", "kin": "pårørende", "professional": "fagperson",
		"green": "grønn", "yellow": "gul", "red": "rød", "hospital": "sykehus", "municipality": "kommune", "gp": "fastlege", "not relevant": "ikke relevant",
		"coordinator": "koordinator", "no value": "ingen verdi", "male": "mann", "female": "kvinne", "onhold": "på vent",
	}
}
