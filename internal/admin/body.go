package admin

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/samvirke/samvirke"
	"golang.org/x/net/html/charset"
)

// bodyPage shows the bytes of a message or delivery.
type bodyPage struct {
	What, Back, BackText string
	Kind, Version        string
	ContentType          string
	Checksum             string
	Size                 int64
	Kept                 int64 // what of it is kept, in bytes
	Lines                []bodyLine
	Cut                  bool
	Odd                  string // why it is shown as it came and not indented; "" when it is indented
	Download             string
	Place                *placeView // where a value of the plan stands; nil when none was asked for
}

// bodyLine is one line of a body, cut into runs for colouring.
type bodyLine struct {
	Number int
	Runs   []bodyRun
	Hit    bool // holds the value that was asked for
	First  bool // is the likeliest of these
}

// bodyRun is a piece of text of one kind: "tag", "name", "text", "note" or "".
type bodyRun struct{ Kind, Text string }

func (s *Server) original(w http.ResponseWriter, r *http.Request, x *session) error {
	m, err := s.store.Message(r.Context(), r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	if err := s.note(r.Context(), samvirke.Audit{Who: x.user, Action: "read-original", Object: m.ID, Patient: m.Patient}); err != nil {
		return err
	}
	p := makeBody(m.Raw, m.ContentType)
	p.What, p.Back, p.BackText = "The original message, as received", "/messages/"+m.ID, "Back to the trace"
	p.Kind, p.Version, p.Checksum, p.Size, p.Download = m.Kind, m.Version, m.Checksum, m.Size, "/messages/"+m.ID+"/original/download"
	if mark, ok := s.sealer.openMark(r.URL.Query().Get("mark")); ok {
		var rows []MappingRow
		if s.opt.Mappings != nil {
			rows = s.opt.Mappings.Table(m.Kind, m.Version)
			if len(rows) == 0 {
				rows = s.opt.Mappings.Table(m.Kind, "")
			}
		}
		place := findPlaces(p.Lines, mark, rows)
		place.Kind = m.Kind
		place.mark(p.Lines)
		p.Place = &place
	}
	s.render(w, r, x, http.StatusOK, "body", view{Title: "Original message", Section: "messages", Data: p})
	return nil
}

func (s *Server) deliveryBody(w http.ResponseWriter, r *http.Request, x *session) error {
	d, err := s.store.Delivery(r.Context(), r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("read delivery: %w", err)
	}
	if err := s.note(r.Context(), samvirke.Audit{Who: x.user, Action: "read-delivery", Object: d.ID, Patient: d.Patient}); err != nil {
		return err
	}
	name := nameOf(s.parties(r.Context()))
	p := makeBody(d.Body, d.ContentType)
	p.What, p.Back, p.BackText = "What is sent to "+name(d.Party).Name, "/messages/"+d.MessageID+"#delivery-"+d.ID, "Back to the trace"
	p.Kind, p.Version, p.Checksum, p.Size, p.Download = d.Kind, d.Version, d.Checksum, d.Size, "/deliveries/"+d.ID+"/download"
	s.render(w, r, x, http.StatusOK, "body", view{Title: "Sent message", Section: "messages", Data: p})
	return nil
}

func (s *Server) downloadOriginal(w http.ResponseWriter, r *http.Request, x *session) error {
	m, err := s.store.Message(r.Context(), r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	if err := s.note(r.Context(), samvirke.Audit{Who: x.user, Action: "download-original", Object: m.ID, Patient: m.Patient}); err != nil {
		return err
	}
	return download(w, "message-"+m.ID, m.ContentType, m.Raw)
}

func (s *Server) downloadDelivery(w http.ResponseWriter, r *http.Request, x *session) error {
	d, err := s.store.Delivery(r.Context(), r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("read delivery: %w", err)
	}
	if err := s.note(r.Context(), samvirke.Audit{Who: x.user, Action: "download-delivery", Object: d.ID, Patient: d.Patient}); err != nil {
		return err
	}
	return download(w, "delivery-"+d.ID, d.ContentType, d.Body)
}

// download hands out the exact bytes as a file; never as a type that a browser would run.
func download(w http.ResponseWriter, name, contentType string, body []byte) error {
	ext := ".bin"
	switch {
	case strings.Contains(contentType, "json"):
		ext = ".json"
	case strings.Contains(contentType, "xml"):
		ext = ".xml"
	}
	clean := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+clean+ext+`"`)
	w.Write(body) //nolint:errcheck // the browser has gone; nothing to do about it
	return nil
}

// makeBody prepares bytes for showing: XML and JSON indented, anything else as it came. What is
// not well-formed is shown as it came, with a word on why.
func makeBody(raw []byte, contentType string) bodyPage {
	p := bodyPage{ContentType: contentType, Kept: int64(len(raw))}
	shown := raw
	if len(shown) > MaxShown {
		shown, p.Cut = shown[:MaxShown], true
	}
	trimmed := bytes.TrimLeft(shown, "\xef\xbb\xbf \t\r\n")
	var text string
	var err error
	switch {
	case p.Cut:
		text = plain(shown)
	case len(trimmed) == 0:
		p.Odd = "The body is empty."
	case trimmed[0] == '<':
		if text, err = indentXML(trimmed); err != nil {
			text, p.Odd = plain(shown), "This is no well-formed XML, so it is shown as it came."
		}
	case trimmed[0] == '{' || trimmed[0] == '[':
		var b bytes.Buffer
		if err = json.Indent(&b, trimmed, "", "  "); err != nil {
			text, p.Odd = plain(shown), "This is no well-formed JSON, so it is shown as it came."
		} else {
			text = b.String()
		}
	default:
		text, p.Odd = plain(shown), "This is neither XML nor JSON, so it is shown as it came."
	}
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		p.Lines = append(p.Lines, bodyLine{Number: i + 1, Runs: colour(line)})
	}
	return p
}

// plain makes any bytes showable: what is no UTF-8 is read as ISO-8859-1, control signs become a mark.
func plain(b []byte) string {
	text := string(b)
	if !utf8.ValidString(text) {
		r := make([]rune, len(b))
		for i, c := range b {
			r[i] = rune(c)
		}
		text = string(r)
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return '·'
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", "\n"))
}

// indentXML writes the tokens of a document one element a line. Only white space between
// elements changes; it is for reading, never for sending.
func indentXML(raw []byte) (string, error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	d.CharsetReader = charset.NewReaderLabel
	var b strings.Builder
	depth, inline := 0, false
	newline := func() {
		if b.Len() > 0 {
			b.WriteString("\n" + strings.Repeat("  ", min(depth, 40)))
		}
	}
	for {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			if depth != 0 {
				return "", errors.New("elements are not closed")
			}
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.StartElement:
			newline()
			b.WriteString("<" + rawName(t.Name))
			for _, a := range t.Attr {
				b.WriteString(" " + rawName(a.Name) + `="` + escape(a.Value) + `"`)
			}
			b.WriteString(">")
			depth, inline = depth+1, true
		case xml.EndElement:
			depth--
			if depth < 0 {
				return "", errors.New("an element is closed that was not open")
			}
			if !inline {
				newline()
			}
			b.WriteString("</" + rawName(t.Name) + ">")
			inline = false
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); text != "" {
				if !inline {
					newline()
				}
				b.WriteString(escape(text))
			}
		case xml.Comment:
			newline()
			b.WriteString("<!--" + string(t) + "-->")
			inline = false
		case xml.ProcInst:
			newline()
			b.WriteString("<?" + t.Target + " " + string(t.Inst) + "?>")
		case xml.Directive:
			newline()
			b.WriteString("<!" + string(t) + ">")
		}
	}
}

func rawName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").Replace(s)
}

// colour cuts a line of XML into markup and text; a line of JSON into key and rest.
func colour(line string) []bodyRun {
	body := strings.TrimLeft(line, " ")
	runs := []bodyRun{{"", line[:len(line)-len(body)]}}
	if strings.HasPrefix(body, `"`) {
		if i := strings.Index(body, `":`); i > 0 {
			return append(runs, bodyRun{"tag", body[:i+2]}, bodyRun{"text", body[i+2:]})
		}
	}
	for body != "" {
		i := strings.IndexByte(body, '<')
		if i != 0 {
			if i < 0 {
				i = len(body)
			}
			runs, body = append(runs, bodyRun{"text", body[:i]}), body[i:]
			continue
		}
		end := strings.IndexByte(body, '>')
		if end < 0 {
			return append(runs, bodyRun{"tag", body})
		}
		runs, body = append(runs, tagRuns(body[:end+1])...), body[end+1:]
	}
	return runs
}

// tagRuns sets the values of attributes apart from the markup around them.
func tagRuns(tag string) []bodyRun {
	var runs []bodyRun
	for tag != "" {
		i := strings.Index(tag, `="`)
		if i < 0 {
			break
		}
		j := strings.IndexByte(tag[i+2:], '"')
		if j < 0 {
			break
		}
		runs = append(runs, bodyRun{"tag", tag[:i+2]}, bodyRun{"text", tag[i+2 : i+2+j]})
		tag = tag[i+2+j:]
	}
	return append(runs, bodyRun{"tag", tag})
}
