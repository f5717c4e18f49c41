package xmltree

import (
	"strings"

	"github.com/beevik/etree"
)

// instruction reads "<?target ...?>", the XML declaration included.
func (p *Parser) instruction() *Error {
	p.pos += 2
	target, err := p.name()
	if err != nil {
		return err
	}
	p.space()
	n := strings.Index(p.text[p.pos:], "?>")
	if n < 0 {
		return p.cutOff()
	}
	content := p.text[p.pos : p.pos+n]
	p.pos += n + 2
	if target == "xml" {
		if v := pseudo("version", content); v != "" && v != "1.0" {
			return &Error{Syntax, p.wrongEnd}
		}
	}
	p.add(etree.NewProcInst(target, content))
	return nil
}

// pseudo reads an attribute of the XML declaration; "" when there is none.
func pseudo(name, content string) string {
	for {
		i := strings.Index(content, name+"=")
		if i < 0 {
			return ""
		}
		content = content[i+len(name)+1:]
		if content == "" {
			return ""
		}
		quote := content[0]
		content = content[1:]
		if quote == '"' || quote == '\'' {
			v, _, ok := strings.Cut(content, string(quote))
			if !ok {
				return ""
			}
			return v
		}
	}
}

// declaration reads what begins with "<!".
func (p *Parser) declaration() *Error {
	rest := p.text[p.pos:]
	switch {
	case strings.HasPrefix(rest, "<!-"):
		return p.comment()
	case strings.HasPrefix(rest, "<!["):
		return p.cdata()
	}
	return p.directive()
}

// comment reads "<!-- ... -->", in which "--" ends it or is wrong.
func (p *Parser) comment() *Error {
	if !strings.HasPrefix(p.text[p.pos:], "<!--") {
		return p.broken(p.pos + 4)
	}
	from := p.pos + 4
	n := strings.Index(p.text[from:], "--")
	if n < 0 {
		return p.cutOff()
	}
	end := from + n + 2
	if end >= len(p.text) || p.text[end] != '>' {
		return p.broken(end + 1)
	}
	p.pos = end + 1
	p.add(etree.NewComment(p.text[from : end-2]))
	return nil
}

// cdata reads "<![CDATA[ ... ]]>".
func (p *Parser) cdata() *Error {
	const open, end = "<![CDATA[", "]]>"
	for i := range len(open) {
		if p.pos+i >= len(p.text) || p.text[p.pos+i] != open[i] {
			return p.broken(p.pos + i + 1)
		}
	}
	from := p.pos + len(open)
	n := strings.Index(p.text[from:], end)
	if n < 0 {
		return p.cutOff()
	}
	s := p.text[from : from+n]
	p.pos = from + n + len(end)
	for i := range len(s) {
		if classes[s[i]]&stopsText != 0 && !isCharAt(s, i) {
			return p.broken(p.pos)
		}
	}
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	} else {
		s = p.keep(s)
	}
	p.addText(s, true)
	return nil
}

// directive reads "<!NAME ...>" to its end, over quotes, nested declarations and comments. What it
// says is of no interest: outside the root it is refused, inside it means nothing.
func (p *Parser) directive() *Error {
	from := p.pos + 2
	depth, quote := 0, byte(0)
	for i := from + 1; i < len(p.text); i++ { // the first byte belongs to the name, whatever it is
		switch c := p.text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>' && depth == 0:
			p.pos = i + 1
			p.add(etree.NewDirective(p.text[from:i]))
			return nil
		case c == '>':
			depth--
		case c == '<' && strings.HasPrefix(p.text[i:], "<!--"):
			n := strings.Index(p.text[i+4:], "-->")
			if n < 0 {
				return p.cutOff()
			}
			i += 4 + n + 2
		case c == '<':
			depth++
		}
	}
	return p.cutOff()
}

// add makes a child of what is neither element nor text.
func (p *Parser) add(t etree.Token) {
	if p.wrongEnd == 0 {
		p.pending = append(p.pending, t)
	}
}
