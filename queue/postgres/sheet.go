package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/queue"
)

var (
	_ queue.PlanSheets  = (*Store)(nil)
	_ queue.PlanRumours = (*Store)(nil)
)

// planSelect gives the newest version of a plan with its body.
const planSelect = `SELECT ` + planColumns + `, ` + planBody + ` FROM plan_version WHERE patient = $1 ORDER BY version DESC LIMIT 1`

// PlanSheet reads what is kept of a plan in one round trip; see queue.PlanSheets. Each statement sees what was committed before it.
func (r *reader) PlanSheet(ctx context.Context, patient, setting, counter string) (s queue.PlanSheet, err error) {
	b := &pgx.Batch{}
	rows(b, planSelect, func(row pgx.Row) (err error) {
		if s.Plan, err = r.scanWholePlan(row); s.Plan.Version > 0 && errors.Is(err, queue.ErrDamaged) {
			return nil // its records give it again
		}
		return err
	}, patient)
	rows(b, settingSelect, func(row pgx.Row) error { return row.Scan(&s.Setting) }, setting)
	rows(b, counterSelect, func(row pgx.Row) error { return row.Scan(&s.Counter) }, counter)
	query, args := dueQuery(queue.DueFilter{Patient: patient, Limit: queue.MaxPage})
	rows(b, query, func(row pgx.Row) error {
		d, err := scanDue(row)
		s.Dues = append(s.Dues, d)
		return err
	}, args...)
	rows(b, recordsSelect, func(row pgx.Row) error {
		x, err := r.scanRecord(row)
		s.Records = append(s.Records, x)
		return err
	}, patient)
	switch err := r.readError(ctx, r.pool.SendBatch(ctx, b).Close()); {
	case errors.Is(err, queue.ErrNotFound): // text that the database cannot hold is the key of no plan
		return queue.PlanSheet{}, nil
	case err != nil:
		return queue.PlanSheet{}, fmt.Errorf("read plan: %w", err)
	}
	if s.Plan.Version == 0 {
		s.Setting, s.Counter, s.Dues = "", 0, nil
	}
	return s, nil
}

// maxRumours bounds the plans of which is remembered that others changed them.
const maxRumours = 8192

// rumours are the plans that other gateways have changed, with the version that they made, by planMark.
type rumours struct {
	mu    sync.Mutex
	heard map[uint64]int64
}

// planMark stands for a patient key in a notice.
func (s *Store) planMark(patient string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(s.salt) // never fails (hash.Hash)
	_, _ = h.Write([]byte(patient))
	return h.Sum64()
}

// PlanOutdated implements queue.PlanRumours.
func (s *Store) PlanOutdated(patient string, version int64) bool {
	if s.alone.Load() {
		return false
	}
	mark := s.planMark(patient)
	s.rumours.mu.Lock()
	defer s.rumours.mu.Unlock()
	heard, some := s.rumours.heard[mark]
	delete(s.rumours.heard, mark) // either it is acted on now, or this gateway has made a newer one itself
	return some && heard > version
}

// hear notes what planNotice wrote.
func (r *rumours) hear(words []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, word := range words {
		mark, version, _ := strings.Cut(word, ":")
		m, err := strconv.ParseUint(mark, 36, 64)
		v, err2 := strconv.ParseInt(version, 36, 64)
		if err != nil || err2 != nil {
			continue
		}
		if len(r.heard) >= maxRumours || r.heard == nil {
			r.heard = map[uint64]int64{} // what is forgotten costs a unit that is made twice
		}
		r.heard[m] = max(v, r.heard[m])
	}
}

// planNotice tells other gateways which plans a group has changed: who says it, then marks with versions. "" when there are
// no others, or no plans.
func (g *group) planNotice() string {
	s := g.w.s
	if s.alone.Load() || len(g.write.plans) == 0 {
		return ""
	}
	text := []byte(s.owner)
	for i := range g.write.plans {
		p := &g.write.plans[i]
		if len(text) > maxNotice {
			break
		}
		text = strconv.AppendUint(append(text, ' '), s.planMark(p.Patient), 36)
		text = strconv.AppendInt(append(text, ':'), p.Version, 36)
	}
	return string(text)
}
