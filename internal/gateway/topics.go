package gateway

import (
	"slices"
	"strings"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
)

// The topics that somebody may subscribe to, as canonical URLs. Source: domain/careplan.md section 10.
const (
	// TopicPlanChanged: anything that the reader sees is another than before.
	TopicPlanChanged      = topicBase + "plan-changed"
	TopicEncounterChanged = topicBase + "encounter-changed"
	TopicTeamChanged      = topicBase + "team-changed"
	TopicConflictChanged  = topicBase + "conflict-changed"
	TopicAssessmentAdded  = topicBase + "assessment-added"
	// TopicTaskForYou: there is a task for the reader, or one of the reader's own changed.
	TopicTaskForYou    = topicBase + "task-for-you"
	TopicEvaluationDue = topicBase + "evaluation-due"
	TopicGapFound      = topicBase + "gap-found"

	topicBase = fhir.ExtBase + "SubscriptionTopic/"
)

// Topics are all topics, in a fixed order.
func Topics() []string {
	return []string{TopicPlanChanged, TopicEncounterChanged, TopicTeamChanged, TopicConflictChanged, TopicAssessmentAdded, TopicTaskForYou,
		TopicEvaluationDue, TopicGapFound}
}

// TopicsOf tells what changed between two versions of a plan as one reader sees them, in the order of Topics. her are
// the reader's HER-ids and coordinator says that the reader is the coordinating unit, for tasks. Either plan may be nil: none yet, or no
// longer to be seen. Nothing to be seen changed: no topics.
func TopicsOf(before, after *careplan.Plan, her []string, coordinator bool) []string {
	found := map[string]bool{}
	for _, c := range careplan.Diff(before, after) {
		found[TopicPlanChanged] = true
		list, _, _ := strings.Cut(c.Path, "/")
		switch list {
		case "stay", "ready":
			found[TopicEncounterChanged] = true
		case "team", "member":
			found[TopicTeamChanged] = true
		case "conflict":
			found[TopicConflictChanged] = true
		case "function", "mark":
			found[TopicAssessmentAdded] = found[TopicAssessmentAdded] || c.New != ""
		}
	}
	if !found[TopicPlanChanged] {
		return nil
	}
	mine := func(to string) bool { return slices.Contains(her, to) || coordinator && to == "coordinator" }
	for _, t := range tasksOf(after) {
		found[TopicTaskForYou] = found[TopicTaskForYou] || mine(t.For) && !slices.ContainsFunc(tasksOf(before), func(o careplan.Task) bool {
			return o.ID == t.ID && o.Status == t.Status && o.For == t.For
		})
	}
	for _, p := range gapsOf(after) {
		if slices.ContainsFunc(gapsOf(before), func(o careplan.Gap) bool { return o.Rule == p.Rule && o.Subject == p.Subject && o.Due.Equal(p.Due) }) {
			continue
		}
		found[TopicGapFound] = true
		found[TopicEvaluationDue] = found[TopicEvaluationDue] || p.Rule == ruleEvaluation
	}
	return slices.DeleteFunc(Topics(), func(t string) bool { return !found[t] })
}

// ruleEvaluation is the rule of an evaluation that is due. Source: domain/careplan.md section 5.5.
const ruleEvaluation = "R5"

func tasksOf(p *careplan.Plan) []careplan.Task {
	if p == nil {
		return nil
	}
	return p.Tasks
}

func gapsOf(p *careplan.Plan) []careplan.Gap {
	if p == nil {
		return nil
	}
	return p.Gaps
}
