package queuetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/samvirke/samvirke/queue"
)

func testSettingsByPrefix(t *testing.T, v *env) {
	v.commit(queue.Unit{Settings: map[string]string{"a/1": "one", "a/2": "two", "a/3": "", "a": "not it", "b/1": "other", "a0": "neither"}})
	for _, c := range []struct {
		prefix, after string
		limit         int
		want          []queue.Setting
	}{
		{"a/", "", 0, []queue.Setting{{Name: "a/1", Value: "one"}, {Name: "a/2", Value: "two"}, {Name: "a/3"}}},
		{"a/", "a/1", 1, []queue.Setting{{Name: "a/2", Value: "two"}}},
		{"a/", "a/3", 0, nil},
		{"c", "", 0, nil},
	} {
		got := get[[]queue.Setting](v)(v.s.Settings(v.ctx(), c.prefix, c.after, c.limit))
		if !slices.Equal(got, c.want) {
			t.Errorf("%q after %q: %v, want %v", c.prefix, c.after, got, c.want)
		}
	}
}

func testPlanChanges(t *testing.T, v *env) {
	for _, c := range []struct {
		patient string
		expect  int64
	}{{"p", 0}, {"q", 0}, {"p", 1}} {
		v.commit(queue.Unit{Plan: &queue.PlanStep{Patient: c.patient, Expect: c.expect, Body: []byte("x")}})
	}
	v.restart()
	var got []string
	after := int64(0)
	for range 3 { // page by page
		for _, c := range get[[]queue.PlanChange](v)(v.s.PlanChanges(v.ctx(), after, 2)) {
			if c.Seq <= after || c.Body != nil || c.At.IsZero() {
				t.Errorf("change %+v after %d", c, after)
			}
			got, after = append(got, fmt.Sprint(c.Patient, c.Version)), c.Seq
		}
	}
	if want := []string{"p1", "q1", "p2"}; !slices.Equal(got, want) {
		t.Errorf("changes %v, want %v", got, want)
	}
}
