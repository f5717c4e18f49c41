package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/samvirke/samvirke"
)

// verification is the outcome of the last walk along the hash chain.
type verification struct {
	At    time.Time
	Took  time.Duration
	Fault string // "" = every entry follows from the one before
}

// auditRow is one entry.
type auditRow struct {
	samvirke.Audit
	Person, Label string
	Link          string
	Short         string // first part of the hash
}

// auditPage is the data of the page.
type auditPage struct {
	Rows     []auditRow
	Verified *verification
	Older    int64
	Before   int64
}

func (s *Server) audit(w http.ResponseWriter, r *http.Request, x *session) error {
	var before int64
	if b := r.URL.Query().Get("before"); b != "" {
		var err error
		if before, err = strconv.ParseInt(b, 10, 64); err != nil || before < 0 {
			return &samvirke.Fault{Class: samvirke.Invalid, Code: "bad-filter", Safe: "The filter before could not be read."}
		}
	}
	list, err := s.store.Audits(r.Context(), before, 2*PageSize+1)
	if err != nil {
		return fmt.Errorf("read audit: %w", err)
	}
	p := &auditPage{Before: before}
	if len(list) > 2*PageSize {
		list = list[:2*PageSize]
		p.Older = list[2*PageSize-1].Seq
	}
	for _, a := range list {
		p.Rows = append(p.Rows, auditRow{Audit: a, Person: s.sealer.seal(a.Patient), Label: s.sealer.label(a.Patient),
			Link: auditLink(a), Short: a.Hash[:min(10, len(a.Hash))]})
	}
	s.verifyMu.Lock()
	p.Verified = s.verified
	s.verifyMu.Unlock()
	s.render(w, r, x, http.StatusOK, "audit", view{Title: "Audit", Section: "audit", Data: p})
	return nil
}

// auditLink leads to the message that an entry is about; "" when it is about none.
func auditLink(a samvirke.Audit) string {
	switch a.Action {
	case "read-message", "read-original", "download-original", "reprocess":
		return "/messages/" + a.Object
	case "read-delivery", "download-delivery":
		return "/deliveries/" + a.Object
	}
	return ""
}

// auditVerify walks the whole chain. It is a POST because it costs as much as the audit is long.
func (s *Server) auditVerify(w http.ResponseWriter, r *http.Request, x *session) error {
	start := time.Now()
	err := s.store.VerifyAudit(r.Context())
	if err != nil && r.Context().Err() != nil {
		return err
	}
	v := &verification{At: s.now(), Took: time.Since(start)}
	action := "verify-audit"
	if err != nil {
		v.Fault = err.Error()
		action = "verify-audit-failed"
		s.log.Error("audit chain is broken", "err", err)
	}
	s.verifyMu.Lock()
	s.verified = v
	s.verifyMu.Unlock()
	if err := s.note(r.Context(), samvirke.Audit{Who: x.user, Action: action, Object: "audit"}); err != nil {
		return err
	}
	http.Redirect(w, r, "/audit", http.StatusSeeOther)
	return nil
}
