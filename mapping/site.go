package mapping

import (
	"slices"
	"strconv"

	"github.com/samvirke/samvirke/fhir"
)

// Codes of notes on what a site's configuration changed.
const (
	NoteCodeMapped = "code-mapped"       // a code map of the site replaced a code
	NoteEstimate   = "estimate-inverted" // the mark of an estimate is read the other way round for this party
)

// Site is how one party differs from the standard, as the configuration says: no program knows it. The zero
// value is a party that does as the standard says. A Site is not changed after it was made.
type Site struct {
	// In is applied to what the party sends, Out to what is written for it.
	In, Out CodeMaps
	// InvertEstimates: the party takes Anslag=true as certain and false as estimated, as one reading of the
	// logistics profile has it. Inside, the base standard holds.
	//
	// Source: standards/no README section 3.3.
	InvertEstimates bool
}

// CodeMaps replaces codes: by FHIR system, then by code as written.
type CodeMaps map[string]map[string]CodeTo

// CodeTo is what a code becomes.
type CodeTo struct{ Code, Display string }

// IsZero tells that nothing differs.
func (s *Site) IsZero() bool { return len(s.In) == 0 && len(s.Out) == 0 && !s.InvertEstimates }

// Incoming brings a message of the party to the standard's meaning, in place. The original stays as it came,
// and each change is noted.
func (s *Site) Incoming(b *fhir.Bundle) []Note {
	if b == nil || len(s.In) == 0 && !s.InvertEstimates {
		return nil
	}
	w := siteWalk{maps: s.In, invert: s.InvertEstimates}
	w.bundle(b)
	return w.notes
}

// Outgoing gives the message as the party wants it: b itself when nothing differs, else a copy, with a note on each change.
func (s *Site) Outgoing(b *fhir.Bundle) (*fhir.Bundle, []Note, error) {
	if b == nil || len(s.Out) == 0 && !s.InvertEstimates {
		return b, nil, nil
	}
	look := siteWalk{maps: s.Out, invert: s.InvertEstimates, dry: true}
	look.bundle(b)
	if len(look.notes) == 0 {
		return b, nil, nil
	}
	out, err := fhir.BundleOf(b.Root.Clone())
	if err != nil {
		return nil, nil, err
	}
	w := siteWalk{maps: s.Out, invert: s.InvertEstimates}
	w.bundle(out)
	return out, w.notes, nil
}

// Adjusted tells whether a message was changed when it came in: then the bytes that came are not what is meant.
func Adjusted(notes []Note) bool {
	return slices.ContainsFunc(notes, func(n Note) bool { return n.Code == NoteCodeMapped || n.Code == NoteEstimate })
}

// siteWalk goes through a message and changes, or with dry only notes, what differs.
type siteWalk struct {
	maps   CodeMaps
	invert bool
	dry    bool
	notes  []Note
}

func (w *siteWalk) bundle(b *fhir.Bundle) {
	seen := map[string]int{}
	for _, e := range b.Entries() {
		w.walk(e.Resource, e.Type+"["+strconv.Itoa(seen[e.Type])+"]")
		seen[e.Type]++
		if w.invert && !w.dry && e.Type == "Encounter" {
			restate(e.Resource)
		}
	}
}

func (w *siteWalk) walk(n *fhir.Node, path string) {
	if n.IsArray() {
		for i, item := range n.Items() {
			w.walk(item, path+"["+strconv.Itoa(i)+"]")
		}
		return
	}
	w.code(n, path)
	if w.invert && n.Get("url").Text() == fhir.ExtEvent {
		w.estimate(n, path)
	}
	for key, v := range n.Fields() {
		if v.IsArray() || v.IsObject() {
			w.walk(v, path+"."+key)
		}
	}
}

// code replaces one coding. The type of the message is no matter of code maps.
func (w *siteWalk) code(n *fhir.Node, path string) {
	system := n.Get("system").Text()
	to, ok := w.maps[system][n.Get("code").Text()]
	if !ok || system == fhir.SystemMessageType {
		return
	}
	if !w.dry {
		n.Set("code", fhir.String(to.Code))
		n.Set("display", fhir.String(to.Display))
	}
	w.notes = append(w.notes, Note{Path: path, Code: NoteCodeMapped, Text: "a code of " + system + " is replaced as this site's code map says"})
}

// estimate turns the mark of an event round.
func (w *siteWalk) estimate(n *fhir.Node, path string) {
	x := n.Extension("estimate")
	v := x.Get("valueBoolean")
	if v.Text() != "true" && v.Text() != "false" {
		return
	}
	if !w.dry {
		x.Set("valueBoolean", fhir.Bool(v.Text() == "false"))
	}
	w.notes = append(w.notes, Note{Path: path, Code: NoteEstimate, Text: "the mark of an estimate is read the other way round for this party"})
}

// restate brings the status of a stay in line with whether its end is an estimate.
func restate(enc *fhir.Node) {
	if enc.At("period.end") == nil {
		return
	}
	status := "finished"
	if enc.At("period._end").Extension(fhir.ExtEvent).Extension("estimate").Get("valueBoolean").Text() == "true" {
		status = "in-progress"
	}
	enc.Set("status", fhir.String(status))
}
