package admin

import (
	"net/http"
	"net/url"

	"github.com/samvirke/samvirke"
)

// handler answers one request of a signed-in person.
type handler = func(http.ResponseWriter, *http.Request, *session) error

// page wraps a handler for people who see all: see signedIn.
func (s *Server) page(h handler) http.Handler { return s.only(RoleReader, h) }

// only is page for people with a role.
func (s *Server) only(role string, h handler) http.Handler {
	return s.own(role, func(w http.ResponseWriter, r *http.Request, x *session) error {
		if x.may.Load().bound() {
			return errBound
		}
		return h(w, r, x)
	})
}

// own wraps a handler that shows no more than the person's organisation may see, or needs none of it.
func (s *Server) own(role string, h handler) http.Handler {
	return s.signedIn(func(w http.ResponseWriter, r *http.Request, x *session) error {
		if !x.may.Load().may(role) {
			if err := s.noteRefused(r, x); err != nil {
				return err
			}
			return errRole
		}
		return h(w, r, x)
	})
}

// noteRefused keeps in the audit that somebody tried what their role does not allow. What it was is told by the
// pattern of the address, which names nobody.
func (s *Server) noteRefused(r *http.Request, x *session) error {
	return s.note(r.Context(), samvirke.Audit{Who: x.user, Action: "refused", Object: r.Pattern})
}

// stand reads what the person may do, so that a role that was taken away counts at once; a person who is no
// longer let in has no session.
func (s *Server) stand(r *http.Request, x *session) (bool, error) {
	if x == nil {
		return false, nil
	}
	p, err := s.personOf(r.Context(), x.user)
	if err != nil || p == nil {
		return false, err
	}
	x.may.Store(p.standing())
	return true, nil
}

// signedIn wraps a handler that needs a signed-in person: no session, no page; a POST without the
// session's token changes nothing; an error becomes an error page.
func (s *Server) signedIn(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := s.sessions.find(s.cookie(r))
		if is, err := s.stand(r, x); err != nil {
			s.fail(w, r, nil, err)
			return
		} else if !is {
			x = nil
		}
		if x == nil {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				s.fail(w, r, nil, errSignedIn)
				return
			}
			to := "/sign-in"
			if p := r.URL.RequestURI(); p != "/" && p != "/overview" {
				to += "?next=" + url.QueryEscape(p)
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
			return
		}
		if r.Method == http.MethodPost {
			if err := readForm(r); err != nil {
				s.fail(w, r, x, err)
				return
			}
			if !sameToken(r.PostForm.Get("csrf"), x.csrf) {
				s.fail(w, r, x, errToken)
				return
			}
		}
		if err := h(w, r, x); err != nil {
			s.fail(w, r, x, err)
		}
	})
}
