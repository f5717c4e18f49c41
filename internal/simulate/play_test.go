package simulate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/simulate"
)

// cast starts the parties of a course against a relay.
func cast(t *testing.T, gw *relay, c *simulate.Course) map[string]*simulate.Party {
	t.Helper()
	out := map[string]*simulate.Party{}
	for _, cp := range c.Parties {
		p := newParty(t, func(o *simulate.PartyOptions) {
			o.ID, o.HER, o.Formats, o.Gateway = cp.ID, cp.HER, formats(t), gw.URL
			o.Receipts = samvirke.ReceiptMode(cp.Receipts)
		})
		out[cp.ID] = p
		for _, her := range cp.HER[1:] {
			gw.targets[her] = p.URL()
		}
	}
	return out
}

func TestPlayS1(t *testing.T) {
	gw := newRelay(t)
	c := s1(t)
	parties := cast(t, gw, c)
	var told []int
	var gpDown []int
	out, err := simulate.Play(context.Background(), simulate.PlayOptions{
		Course: c, Parties: parties,
		OnStep: func(r simulate.StepResult) {
			told = append(told, r.N)
			if parties["gp"].Dials().Down {
				gpDown = append(gpDown, r.N)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Steps) != len(c.Steps) || len(told) != len(c.Steps) {
		t.Errorf("%d steps played, %d told, want %d", len(out.Steps), len(told), len(c.Steps))
	}
	for _, s := range out.Steps {
		if s.Status != 202 || s.MessageID == "" || s.Err != "" {
			t.Errorf("step %+v", s)
		}
	}
	if out.Steps[0].MessageID != out.Steps[1].MessageID {
		t.Error("the repeated message has another id")
	}
	if len(gpDown) != 3 || gpDown[0] != 6 || gpDown[2] != 8 {
		t.Errorf("the GP is down at steps %v, want 6 to 8", gpDown)
	}
	// The relay hands on what is addressed; it gives no receipts and no notices, and that must show.
	byLine := map[string]simulate.Check{}
	for _, k := range simulate.CheckParties(c, parties) {
		byLine[k.Line] = k
	}
	for line, want := range map[string]bool{
		"municipality: messages addressed to it, in order":        true,
		"hospital: messages addressed to it, in order":            true,
		"municipality: problems":                                  true,
		"gp: told of plan changes":                                false,
		"1 LOG_INNLAGT: receipts to hospital, positive and other": false,
	} {
		if k, ok := byLine[line]; !ok || k.OK != want {
			t.Errorf("%s: %+v, want ok=%v", line, k, want)
		}
	}
	if k := byLine["municipality: messages addressed to it, in order"]; k.Want != "1 5 6 7 8 9 10" {
		t.Errorf("the municipality should get %s", k.Want)
	}
}

func TestPlayAtSpeed(t *testing.T) {
	gw := newRelay(t)
	c := s1(t)
	c.Steps = c.Steps[:2] // one minute apart
	start := time.Now()
	out, err := simulate.Play(context.Background(), simulate.PlayOptions{Course: c, Parties: cast(t, gw, c), Speed: 600})
	if err != nil || time.Since(start) < 100*time.Millisecond || out.Took < 100*time.Millisecond {
		t.Errorf("a minute at speed 600 took %v, %v", out.Took, err)
	}
}

func TestPlayTwiceAndInReverse(t *testing.T) {
	for _, o := range []simulate.PlayOptions{{Twice: true}, {Reverse: true}, {Twice: true, Reverse: true}} {
		gw := newRelay(t)
		o.Course = s1(t)
		o.Parties = cast(t, gw, o.Course)
		out, err := simulate.Play(context.Background(), o)
		if err != nil || len(out.Steps) != len(o.Course.Steps) {
			t.Fatalf("%d steps, %v", len(out.Steps), err)
		}
		if n := len(gw.taken); n != 11 {
			t.Errorf("%d different messages were sent, want 11", n)
		}
		if o.Reverse != (out.Steps[0].N == 12) || o.Parties["gp"].Dials().Down {
			t.Errorf("first step %d, GP down %v", out.Steps[0].N, o.Parties["gp"].Dials().Down)
		}
	}
}

// TestPlayNoticesAnotherID: a gateway that takes the same message as a new one.
func TestPlayNoticesAnotherID(t *testing.T) {
	c := s1(t)
	c.Steps = c.Steps[:2]
	gw := newRelay(t)
	gw.freshID = true
	if _, err := simulate.Play(context.Background(), simulate.PlayOptions{Course: c, Parties: cast(t, gw, c)}); err == nil || !strings.Contains(err.Error(), "another id") {
		t.Errorf("error %v", err)
	}
}

func TestPlayStops(t *testing.T) {
	gw := newRelay(t)
	for name, c := range map[string]struct {
		change func(o *simulate.PlayOptions)
		want   string
	}{
		"no course":     {func(o *simulate.PlayOptions) { o.Course = nil }, "without a course"},
		"missing party": {func(o *simulate.PlayOptions) { delete(o.Parties, "gp") }, "does not play"},
		"refused": {func(*simulate.PlayOptions) {
			gw.status = func(n int) int {
				if n == 1 {
					return 400
				}
				return 0
			}
		}, "answered 400"},
		"answer never asked for": {func(o *simulate.PlayOptions) {
			gw.status, gw.targets = nil, map[string]string{}
			o.AnswerWait = 20 * time.Millisecond
		}, "step 3"},
		"settling fails": {func(o *simulate.PlayOptions) {
			o.Between = func(context.Context, *simulate.Step) error { return errors.New("not settled") }
		}, "not settled"},
	} {
		t.Run(name, func(t *testing.T) {
			gw.mu.Lock()
			gw.taken, gw.status = nil, nil
			gw.mu.Unlock()
			course := s1(t)
			o := simulate.PlayOptions{Course: course, Parties: cast(t, gw, course)}
			c.change(&o)
			_, err := simulate.Play(context.Background(), o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestCheckPartiesNeedsAll(t *testing.T) {
	c := s1(t)
	failed := simulate.Failed(simulate.CheckParties(c, nil))
	if len(failed) != len(c.Parties) {
		t.Errorf("%d parties missing, %d checks failed", len(c.Parties), len(failed))
	}
}
