package queuetest

import (
	"bytes"
	"testing"

	"github.com/samvirke/samvirke/queue"
)

// testPlansTogether: a unit may move the plans of several patients; all hold or none is taken. A step that only
// checks adds nothing.
func testPlansTogether(t *testing.T, v *env) {
	large := bytes.Repeat([]byte("large plan "), 100_000)
	version := func(patient string, want int64, body []byte) {
		t.Helper()
		p := get[queue.PlanVersion](v)(v.s.Plan(v.ctx(), patient, 0))
		if p.Version != want || !bytes.Equal(p.Body, body) {
			t.Errorf("plan of %s is at version %d with %d bytes, want %d with %d", patient, p.Version, len(p.Body), want, len(body))
		}
	}
	v.commit(queue.Unit{Plan: &queue.PlanStep{Patient: "a", Body: []byte("a1")}, Plans: []queue.PlanStep{
		{Patient: "b", Body: []byte("b1")}, {Patient: "c", Body: large},
	}})
	version("a", 1, []byte("a1"))
	version("b", 1, []byte("b1"))
	version("c", 1, large)
	v.refuse(queue.ErrPlanVersion, queue.Unit{Plan: &queue.PlanStep{Patient: "a", Expect: 1, Body: []byte("a2")}, Plans: []queue.PlanStep{{Patient: "b", Expect: 2}}})
	v.refuse(queue.ErrPlanVersion, queue.Unit{Plan: &queue.PlanStep{Patient: "a", Expect: 1, Body: []byte("a2")}, Plans: []queue.PlanStep{{Patient: "a", Expect: 2}}})
	version("a", 1, []byte("a1"))
	version("b", 1, []byte("b1"))
	v.commit(queue.Unit{Plans: []queue.PlanStep{{Patient: "b", Expect: 1, Body: []byte("b2")}}})
	version("b", 2, []byte("b2"))

	v.commit(queue.Unit{Plan: &queue.PlanStep{Patient: "a", Expect: 1, Check: true}, Settings: map[string]string{"checked": "yes"}})
	v.commit(queue.Unit{Plans: []queue.PlanStep{{Patient: "nobody", Check: true}}})
	v.refuse(queue.ErrPlanVersion, queue.Unit{Plan: &queue.PlanStep{Patient: "a", Check: true}, Settings: map[string]string{"checked": "wrongly"}})
	v.refuse(queue.ErrPlanVersion, queue.Unit{Plans: []queue.PlanStep{{Patient: "b", Expect: 1, Check: true}}, Settings: map[string]string{"checked": "wrongly"}})
	version("a", 1, []byte("a1"))
	if s := get[string](v)(v.s.Setting(v.ctx(), "checked")); s != "yes" {
		t.Errorf("setting is %q", s)
	}
}
