package admin

import (
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/codes"
	"github.com/samvirke/samvirke/internal/reading"
)

// errUnreadable is for bytes that no format can read as a message.
var errUnreadable = &samvirke.Fault{Class: samvirke.Invalid, Code: "not-readable", Safe: "This message cannot be shown as a page: no format could read it. Its bytes can be seen from the trace."}

// readingDesk makes pages of messages.
type readingDesk struct {
	canonical func(raw []byte) (*fhir.Bundle, error)
	renderer  *reading.Renderer
	codes     codes.Register
}

// readingPage is the data of a message that is read.
type readingPage struct {
	Article        template.HTML
	Back, BackText string
	What           string
}

// readable tells whether a message may be offered as a page.
func (s *Server) readable(format string) bool { return s.desk.canonical != nil && format != "" }

// read shows a received message the way the people it is for read it.
func (s *Server) read(w http.ResponseWriter, r *http.Request, x *session) error {
	m, err := s.store.Message(r.Context(), r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	if err := s.note(r.Context(), samvirke.Audit{Who: x.user, Action: "read-content", Object: m.ID, Patient: m.Patient}); err != nil {
		return err
	}
	return s.showReading(w, r, x, m.Raw, "/messages/"+m.ID, readingPage{Back: "/messages/" + m.ID, BackText: "Back to the trace", What: "received"})
}

// readDelivery shows what a receiver gets, read back from the very bytes that are sent.
func (s *Server) readDelivery(w http.ResponseWriter, r *http.Request, x *session) error {
	d, err := s.store.Delivery(r.Context(), r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("read delivery: %w", err)
	}
	if err := s.note(r.Context(), samvirke.Audit{Who: x.user, Action: "read-content", Object: d.ID, Patient: d.Patient}); err != nil {
		return err
	}
	name := nameOf(s.parties(r.Context()))
	return s.showReading(w, r, x, d.Body, "/deliveries/"+d.ID,
		readingPage{Back: "/messages/" + d.MessageID + "#delivery-" + d.ID, BackText: "Back to the trace", What: "as sent to " + name(d.Party).Name})
}

func (s *Server) showReading(w http.ResponseWriter, r *http.Request, x *session, raw []byte, at string, p readingPage) error {
	page, err := s.pageOf(raw)
	if err != nil {
		return err
	}
	p.Article, err = s.desk.renderer.Article(page, func(a *reading.Attachment) string {
		return at + "/read/" + strconv.Itoa(a.Number)
	})
	if err != nil {
		return err
	}
	s.render(w, r, x, http.StatusOK, "reading", view{Title: page.Title, Section: "messages", ExtraStyle: s.pages.reading, Data: p})
	return nil
}

func (s *Server) pageOf(raw []byte) (*reading.Page, error) {
	if s.desk.canonical == nil {
		return nil, errNoPage
	}
	b, err := s.desk.canonical(raw)
	if b == nil {
		// The cause may quote the message, so only its code is kept.
		code := "unknown"
		if f := samvirke.FaultOf(err); f != nil {
			code = f.Code
		}
		s.log.Info("message has no page", "err", code)
		return nil, errUnreadable
	}
	return reading.Of(b, &s.desk.codes), nil
}

// openFile hands out one attachment of a received message.
func (s *Server) openFile(w http.ResponseWriter, r *http.Request, x *session) error {
	m, err := s.store.Message(r.Context(), r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	return s.sendFile(w, r, x, m.Raw, m.ID, m.Patient)
}

// openDeliveryFile hands out one attachment of what is sent.
func (s *Server) openDeliveryFile(w http.ResponseWriter, r *http.Request, x *session) error {
	d, err := s.store.Delivery(r.Context(), r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("read delivery: %w", err)
	}
	return s.sendFile(w, r, x, d.Body, d.ID, d.Patient)
}

// sendFile writes an attachment. A type that is safe to show opens, in a sandbox of its own where the browser
// has one for it; everything else is a download that no browser runs.
func (s *Server) sendFile(w http.ResponseWriter, r *http.Request, x *session, raw []byte, id, patient string) error {
	page, err := s.pageOf(raw)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 1 || n > len(page.Attachments) || page.Attachments[n-1].Data == nil {
		return errNoPage
	}
	a := &page.Attachments[n-1]
	if err := s.note(r.Context(), samvirke.Audit{Who: x.user, Action: "open-attachment", Object: id + " attachment " + strconv.Itoa(n), Patient: patient}); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", a.Type)
	h.Set("Content-Length", strconv.Itoa(len(a.Data)))
	disposition, rules := "attachment", "default-src 'none'; sandbox"
	switch {
	case a.Opens && a.Type == "application/pdf":
		// A browser's own reader of PDF does not start in a sandbox; it keeps the file apart by itself.
		disposition, rules = "inline", "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
	case a.Opens:
		disposition, rules = "inline", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
	}
	h.Set("Content-Security-Policy", rules)
	h.Set("Content-Disposition", disposition+`; filename="`+strings.ReplaceAll(a.FileName, `"`, "")+`"`)
	w.Write(a.Data) //nolint:errcheck // the browser has gone; nothing to do about it
	return nil
}
