package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// policy allows our own script, styles and images and nothing else; no inline script or style.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Faults of this room.
var (
	errNoPage   = &samvirke.Fault{Class: samvirke.Invalid, Code: "no-such-page", Safe: "There is no such page."}
	errToken    = &samvirke.Fault{Class: samvirke.Unauthorized, Code: "csrf-token", Safe: "The form is too old or came from elsewhere. Go back, load the page again and send it once more."}
	errOrigin   = &samvirke.Fault{Class: samvirke.Unauthorized, Code: "cross-origin", Safe: "The request came from another site."}
	errSignedIn = &samvirke.Fault{Class: samvirke.Unauthorized, Code: "sign-in-needed", Safe: "Sign in first."}
	errTooLarge = &samvirke.Fault{Class: samvirke.Invalid, Code: "form-too-large", Safe: "The form is larger than 64 KB."}
	// errFinal stands around queue.ErrState for what the receiver refused: no reload changes it.
	errFinal = errors.New("refused by the receiver, never sent again")
	errForm  = &samvirke.Fault{Class: samvirke.Invalid, Code: "bad-form", Safe: "The form could not be read."}
)

// secure puts the outer walls around every answer: headers, origin check, body limit, and a net
// under a panic in a page, so that one bad value cannot end the program.
func (s *Server) secure(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		if s.opt.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		defer func() {
			if p := recover(); p != nil {
				if err, is := p.(error); is && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				// Only the type: the value could quote what the page was to show.
				s.log.Error("page stopped", "page", r.Pattern, "panic", fmt.Sprintf("%T", p))
				s.fail(w, r, nil, &samvirke.Fault{Class: samvirke.Internal, Code: "page-stopped"})
			}
		}()
		if err := cross.Check(r); err != nil {
			s.fail(w, r, nil, errOrigin)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, MaxForm)
		next.ServeHTTP(w, r)
	})
}

func readForm(r *http.Request) error {
	err := r.ParseForm()
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return errTooLarge
	}
	if err != nil {
		return errForm
	}
	return nil
}

// statusOf is the one table from faults to HTTP statuses.
func statusOf(err error) int {
	switch {
	case errors.Is(err, queue.ErrNotFound), errors.Is(err, errNoPage):
		return http.StatusNotFound
	case errors.Is(err, queue.ErrState), errors.Is(err, queue.ErrFenced):
		return http.StatusConflict
	case errors.Is(err, errToken), errors.Is(err, errOrigin):
		return http.StatusForbidden
	case errors.Is(err, errSignedIn):
		return http.StatusUnauthorized
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, gateway.ErrReason):
		return http.StatusBadRequest
	}
	f, ok := errors.AsType[*samvirke.Fault](err)
	if !ok {
		return http.StatusInternalServerError
	}
	switch f.Class {
	case samvirke.Invalid, samvirke.Duplicate:
		return http.StatusBadRequest
	case samvirke.Unauthorized:
		return http.StatusForbidden
	case samvirke.Transient:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// problem is what an error page or problem document says.
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

func problemOf(err error) problem {
	p := problem{Status: statusOf(err), Code: "unexpected", Title: "Something went wrong here",
		Detail: "The cause is in the gateway's log. Nothing was changed. Try again; if it stays, look at the log and the disk."}
	if f, ok := errors.AsType[*samvirke.Fault](err); ok {
		p.Code = f.Code
		if f.Safe != "" && f.Class != samvirke.Internal {
			p.Detail = f.Safe
		}
	}
	switch {
	case errors.Is(err, queue.ErrNotFound):
		p.Code, p.Detail = "not-found", "There is nothing here under this address. It may have been removed when its time of keeping ended."
	case errors.Is(err, gateway.ErrReason):
		p.Code, p.Detail = "reason-needed", "Give a reason; it is kept in the audit."
	case errors.Is(err, errFinal):
		p.Code, p.Detail = "refused-by-receiver", "The receiver refused the content, or reported it as wrong, and that is final: this message cannot be resent. "+doNew
	case errors.Is(err, queue.ErrState):
		p.Code, p.Detail = "state", "The state has changed meanwhile, so this can no longer be done. Load the page again to see where it stands now."
	}
	switch p.Status {
	case http.StatusNotFound:
		p.Title = "Not found"
	case http.StatusConflict:
		p.Title = "Changed meanwhile"
		if errors.Is(err, errFinal) {
			p.Title = "Not sent again"
		}
	case http.StatusForbidden:
		p.Title = "Not allowed"
	case http.StatusUnauthorized:
		p.Title = "Sign in first"
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		p.Title = "This could not be used"
	case http.StatusServiceUnavailable:
		p.Title = "Try again later"
	case http.StatusTooManyRequests:
		p.Title = "Too many tries"
	}
	return p
}

// fail answers with an error page, and logs what is our own fault.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, x *session, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody waits for the answer
	}
	p := problemOf(err)
	if p.Status >= 500 {
		s.log.Error("page failed", "page", r.Pattern, "class", string(samvirke.ClassOf(err)), "err", err)
	}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		writeJSON(w, p.Status, "application/problem+json", p)
		return
	}
	s.render(w, r, x, p.Status, "error", view{Title: p.Title, Data: p})
}

func (s *Server) cookieName(name string) string {
	if s.opt.Secure {
		return "__Host-" + name
	}
	return name
}

func (s *Server) cookie(r *http.Request) string { return s.cookieOf(r, "samvirke_session") }

func (s *Server) cookieOf(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *Server) setCookie(w http.ResponseWriter, name, value string, last time.Duration) {
	age := int(last / time.Second)
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{Name: s.cookieName(name), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: s.opt.Secure, SameSite: http.SameSiteStrictMode})
}

// signInPage is the data of the sign-in form.
type signInPage struct{ Next, Token, Fault string }

func (s *Server) signInForm(w http.ResponseWriter, r *http.Request) {
	next := localPath(r.URL.Query().Get("next"))
	if s.sessions.find(s.cookie(r)) != nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	s.showSignIn(w, r, http.StatusOK, signInPage{Next: next})
}

func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request, status int, p signInPage) {
	p.Token = s.cookieOf(r, "samvirke_form")
	if len(p.Token) != 32 {
		p.Token = randomToken()
		s.setCookie(w, "samvirke_form", p.Token, time.Hour)
	}
	s.render(w, r, nil, status, "sign-in", view{Title: "Sign in", Data: p})
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	if err := readForm(r); err != nil {
		s.fail(w, r, nil, err)
		return
	}
	next := localPath(r.PostForm.Get("next"))
	if !sameToken(r.PostForm.Get("csrf"), s.cookieOf(r, "samvirke_form")) {
		s.showSignIn(w, r, http.StatusForbidden, signInPage{Next: next, Fault: "The form was too old. Please sign in once more."})
		return
	}
	user, password := strings.TrimSpace(r.PostForm.Get("user")), r.PostForm.Get("password")
	ok, wait, err := s.check(r.Context(), remoteIP(r), user, password)
	switch {
	case err != nil:
		s.fail(w, r, nil, err)
		return
	case wait > 0:
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		s.showSignIn(w, r, http.StatusTooManyRequests, signInPage{Next: next,
			Fault: "Too many failed tries. Wait " + took(wait.Round(time.Second)) + " and try again."})
		return
	case !ok:
		s.showSignIn(w, r, http.StatusUnauthorized, signInPage{Next: next, Fault: "User name and password do not match."})
		return
	}
	if err := s.note(r.Context(), samvirke.Audit{Who: user, Action: "sign-in", Object: "session"}); err != nil {
		s.fail(w, r, nil, err)
		return
	}
	token, _ := s.sessions.start(user)
	s.setCookie(w, "samvirke_session", token, s.opt.SessionFor)
	s.setCookie(w, "samvirke_form", "", 0)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// check compares user and password with the stored credential. A failure is audited and counted
// against the address; wait > 0 means that no more tries are taken for so long.
func (s *Server) check(ctx context.Context, ip, user, password string) (ok bool, wait time.Duration, err error) {
	if wait = s.guard.wait(ip); wait > 0 {
		return false, wait, nil
	}
	list, err := s.people(ctx)
	if err != nil {
		return false, 0, err
	}
	select {
	case s.guard.slots <- struct{}{}:
		defer func() { <-s.guard.slots }()
	case <-ctx.Done():
		return false, 0, ctx.Err()
	}
	if wait = s.guard.wait(ip); wait > 0 { // others of this address have failed while this one stood in line
		return false, wait, nil
	}
	if len(list) > 0 && len(password) <= 1024 {
		c := list[0].credential // an unknown user costs as much time as a known one
		for _, p := range list {
			if p.User == user {
				c = p.credential
			}
		}
		if c.matches(user, password) {
			return true, 0, nil
		}
	}
	s.guard.failed(ip)
	s.log.Warn("sign-in failed", "address", ip)
	return false, 0, s.note(ctx, samvirke.Audit{Who: "unknown", Action: "sign-in-failed", Object: ip})
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request, x *session) error {
	s.sessions.end(s.cookie(r))
	s.setCookie(w, "samvirke_session", "", 0)
	if err := s.note(r.Context(), samvirke.Audit{Who: x.user, Action: "sign-out", Object: "session"}); err != nil {
		return err
	}
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}

// note writes one entry to the audit. Reads are shown only when this has succeeded.
func (s *Server) note(ctx context.Context, entries ...samvirke.Audit) error {
	now := s.now().UTC()
	for i := range entries {
		entries[i].At = now
	}
	if _, err := s.store.Commit(ctx, &queue.Unit{Now: now, Audit: entries}); err != nil {
		return fmt.Errorf("write audit: %w", err)
	}
	return nil
}

// localPath lets only a path of this site through, so that sign-in cannot be used to send a
// person elsewhere.
func localPath(p string) string {
	u, err := url.Parse(p)
	if err != nil || !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\r\n\t") ||
		u.Host != "" || u.Scheme != "" {
		return "/overview"
	}
	return p
}

func remoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
