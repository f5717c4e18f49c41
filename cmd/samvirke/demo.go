package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/config"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/testdata"
)

type demoCmd struct {
	Listen string  `help:"Where the gateway listens." default:"127.0.0.1:8480"`
	Once   bool    `help:"Play at full speed, check the outcome, print a summary and exit."`
	JSON   bool    `help:"Print JSON (with --once)."`
	Data   string  `help:"Folder for the store; a temporary one that is removed at the end when not given." placeholder:"DIR"`
	Speed  float64 `help:"Story time per real time; a pause is never longer than 1.5 s." default:"300000"`
	Log    bool    `help:"Write the gateway's log to standard error."`

	// spoil lets a test break an expectation on purpose.
	spoil func(*testdata.Course)
}

// stage is a demo that is set up: gateway, simulated parties and the course they play.
type stage struct {
	course  *testdata.Course
	clock   *storyClock // of the story: months pass in half a minute
	parties map[string]*simulate.Party
	house   *house
	clean   func()
}

// Times of the demo.
const (
	// settleLimit bounds how long the demo waits until nothing is on its way any more.
	settleLimit = 3 * time.Minute
	// longestPause and shortestPause are between two steps when people watch.
	longestPause  = 1500 * time.Millisecond
	shortestPause = 400 * time.Millisecond
	// usualSpeed is the default of --speed; faster, and the shortest pause is shorter as well.
	usualSpeed = 300000
)

// Run plays the demo.
func (c *demoCmd) Run(a *app) error {
	if c.Once && c.Listen == "127.0.0.1:8480" {
		c.Listen = "127.0.0.1:0" // nobody looks at it: any free port will do
	}
	s, err := c.set(a)
	if err != nil {
		return err
	}
	defer s.close()
	if c.Once {
		return c.once(a, s)
	}
	if err := s.house.printCredential(a); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "Open %s and watch a stroke patient's course flow between hospital, municipality, GP and physiotherapist.\nIt runs from January to April 2026 in about half a minute, by a clock of its own. All persons are invented. Stop with Ctrl-C.\n", s.house.adminURL)
	if c.Data == "" || s.fresh(a.ctx) {
		if err := c.play(a, s); err != nil {
			return err
		}
	}
	return s.house.wait(a.ctx)
}

// fresh tells whether nothing was played on this store yet.
func (s *stage) fresh(ctx context.Context) bool {
	st, err := s.house.store.Stats(ctx)
	return err == nil && st.Accepted == 0
}

func (c *demoCmd) play(a *app, s *stage) error {
	_, err := simulate.Play(a.ctx, simulate.PlayOptions{
		Course: s.course, Parties: s.parties, Speed: c.Speed, MaxPause: longestPause, At: s.at, Decide: s.decide,
		Between: func(ctx context.Context, _ *simulate.Step) error {
			if err := s.settle(ctx); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(time.Duration(float64(shortestPause) * min(1, usualSpeed/max(c.Speed, 1)))):
				return nil
			}
		},
		OnStep: func(r simulate.StepResult) {
			fmt.Fprintf(a.out, "%s  %-13s %-20s %s\n", r.At.Format("Mon 2 Jan 15:04"), r.From, r.Kind, r.Title)
		},
	})
	if err != nil && a.ctx.Err() == nil {
		return err
	}
	if a.ctx.Err() == nil && s.house.figures != nil { // their hour comes by the real clock
		if err := s.house.figures.Run(a.ctx); err != nil {
			return fmt.Errorf("count the figures: %w", err)
		}
	}
	if a.ctx.Err() == nil {
		fmt.Fprintln(a.out, "The story has been told; the gateway goes on. Send it a message of your own: see README.")
	}
	return nil
}

// set starts simulated parties and a gateway that knows them.
func (c *demoCmd) set(a *app) (s *stage, err error) {
	s = &stage{parties: map[string]*simulate.Party{}, clean: func() {}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.course, err = testdata.S1Whole(); err != nil {
		return s, err
	}
	s.clock = &storyClock{}
	if err = s.at(s.course.Steps[0].At); err != nil {
		return s, err
	}
	if c.spoil != nil {
		c.spoil(s.course)
	}
	dir := c.Data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "samvirke-demo-"); err != nil {
			return s, err
		}
		s.clean = func() { _ = os.RemoveAll(dir) }
	} else if err = os.MkdirAll(dir, 0o700); err != nil {
		return s, err
	}
	fs, err := formats(false)
	if err != nil {
		return s, err
	}
	var configured []demoParty
	for _, cp := range s.course.Parties {
		p := demoParty{Party: cp, Token: secret(), Out: secret()}
		sim, err := simulate.NewParty(simulate.PartyOptions{
			ID: cp.ID, HER: cp.HER, Formats: fs, Receipts: samvirke.ReceiptMode(cp.Receipts), Later: true, Token: p.Token, Accept: p.Out, Now: s.clock.now,
		})
		if err != nil {
			return s, err
		}
		s.parties[cp.ID] = sim
		p.URL = sim.URL()
		configured = append(configured, p)
	}
	file, err := writeDemoConfig(dir, c.Listen, s.course.Patient, configured)
	if err != nil {
		return s, err
	}
	cfg, err := a.loadConfig(file)
	if err != nil {
		return s, err
	}
	log := slog.New(slog.DiscardHandler)
	if c.Log {
		log = newLogger(a.errs, config.Log{Level: "info"})
	}
	if s.house, err = openHouseAt(a.ctx, cfg, log, func(h *house) error {
		h.clock = s.clock
		return nil
	}); err != nil {
		return s, err
	}
	if !s.fresh(a.ctx) { // told before: its time goes on from the end
		if err = s.at(s.course.Steps[len(s.course.Steps)-1].At); err != nil {
			return s, err
		}
	}
	for _, p := range s.parties {
		p.SetGateway("http://" + s.house.addr)
	}
	return s, nil
}

func (s *stage) close() {
	if s.house != nil {
		s.house.stop()
	}
	for _, p := range s.parties {
		_ = p.Close()
	}
	s.clean()
}

// secret is a random token.
func secret() string {
	b := make([]byte, 24)
	if _, err := rand.Read(b); err != nil {
		panic(err) // never fails on supported systems
	}
	return hex.EncodeToString(b)
}

// demoSummary is the outcome of --once.
type demoSummary struct {
	OK         bool                  `json:"ok"`
	Course     string                `json:"course"`
	TookMS     int64                 `json:"took_ms"`
	Steps      []simulate.StepResult `json:"steps"`
	Messages   int64                 `json:"messages"`
	Deliveries map[string]int64      `json:"deliveries"` // by state
	Checks     []simulate.Check      `json:"checks"`
}

func (c *demoCmd) once(a *app, s *stage) error {
	start := time.Now()
	played, err := simulate.Play(a.ctx, simulate.PlayOptions{
		Course: s.course, Parties: s.parties, At: s.at, Decide: s.decide,
		Between: func(ctx context.Context, _ *simulate.Step) error { return s.settle(ctx) },
	})
	if err != nil {
		return err
	}
	if err := s.settle(a.ctx); err != nil {
		return err
	}
	sum := demoSummary{Course: s.course.Name, Steps: played.Steps, Deliveries: map[string]int64{}}
	v, err := s.house.store.Plan(a.ctx, s.course.Patient, 0)
	if err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	if sum.Checks, err = simulate.CheckPlan(s.course, v.Body); err != nil {
		return err
	}
	sum.Checks = append(sum.Checks, simulate.CheckParties(s.course, s.parties)...)
	st, err := s.house.store.Stats(a.ctx)
	if err != nil {
		return err
	}
	sum.Messages = st.Accepted
	for _, by := range st.Deliveries {
		for state, n := range by {
			sum.Deliveries[string(state)] += n
		}
	}
	sum.OK = len(simulate.Failed(sum.Checks)) == 0
	sum.TookMS = time.Since(start).Milliseconds()
	if c.JSON {
		err = a.json(sum)
	} else {
		printSummary(a.out, &sum)
	}
	if err == nil && !sum.OK {
		return &exitError{code: exitFailed}
	}
	return err
}

// at puts the story's clock to a step; the machine's own time may have come further already.
func (s *stage) at(t time.Time) error {
	if s.clock.now().After(t) && s.clock.ahead.Load() != 0 {
		return nil
	}
	return s.clock.set(t)
}

// settle waits until everything is delivered and answered but what a party that is down must wait for.
func (s *stage) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, settleLimit, errors.New("not everything was delivered and answered in time"))
	defer cancel()
	events, stop := s.house.store.Subscribe(256)
	defer stop()
	for {
		st, err := s.house.store.Stats(ctx)
		if err != nil {
			return err
		}
		if s.settled(&st) {
			return nil
		}
		select {
		case <-events:
		case <-time.After(50 * time.Millisecond): // a step may change state without an event of its own
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *stage) settled(st *queue.Stats) bool {
	if st.Messages[samvirke.MessageReceived] > 0 {
		return false
	}
	for id, by := range st.Deliveries {
		if p := s.parties[id]; p != nil && p.Dials().Down {
			continue
		}
		if by[samvirke.DeliveryQueued]+by[samvirke.DeliverySending]+by[samvirke.DeliveryWaiting] > 0 {
			return false
		}
	}
	for _, n := range st.ReceiptsAwaited {
		if n > 0 {
			return false
		}
	}
	return true
}

func printSummary(w io.Writer, sum *demoSummary) {
	for _, st := range sum.Steps {
		fmt.Fprintf(w, "%2d  %s  %-13s %-20s %s\n", st.N, st.At.Format("Mon 2 Jan 15:04"), st.From, st.Kind, st.Title)
	}
	for _, c := range sum.Checks {
		mark := "ok  "
		if !c.OK {
			mark = "FAIL"
		}
		fmt.Fprintf(w, "%s  %s: %s", mark, c.Line, c.Want)
		if !c.OK {
			fmt.Fprintf(w, " - got %s", c.Got)
		}
		fmt.Fprintln(w)
	}
	states := make([]string, 0, len(sum.Deliveries))
	for s, n := range sum.Deliveries {
		if n > 0 {
			states = append(states, fmt.Sprintf("%d %s", n, s))
		}
	}
	slices.Sort(states)
	fmt.Fprintf(w, "%d messages, deliveries: %v, %d checks, %d failed, %d ms\n",
		sum.Messages, states, len(sum.Checks), len(simulate.Failed(sum.Checks)), sum.TookMS)
}
