package function

import (
	"fmt"
	"math"
	"slices"
)

// checkCOPM compares the two means with the problems that were scored.
func checkCOPM(points []Point, v values) []Issue {
	var out []Issue
	for _, what := range [...]string{"performance", "satisfaction"} {
		sum, n := 0.0, 0
		for _, x := range problemScores(points, what) {
			sum += x
			n++
		}
		mean, ok := v["mean-"+what]
		if ok && n > 0 && math.Abs(mean-sum/float64(n)) > 0.05+1e-9 {
			out = append(out, Issue{Code: IssueMean, Text: fmt.Sprintf("The mean of %s is not that of the %d problems scored; the source's is shown.", what, n), Item: "mean-" + what})
		}
	}
	return out
}

// problemScores gives the scores of one sort by problem.
func problemScores(points []Point, what string) map[string]float64 {
	m := map[string]float64{}
	for i := range points {
		if p := &points[i]; p.Number != nil && p.Problem != "" && p.item() == what {
			m[foldWords(p.Problem)] = *p.Number
		}
	}
	return m
}

// ProblemChange is the change of one sort of score between two occasions, on the problems scored at both.
type ProblemChange struct {
	Before, After float64 // means over Common
	Amount        float64
	Common        int // problems scored at both
	Of            int // problems scored at the first
	Problems      []string
}

// ChangeOfProblems compares two occasions of one instrument. what is "performance" or "satisfaction". False when no
// problem was scored at both: the second is a new baseline. Source: function.md section 5.3.
func ChangeOfProblems(before, after []Point, what string) (ProblemChange, bool) {
	a, b := problemScores(before, what), problemScores(after, what)
	var c ProblemChange
	c.Of = len(a)
	for problem := range a {
		if _, ok := b[problem]; ok {
			c.Problems = append(c.Problems, problem)
		}
	}
	if c.Common = len(c.Problems); c.Common == 0 {
		return c, false
	}
	slices.Sort(c.Problems)
	for _, p := range c.Problems {
		c.Before += a[p]
		c.After += b[p]
	}
	c.Amount = (c.After - c.Before) / float64(c.Common)
	c.Before /= float64(c.Common)
	c.After /= float64(c.Common)
	return c, true
}
