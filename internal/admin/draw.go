package admin

import (
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/fhir/careplan/function"
)

// draw makes the picture of function of a plan.
func (s *Server) draw(p *careplan.Plan, now time.Time) *function.Picture { return p.Picture(now) }

// markLike is a mark of the picture as the plan has it.
func markLike(m function.Mark) careplan.Mark {
	return careplan.Mark{ID: m.ID, Scale: m.Scale, Value: m.Value, At: m.At, Owner: m.Owner, Note: m.Note, Drop: m.Drop, From: m.From}
}
