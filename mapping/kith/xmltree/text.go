package xmltree

import (
	"strings"
	"unicode/utf8"

	"github.com/beevik/etree"
)

const (
	// largeText is from what length on short values are copied: a value of a few bytes that somebody keeps
	// shall not keep a message with attachments. Unit: bytes.
	largeText = 64 << 10
	// shortValue is the longest value copied then. Unit: bytes.
	shortValue = 1 << 10
)

// What a byte can be.
const (
	inName     uint8 = 1 << iota // may stand in a name; part of a longer character counts as such
	nameStart                    // may begin one
	white                        // separates attributes
	stopsText                    // text has to look closer at it
	stopsValue                   // an attribute value has to look closer at it
	rareInName                   // a name with it has to be looked at closer
)

// classes gives what each byte can be.
var classes = classify()

func classify() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':'
		if letter {
			t[i] |= nameStart
		}
		if letter || c >= '0' && c <= '9' || c == '-' || c == '.' || c >= utf8.RuneSelf {
			t[i] |= inName
		}
		if c == ':' || c >= utf8.RuneSelf {
			t[i] |= rareInName
		}
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			t[i] |= white
		}
		// 0xEF begins U+FFFE and U+FFFF, which XML does not have, and many that it has.
		if c < ' ' && c != '\t' && c != '\n' || c == '<' || c == '&' || c == 0xEF {
			t[i] |= stopsText | stopsValue
		}
		if c == ']' {
			t[i] |= stopsText
		}
		if c == '"' || c == '\'' {
			t[i] |= stopsValue
		}
	}
	return t
}

// charData reads text up to the next "<".
func (p *Parser) charData() *Error {
	if strings.HasPrefix(p.text[p.pos:], "\r\n") {
		p.pos++ // a line end of other systems in front of a tag: no reason to copy
	}
	from, i := p.pos, p.pos
	for ; i < len(p.text); i++ {
		if c := p.text[i]; classes[c]&stopsText == 0 || c == ']' && !strings.HasPrefix(p.text[i:], "]]>") {
			continue
		}
		break
	}
	if i == len(p.text) || p.text[i] == '<' {
		p.pos = i
		p.addText(p.keep(p.text[from:i]), false)
		return nil
	}
	s, err := p.resolve(i, 0)
	if err != nil {
		return err
	}
	p.addText(s, false)
	return nil
}

// value reads an attribute value behind its opening quote.
func (p *Parser) value(quote byte) (string, *Error) {
	from := p.pos
	for i := from; i < len(p.text); i++ {
		c := p.text[i]
		if classes[c]&stopsValue == 0 {
			continue
		}
		if c == quote {
			p.pos = i + 1
			return p.keep(p.text[from:i]), nil
		}
		if c != '"' && c != '\'' {
			return p.resolve(i, quote)
		}
	}
	return "", p.cutOff()
}

// resolve reads text (quote 0) or a value that is not what it stands for: it has references, line
// ends of other systems, or is wrong. It starts at p.pos; up to i all is plain.
func (p *Parser) resolve(i int, quote byte) (string, *Error) {
	from, legal, closed := p.pos, true, quote == 0
	p.buf = append(p.buf[:0], p.text[from:i]...)
loop:
	for i < len(p.text) {
		c := p.text[i]
		switch {
		case c == quote && quote != 0:
			i, closed = i+1, true
			break loop
		case c == '<' && quote != 0:
			return "", p.broken(i)
		case c == '<':
			break loop
		case c == '&':
			r, n := reference(p.text[i:])
			if n == 0 {
				return "", p.broken(i)
			}
			p.buf, legal = utf8.AppendRune(p.buf, r), legal && isChar(r)
			i += n
			continue
		case c == '>' && quote == 0 && strings.HasSuffix(p.text[from:i], "]]"):
			return "", p.broken(i)
		case c == '\r':
			p.buf = append(p.buf, '\n')
			if strings.HasPrefix(p.text[i+1:], "\n") {
				i++
			}
		default:
			p.buf, legal = append(p.buf, c), legal && isCharAt(p.text, i)
		}
		i++
	}
	if !closed {
		return "", p.cutOff()
	}
	p.pos = i
	if !legal {
		return "", p.broken(i)
	}
	return string(p.buf), nil
}

// reference reads "&lt;" or "&#233;" at the start of s; n is its length, 0 when it is none that is known.
func reference(s string) (r rune, n int) {
	for _, known := range [...]struct {
		text string
		r    rune
	}{{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}} {
		if strings.HasPrefix(s, known.text) {
			return known.r, len(known.text)
		}
	}
	if !strings.HasPrefix(s, "&#") {
		return 0, 0
	}
	i, base := 2, rune(10)
	if strings.HasPrefix(s[2:], "x") {
		i, base = 3, 16
	}
	first := i
	for ; i < len(s); i++ {
		d := digit(s[i])
		if d >= base {
			break
		}
		if r = r*base + d; r > utf8.MaxRune {
			return 0, 0
		}
	}
	if i == first || i == len(s) || s[i] != ';' {
		return 0, 0
	}
	if !utf8.ValidRune(r) { // half of a pair
		r = utf8.RuneError
	}
	return r, i + 1
}

// digit gives the value of a digit, of any base up to 16, and a large one for what is none.
func digit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return 99
}

// isChar tells whether XML has a character.
//
// Source: XML 1.0, 2.2 Char.
func isChar(r rune) bool {
	return r >= ' ' && r != 0xFFFE && r != 0xFFFF || r == '\t' || r == '\n' || r == '\r'
}

// isCharAt tells whether XML has the character at i of valid UTF-8; inside of one it says yes.
func isCharAt(s string, i int) bool {
	if s[i] < ' ' {
		return isChar(rune(s[i]))
	}
	return s[i] != 0xEF || !strings.HasPrefix(s[i:], "\uFFFE") && !strings.HasPrefix(s[i:], "\uFFFF")
}

// addText makes a child of character data.
func (p *Parser) addText(s string, cdata bool) {
	if p.wrongEnd > 0 {
		return
	}
	t := &p.texts.Take(1)[0]
	if cdata {
		*t = *etree.NewCData(s)
	} else {
		t.SetData(s) // notes whether it is white space
	}
	p.pending = append(p.pending, t)
}

// keep gives a value that does not keep a large text.
func (p *Parser) keep(s string) string {
	if len(p.text) > largeText && len(s) <= shortValue {
		return strings.Clone(s)
	}
	return s
}
