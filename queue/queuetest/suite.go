package queuetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Engine is what the suite needs to know of an engine.
type Engine struct {
	// Open opens the store that belongs to dir, empty the first time. Opening the same dir after Close is
	// a restart. The suite closes what it opens.
	Open func(t testing.TB, dir string) queue.Store
	// Tamper changes the reason of one audit entry behind the back of the closed store of dir. nil: the
	// tampering test is skipped.
	Tamper func(t testing.TB, dir string, seq int64)
	// Find says where a text stands in the store of dir. nil: the files below dir are searched, which is for engines that
	// keep everything there.
	Find func(t testing.TB, dir, text string) []string
	// Age presses all that is stored and looks at the stored bodies once; an error says what is damaged. nil: the engine's bodies do
	// not age, or something else stands over the engine.
	Age func(ctx context.Context, s queue.Store) error
	// Features are where engines may differ.
	Features Features
}

// Features are where engines may differ.
type Features struct {
	// LargeBody is a size in bytes above which the engine stores bodies in another way; 0 means 1 MB.
	LargeBody int
	// LeasesSurvive says that a lease outlives a restart, because several processes share the store.
	LeasesSurvive bool
	// KeyOfPerson says that the bytes of a message belong to the person whom it was accepted for, also when it is found to be about
	// another one later: they go with the first.
	KeyOfPerson bool
}

// limit is how long a call may take that is expected to come back. It ends a test that hangs, and says nothing of speed:
// on a loaded machine a start, or what a closed gateway could not give back, may take half a minute.
const limit = 2 * time.Minute

// Run runs the whole suite.
func Run(t *testing.T, e Engine) {
	if e.Features.LargeBody == 0 {
		e.Features.LargeBody = 1 << 20
	}
	for _, c := range []struct {
		name string
		test func(*testing.T, *env)
	}{
		{"Accept", testAccept},
		{"Duplicate", testDuplicate},
		{"DuplicateWithoutID", testDuplicateWithoutID},
		{"Reused", testReused},
		{"SameIDInCapitals", testSameIDInCapitals},
		{"DuplicateInOneGroup", testDuplicateInOneGroup},
		{"UnitIsWhole", testUnitIsWhole},
		{"BadUnits", testBadUnits},
		{"MessageStep", testMessageStep},
		{"PlanVersions", testPlanVersions},
		{"PlanRace", testPlanRace},
		{"PlansTogether", testPlansTogether},
		{"Records", testRecords},
		{"Counters", testCounters},
		{"Settings", testSettings},
		{"Dues", testDues},
		{"DueRace", testDueRace},
		{"Secret", testSecret},
		{"SettingsByPrefix", testSettingsByPrefix},
		{"PlanChanges", testPlanChanges},
		{"TakenID", testTakenID},
		{"GroupIsolation", testGroupIsolation},
		{"CommitContext", testCommitContext},
		{"Received", testReceived},
		{"ReceivedBlocks", testReceivedBlocks},
		{"Reprocess", testReprocess},
		{"Order", testOrder},
		{"OrderInOneGroup", testOrderInOneGroup},
		{"OrderClosed", testOrderClosed},
		{"Lease", testLease},
		{"LeaseBlocks", testLeaseBlocks},
		{"LeaseWaitsUntilDue", testLeaseWaitsUntilDue},
		{"LaneOrder", testLaneOrder},
		{"LaneOrderConcurrent", testLaneOrderConcurrent},
		{"HoldLane", testHoldLane},
		{"ResendKeepsPlace", testResendKeepsPlace},
		{"LeaseEnds", testLeaseEnds},
		{"Fenced", testFenced},
		{"StepByOther", testStepByOther},
		{"StepsInOneUnit", testStepsInOneUnit},
		{"DeliveryTimes", testDeliveryTimes},
		{"Attempts", testAttempts},
		{"RestartEveryStage", testRestartEveryStage},
		{"Events", testEvents},
		{"Subscribe", testSubscribe},
		{"SubscribeSlow", testSubscribeSlow},
		{"Receipts", testReceipts},
		{"Stats", testStats},
		{"Conservation", testConservation},
		{"Audit", testAudit},
		{"AuditTampered", testAuditTampered},
		{"Erase", testErase},
		{"EraseUnderOthersMessage", testEraseUnderOthersMessage},
		{"EraseHeldLane", testEraseHeldLane},
		{"EraseNoted", testEraseNoted},
		{"WipeLeavesLater", testWipeLeavesLater},
		{"Retain", testRetain},
		{"RetainTraces", testRetainTraces},
		{"FindErasedInCapitals", testFindErasedInCapitals},
		{"EraseSilent", testEraseSilent},
		{"LargeBodies", testLargeBodies},
		{"FilterMessages", testFilterMessages},
		{"FilterKindLater", testFilterKindLater},
		{"FilterDeliveries", testFilterDeliveries},
		{"FindDelivery", testFindDelivery},
		{"NotFound", testNotFound},
		{"Close", testClose},
		{"Model", testModel},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newEnv(t, e)) })
	}
}

// env is one store under test.
type env struct {
	t   testing.TB
	e   Engine
	dir string
	s   queue.Store
	now time.Time
}

func newEnv(t testing.TB, e Engine) *env {
	v := &env{t: t, e: e, dir: t.TempDir(), now: time.Now().UTC().Truncate(time.Microsecond).Add(-time.Hour)}
	v.s = e.Open(t, v.dir)
	t.Cleanup(func() { _ = v.s.Close() })
	return v
}

// restart closes and opens the store.
func (v *env) restart() {
	v.t.Helper()
	if err := v.s.Close(); err != nil {
		v.t.Fatalf("close: %v", err)
	}
	v.s = v.e.Open(v.t, v.dir)
}

// ctx gives a context that ends the test rather than hanging it.
func (v *env) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	v.t.Cleanup(cancel)
	return ctx
}

// tick moves the clock of the units on and gives it.
func (v *env) tick() time.Time {
	v.now = v.now.Add(time.Second)
	return v.now
}

// commit commits a unit that must go well.
func (v *env) commit(u queue.Unit) queue.Outcome {
	v.t.Helper()
	if u.Now.IsZero() {
		u.Now = v.tick()
	}
	out, err := v.s.Commit(v.ctx(), &u)
	if err != nil {
		v.t.Fatalf("commit: %v", err)
	}
	return out
}

// refuse commits a unit that must fail with want.
func (v *env) refuse(want error, u queue.Unit) {
	v.t.Helper()
	if u.Now.IsZero() {
		u.Now = v.tick()
	}
	if _, err := v.s.Commit(v.ctx(), &u); !errors.Is(err, want) {
		v.t.Fatalf("commit: got error %v, want %v", err, want)
	}
}

// message makes a message that is like no other.
func message(id string) *samvirke.Message {
	raw := []byte("<message id=\"" + id + "\"/>")
	return &samvirke.Message{ID: id, Party: "hospital", Format: "kith", Kind: "LOG_INNLAGT", Version: "1.6",
		ExternalID: "ext-" + id, Patient: "urn:test|p-" + id, ReceivedAt: time.Date(2026, 5, 1, 12, 0, 0, 1000, time.UTC),
		Status: samvirke.MessageReceived, Checksum: sum(raw), Size: int64(len(raw)), ContentType: "application/xml",
		TraceParent: "00-" + id, Raw: raw}
}

// delivery makes a queued delivery of message m to party about patient.
func delivery(id, m, party, patient string) samvirke.Delivery {
	body := []byte("<delivery id=\"" + id + "\"/>")
	return samvirke.Delivery{ID: id, MessageID: m, Party: party, Purpose: samvirke.PurposeForward,
		Lane: samvirke.LaneKey(party, patient, samvirke.PurposeForward), Patient: patient, ExternalID: "out-" + id,
		Kind: "LOG_INNLAGT", Format: "kith", Version: "1.6", ContentType: "application/xml", Rule: "rule",
		State: samvirke.DeliveryQueued, Checksum: sum(body), Size: int64(len(body)), TraceParent: "00-" + id, Body: body}
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// accept stores a message under id.
func (v *env) accept(id string) {
	v.t.Helper()
	v.commit(queue.Unit{Accept: message(id)})
}

// enqueue stores a message with one delivery for each id, all in one lane.
func (v *env) enqueue(party, patient string, ids ...string) {
	v.t.Helper()
	u := queue.Unit{Accept: message("m-" + ids[0])}
	for _, id := range ids {
		u.Deliveries = append(u.Deliveries, delivery(id, u.Accept.ID, party, patient))
	}
	v.commit(u)
}

// lease leases and fails when the ids are not those wanted.
func (v *env) lease(party string, limit int, want ...string) []queue.Leased {
	v.t.Helper()
	got, err := v.s.Lease(v.ctx(), party, limit, time.Hour)
	if err != nil {
		v.t.Fatalf("lease for %s: %v", party, err)
	}
	if ids := idsOf(got); fmt.Sprint(ids) != fmt.Sprint(want) {
		v.t.Fatalf("leased %v, want %v", ids, want)
	}
	return got
}

// leaseNothing fails when there is something to lease.
func (v *env) leaseNothing(party string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	got, err := v.s.Lease(ctx, party, 10, time.Hour)
	if !errors.Is(err, context.DeadlineExceeded) {
		v.t.Fatalf("leased %v with error %v, want none and the end of the context", idsOf(got), err)
	}
}

func idsOf(list []queue.Leased) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].ID
	}
	return out
}

// step moves a delivery; token 0 is somebody else.
func (v *env) step(id string, token int64, to samvirke.DeliveryState, more ...func(*queue.DeliveryStep)) {
	v.t.Helper()
	v.commit(queue.Unit{Steps: []queue.DeliveryStep{stepOf(id, token, to, more...)}})
}

func stepOf(id string, token int64, to samvirke.DeliveryState, more ...func(*queue.DeliveryStep)) queue.DeliveryStep {
	s := queue.DeliveryStep{ID: id, Token: token, To: to}
	for _, f := range more {
		f(&s)
	}
	return s
}

func from(states ...samvirke.DeliveryState) func(*queue.DeliveryStep) {
	return func(s *queue.DeliveryStep) { s.From = states }
}

func dueAt(at time.Time) func(*queue.DeliveryStep) {
	return func(s *queue.DeliveryStep) { s.DueAt = at }
}

func hold(s *queue.DeliveryStep) { s.HoldLane = true }

// state fails when the delivery is not in the state wanted.
func (v *env) state(id string, want samvirke.DeliveryState) samvirke.Delivery {
	v.t.Helper()
	d, err := v.s.Delivery(v.ctx(), id)
	if err != nil {
		v.t.Fatalf("delivery %s: %v", id, err)
	}
	if d.State != want {
		v.t.Fatalf("delivery %s is %s, want %s", id, d.State, want)
	}
	return d
}

// get turns a reading call into its value.
func get[T any](v *env) func(T, error) T {
	return func(x T, err error) T {
		v.t.Helper()
		if err != nil {
			v.t.Fatalf("read: %v", err)
		}
		return x
	}
}
