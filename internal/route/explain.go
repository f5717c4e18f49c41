package route

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Explain tells a decision in plain words, one line for each party, for a person who asks why
// somebody got a message or did not. It names parties and rules only, nothing of the patient.
func Explain(d Decision) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if len(d.Choices) == 0 {
		fmt.Fprintln(w, "Nobody receives it.")
	} else {
		fmt.Fprintln(w, "Sent to:")
	}
	for _, c := range d.Choices {
		format := c.Format
		if c.Version != "" {
			format += " " + c.Version
		}
		fmt.Fprintf(w, "  %s\t%s\trule %q%s\n", c.Party, format, c.Rule, addressed(c.Addressee))
	}
	if len(d.Dropped) > 0 {
		fmt.Fprintln(w, "Not sent to:")
	}
	for _, x := range d.Dropped {
		rule := ""
		if x.Rule != "" {
			rule = fmt.Sprintf("rule %q", x.Rule)
		}
		fmt.Fprintf(w, "  %s\t%s\t%s%s: %s\n", x.Party, x.Why, rule, addressed(x.Addressee), x.Why.Text())
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}

func addressed(n int) string {
	switch n {
	case none:
		return ""
	case 0:
		return " (addressed as first receiver)"
	}
	return fmt.Sprintf(" (addressed as receiver %d)", n+1)
}

// Text is the reason as a sentence for an admin, with what they can do where they can do something.
func (w Why) Text() string {
	switch w {
	case WhyUnknown:
		return "no party in the configuration answers to this name; add it under parties if it shall receive"
	case WhySender:
		return "it is the sender's own message"
	case WhyDenied:
		return "this rule denies it, and deny beats allow"
	case WhyObjection:
		return "the patient objects to forwarding, only the original addressees may get it"
	case WhyNoRule:
		return "the message is addressed to it but no rule sends it there; add a rule with to: [addressees]"
	case WhyNoFormat:
		return "it accepts no format and version that this kind can be given in; see accepts of the party"
	case WhyUnchanged:
		return "it is told of plan changes only, and this message changed nothing"
	}
	return string(w)
}
