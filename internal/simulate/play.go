package simulate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Defaults of PlayOptions.
const (
	DefaultMaxPause   = 4 * time.Second
	DefaultAnswerWait = 20 * time.Second
	DefaultTries      = 20
	tryPause          = 200 * time.Millisecond
)

// PlayOptions say how a course is played. Course and Parties are required.
type PlayOptions struct {
	Course *Course
	// Parties by the ids of the course; each knows its gateway and its token.
	Parties map[string]*Party
	// Speed is story time per real time: 86400 plays a day in a second. 0 plays without pauses.
	Speed float64
	// MaxPause is the longest real pause between two steps; 0 means 4 s.
	MaxPause time.Duration
	// AnswerWait is how long a party waits for the message that its step answers; 0 means 20 s.
	AnswerWait time.Duration
	// Twice sends every message a second time at once; it must get the same answer.
	Twice bool
	// Reverse sends the last message first. Dials and waits for answers are left out: they belong to
	// the story. The plan must come out the same; CheckParties is about the story's order and does not apply.
	Reverse bool
	// OnStep, when not nil, is told each step when it is done.
	OnStep func(StepResult)
	// Between, when not nil, is called after each step that was taken; a demo uses it to let the gateway
	// settle, so that what people watch is told in the order of the story.
	Between func(ctx context.Context, s *Step) error
	// At, when not nil, is called before each step with its time in the story; a demo puts its clock there.
	At func(time.Time) error
	// Decide takes what a person decides; needed when the course has such a step. People decide at the gateway's
	// own pages, which this room knows nothing of.
	Decide func(ctx context.Context, d *Decision) (messageID string, err error)
}

// StepResult is what became of one step.
type StepResult struct {
	N     int       `json:"n"`
	At    time.Time `json:"at"` // in the story
	From  string    `json:"from"`
	Kind  string    `json:"kind"`
	Title string    `json:"title"`
	// Status and MessageID are the gateway's answer; Tries counts the attempts, Took is the last one's time.
	Status    int           `json:"status"`
	MessageID string        `json:"message_id,omitempty"`
	Tries     int           `json:"tries"`
	Took      time.Duration `json:"took"`
	// Err says why the step failed; "" when it did what the course says.
	Err string `json:"error,omitempty"`
}

// Played is the outcome of a course.
type Played struct {
	Steps []StepResult  `json:"steps"`
	Took  time.Duration `json:"took"`
}

// Play sends the messages of a course in its order and at its speed, each from its party, and turns
// the dials on the way. A step that answers another one waits until its party has received that one.
// A step that repeats another one must get the same answer.
//
// Play returns when the last step was taken; what the gateway still has to deliver it does not wait
// for. An error ends the play; the steps so far are in the outcome.
func Play(ctx context.Context, o PlayOptions) (Played, error) {
	if o.MaxPause <= 0 {
		o.MaxPause = DefaultMaxPause
	}
	if o.AnswerWait <= 0 {
		o.AnswerWait = DefaultAnswerWait
	}
	out := Played{}
	start := time.Now()
	if err := checkPlay(o); err != nil {
		return out, err
	}
	ids := map[int]string{} // gateway's ids by step; a repetition counts as the step it repeats
	for i := range o.Course.Steps {
		s := &o.Course.Steps[i]
		switch {
		case o.Reverse:
			s = &o.Course.Steps[len(o.Course.Steps)-1-i]
		case i > 0 && o.Speed > 0:
			if err := sleep(ctx, min(time.Duration(float64(s.At.Sub(o.Course.Steps[i-1].At))/o.Speed), o.MaxPause)); err != nil {
				return out, err
			}
		}
		if o.At != nil {
			if err := o.At(s.At); err != nil {
				return out, fmt.Errorf("before step %d: %w", s.N, err)
			}
		}
		r := playStep(ctx, o, s, ids)
		if o.Twice && r.Err == "" && s.Body != nil {
			r = playStep(ctx, o, s, ids)
		}
		out.Steps = append(out.Steps, r)
		out.Took = time.Since(start)
		if o.OnStep != nil {
			o.OnStep(r)
		}
		if r.Err != "" {
			return out, fmt.Errorf("step %d (%s): %s", s.N, s.Kind, r.Err)
		}
		if o.Between != nil {
			if err := o.Between(ctx, s); err != nil {
				return out, fmt.Errorf("after step %d: %w", s.N, err)
			}
		}
	}
	return out, nil
}

func checkPlay(o PlayOptions) error {
	if o.Course == nil {
		return errors.New("play without a course")
	}
	for _, s := range o.Course.Steps {
		if o.Parties[s.From] == nil {
			return fmt.Errorf("step %d is from party %q, which does not play", s.N, s.From)
		}
		switch {
		case o.Reverse && s.Body == nil:
			return fmt.Errorf("step %d goes by what stands there and cannot be played in reverse", s.N)
		case s.Decide != nil && o.Decide == nil:
			return fmt.Errorf("step %d is a decision, and nobody takes it", s.N)
		}
		for _, d := range s.Dials {
			if o.Parties[d.Party] == nil {
				return fmt.Errorf("step %d turns a dial of party %q, which does not play", s.N, d.Party)
			}
		}
	}
	return nil
}

func playStep(ctx context.Context, o PlayOptions, s *Step, ids map[int]string) StepResult {
	r := StepResult{N: s.N, At: s.At, From: s.From, Kind: s.Kind, Title: s.Title}
	from := o.Parties[s.From]
	if !o.Reverse {
		for _, d := range s.Dials {
			o.Parties[d.Party].Turn(func(x *Dials) { x.Down = d.Down })
		}
	}
	if s.Answers > 0 && !o.Reverse {
		if err := awaitStep(ctx, o, from, &o.Course.Steps[s.Answers-1]); err != nil {
			r.Err = fmt.Sprintf("the message that step %d answers did not come: %v", s.N, err)
			return r
		}
	}
	if s.Body == nil {
		return playWrite(ctx, o, s, r)
	}
	for r.Tries = 1; ; r.Tries++ {
		got, err := from.Send(ctx, s.Body, s.ContentType)
		r.Status, r.MessageID, r.Took = got.Status, got.ID, got.Took
		again := err != nil || got.Status == 503 || got.Status == 429
		switch {
		case ctx.Err() != nil:
			r.Err = context.Cause(ctx).Error()
			return r
		case again && r.Tries < DefaultTries:
			if sleep(ctx, tryPause) == nil {
				continue
			}
		}
		switch {
		case err != nil:
			r.Err = err.Error()
		case got.Status/100 != 2:
			r.Err = fmt.Sprintf("the gateway answered %d %s", got.Status, strings.TrimSpace(got.Body))
		default:
			r.Err = sameID(ids, s, got.ID)
		}
		return r
	}
}

// sameID notes the gateway's id of a step; what was sent before must have got the same one.
func sameID(ids map[int]string, s *Step, id string) string {
	n := s.N
	if s.RepeatOf > 0 {
		n = s.RepeatOf
	}
	if old, ok := ids[n]; ok && old != id {
		return "the repeated message got another id than the first one"
	}
	ids[n] = id
	return ""
}

// awaitStep waits until party has received what a step sent, by message id.
func awaitStep(ctx context.Context, o PlayOptions, party *Party, asked *Step) error {
	id := party.read(asked.Body).Envelope.ID
	if id == "" {
		return errors.New("the party cannot read it")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.AnswerWait, errors.New("waited too long"))
	defer cancel()
	_, err := party.Wait(ctx, func(r Received) bool { return strings.EqualFold(r.Envelope.ID, id) })
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
