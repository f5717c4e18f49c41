package careplan

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

func firstItem(n *fhir.Node) *fhir.Node {
	if items := n.Items(); len(items) > 0 {
		return items[0]
	}
	return nil
}

// concept reads a CodeableConcept: the first coding with a code, and the best text.
func concept(n *fhir.Node) coded {
	var c coded
	if n == nil {
		return c
	}
	for _, cd := range n.Get("coding").Items() {
		if c.Code == "" && cd.Get("code").Text() != "" {
			c.Code, c.System = cd.Get("code").Text(), cd.Get("system").Text()
		}
		if c.Text == "" {
			c.Text = cd.Get("display").Text()
		}
	}
	if t := n.Get("text").Text(); t != "" {
		c.Text = t
	}
	if c.Text == "" {
		c.Text = c.Code
	}
	return c
}

func humanName(list *fhir.Node) string {
	n := list
	if list.IsArray() {
		n = firstItem(list)
	}
	if n == nil {
		return ""
	}
	name, given := "", n.Get("given").Items()
	if len(given) == 1 { // nearly always
		name = given[0].Text() + " " + n.Get("family").Text()
	} else {
		for _, g := range given {
			name += g.Text() + " "
		}
		name += n.Get("family").Text()
	}
	if name = strings.TrimSpace(name); name != "" {
		return name
	}
	return n.Get("text").Text()
}

func address(n *fhir.Node) string {
	var parts []string
	for _, l := range n.Get("line").Items() {
		parts = append(parts, l.Text())
	}
	if s := strings.TrimSpace(n.Get("postalCode").Text() + " " + n.Get("city").Text()); s != "" {
		parts = append(parts, s)
	}
	if len(parts) == 0 {
		return n.Get("text").Text()
	}
	return strings.Join(parts, ", ")
}

// phones lists telephone numbers; a "tel:" that the source wrote is not part of a number.
func phones(n *fhir.Node) []string {
	var out []string
	for _, t := range n.Get("telecom").Items() {
		sys := t.Get("system").Text()
		v := t.Get("value").Text()
		if v == "" || sys != "" && sys != "phone" && sys != "sms" {
			continue
		}
		out = append(out, strings.TrimPrefix(v, "tel:"))
	}
	return out
}

func noteText(n *fhir.Node) string {
	text := ""
	add := func(t string) {
		if text != "" && t != "" {
			text += "\n"
		}
		text += t
	}
	for _, k := range [...]string{"note", "comment", "description"} {
		v := n.Get(k)
		for _, i := range v.Items() {
			add(i.Get("text").Text())
		}
		add(v.Text())
	}
	add(n.Extension(extRemark).Get("valueString").Text())
	return text
}
