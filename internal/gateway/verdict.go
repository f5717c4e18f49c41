package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// What one receiver of ours answers, where receivers may answer differently.

// refusals gives the receivers of ours, by index, that refuse a message which is good in itself, with the fault
// of each. Both are the receiver's choice, see samvirke.Party; none is made unless the configuration says so.
// A receiver that has answered, made names its receipt, cannot refuse any more.
//
// Source: standards/no README section 7.2, E21 and E35.
func (g *Gateway) refusals(ctx context.Context, env *samvirke.Envelope, made []string) (map[int]*samvirke.Fault, error) {
	var out map[int]*samvirke.Fault
	for _, i := range g.ourReceivers(env) {
		if slices.Contains(made, receiptRule(i)) {
			continue
		}
		p := g.parties[g.partyOf(env.Receivers[i])]
		f := g.unknownService(p, env.Receivers[i])
		if f == nil {
			f = g.unlistedRefusal(env.Receivers[i])
		}
		if f == nil {
			var err error
			if f, err = g.unknownPatient(ctx, p, env); err != nil {
				return nil, err
			}
		}
		if f != nil {
			if out == nil {
				out = map[int]*samvirke.Fault{}
			}
			out[i] = f
		}
	}
	return out, nil
}

// unknownService is E21: the enterprise is ours, the service or person inside it is not, or none is named. A party
// with one HER-id has no services: that id is all there is to name.
func (g *Gateway) unknownService(p *lane, a samvirke.Address) *samvirke.Fault {
	if p.UnknownService != samvirke.AnswerRefuse || len(a.Levels) == 0 {
		return nil
	}
	inner := samvirke.Address{Levels: a.Levels[len(a.Levels)-1:]}
	switch her := inner.HER(); {
	case her == "" && inner.Levels[0].Kind == "person":
		return nil // a person of ours whom only a name or a licence number tells
	case g.byHER[her] == p.ID && (her != p.HER[0] || len(p.HER) == 1):
		return nil
	}
	return &samvirke.Fault{Class: samvirke.Invalid, Code: "unknown-service", Receipt: "E21",
		Safe: "the enterprise is known here, the service or person that the message is for is not"}
}

// unknownPatient is E35: an epicrisis about a patient whom nobody here knows. A patient without number cannot be
// looked up; that is left to the receiver.
func (g *Gateway) unknownPatient(ctx context.Context, p *lane, env *samvirke.Envelope) (*samvirke.Fault, error) {
	if p.UnknownPatient != samvirke.AnswerRefuse || env.Kind != "EPIKRISE" && env.Kind != "E" {
		return nil, nil
	}
	key := env.Patient.Key()
	if key == "" {
		return nil, nil
	}
	if municipality, gp := g.o.Patient(key); municipality != "" || gp != "" {
		return nil, nil
	}
	switch _, err := g.store.Plan(ctx, key, 0); {
	case err == nil:
		return nil, nil
	case !errors.Is(err, queue.ErrNotFound):
		return nil, fmt.Errorf("look for the patient's plan: %w", err)
	}
	return &samvirke.Fault{Class: samvirke.Invalid, Code: "unknown-patient", Receipt: "E35",
		Safe: "the patient is not known to the receiver"}, nil
}

// onlyRefusing tells whether every receiver of the message that is this party refuses it.
func (g *Gateway) onlyRefusing(env *samvirke.Envelope, refused map[int]*samvirke.Fault, party string) bool {
	found := false
	for _, i := range g.ourReceivers(env) {
		if g.partyOf(env.Receivers[i]) != party {
			continue
		}
		if refused[i] == nil {
			return false
		}
		found = true
	}
	return found
}

// refusal is the content of a negative receipt for a fault. The place and the words go into its detail, the
// words in Norwegian first: the standard asks that it is shown to the user.
func (g *Gateway) refusal(to *lane, env *samvirke.Envelope, f *samvirke.Fault) samvirke.ReceiptContent {
	return samvirke.ReceiptContent{Status: samvirke.ReceiptRejected, Errors: []samvirke.ReceiptError{
		{Code: patientCode(to.PatientCodes, env, f), Detail: receiptText(f)},
	}}
}

// receiptText is the text of a fault for a receipt: Norwegian, then in parentheses English with the place.
func receiptText(f *samvirke.Fault) string {
	if s := f.Norwegian(); s != "" {
		return s + " (" + faultText(f) + ")"
	}
	return faultText(f)
}

// patientCode gives the code that tells a fault. E36 stands for all that is wrong with a patient; the exact codes
// are only for senders who know them.
//
// Source: standards/no README section 7.2.
func patientCode(how samvirke.PatientCodes, env *samvirke.Envelope, f *samvirke.Fault) string {
	if f.Receipt != "E36" || how != samvirke.PatientCodesExact {
		return f.Receipt
	}
	switch number := env.Patient.Value != ""; {
	case f.Code == "patient-missing":
	case f.Code != "patient-insufficient":
		return "E31" // the number is there and does not hold
	case number && !env.Patient.HasName:
		return "E32"
	case !number && env.Patient.HasName:
		return "E30"
	}
	return f.Receipt
}

// emergency tells whether a fault must be overlooked: a referral of the highest urgency is accepted even when its
// patient is not sufficiently identified.
//
// Source: standards/no README section 6.
func emergency(env *samvirke.Envelope, f *samvirke.Fault) bool {
	if !env.Emergency || f.Receipt != "E36" {
		return false
	}
	return env.Kind == "H" || strings.HasPrefix(env.Kind, "HENVISNING")
}
