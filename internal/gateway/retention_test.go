package gateway_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sealed"
)

// sealing makes a rig whose gateway sees the store through encryption.
func sealing(seen *queue.Store) func(*rig) {
	return func(r *rig) {
		r.wrap = func(inner queue.Store) queue.Store {
			s, err := sealed.Open(r.t.Context(), inner, sealed.MasterKey{ID: "a", Key: sha256.Sum256([]byte("a"))})
			if err != nil {
				r.t.Fatal(err)
			}
			*seen = s
			return s
		}
	}
}

// scan looks for needles in every file under a folder.
func scan(t *testing.T, dir string, needles ...string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the store took it away meanwhile
		}
		if err != nil {
			return err
		}
		for _, n := range needles {
			if bytes.Contains(raw, []byte(n)) {
				found = append(found, filepath.Base(path)+": "+n)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// canaries are the texts of one person's course.
type canaries struct{ texts []string }

func (c *canaries) word(what string) string {
	w := "KANARI" + what + strings.ReplaceAll(uuid.NewString(), "-", "")
	c.texts = append(c.texts, w)
	return w
}

// course plays messages about a person with a canary wherever there is room for text, and gives the bytes of the first
// message and its id.
func course(r *rig, n int, c *canaries) (first []byte, id, msgID string) {
	r.t.Helper()
	a := simulate.Admission{ID: uuid.NewString(), Person: n, Remark: c.word("merknad")}
	c.texts = append(c.texts, simulate.PersonNumber(n), a.ID)
	first = a.XML()
	id, msgID = r.admit(a)
	r.until("delivered", func() bool {
		ds := r.deliveries(id, samvirke.PurposeForward)
		return len(ds) == 1 && ds[0].State == samvirke.DeliverySent
	})
	d := r.one(id, samvirke.PurposeForward)
	c.texts = append(c.texts, d.ExternalID)
	rec := bytes.ReplaceAll(appRec(uuid.NewString(), d.ExternalID, "3", "E10"), []byte("detalj om feilen"), []byte(c.word("kvittering")))
	if ans := r.receive("city", rec); ans.Fault != nil {
		r.t.Fatal(ans.Fault)
	}
	r.until("acknowledged", func() bool { return r.one(id, samvirke.PurposeForward).State == samvirke.DeliveryAcknowledged })
	long := strings.Repeat(c.word("lang")+" ", 12000) // a body of its own file
	r.submit(gateway.Write{Party: "hospital", Patient: person(n), Person: c.word("navn"), Resources: []*fhir.Node{
		goalNode(c.word("mål")), evaluationNode("2026-03-19"),
		fhir.NewObject("resourceType", "Condition", "code", fhir.NewObject("text", c.word("diagnose"))),
		fhir.NewObject("resourceType", "ServiceRequest", "status", "active", "intent", "proposal", "code", fhir.NewObject("text", c.word("tiltak")),
			"note", fhir.NewArray(fhir.NewObject("text", c.word("notat")))),
		fhir.NewObject("resourceType", "Communication", "status", "completed", "payload", fhir.NewArray(fhir.NewObject("contentString", long))),
	}})
	return first, id, msgID
}

// TestErasure is P22: after an erasure nothing identifying remains in any store; late duplicates stay without effect.
func TestErasure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		with func(*queue.Store) func(*rig)
	}{
		{"plain", func(*queue.Store) func(*rig) { return func(*rig) {} }},
		{"sealed", sealing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var seen queue.Store
			r := newRig(t, c.with(&seen))
			if seen == nil {
				seen = r.store
			}
			erasureCase(t, r, seen, c.name == "sealed")
		})
	}
}

func erasureCase(t *testing.T, r *rig, seen queue.Store, encrypted bool) {
	ctx := t.Context()
	var other, gone canaries
	course(r, 2, &other)
	before := planBody(t, seen, key(2))
	first, id, msgID := course(r, 1, &gone)
	// One delivery is still open when the person is erased.
	r.city.script(func(int, samvirke.Delivery) (connectors.Result, error) {
		return connectors.Result{}, &samvirke.Fault{Class: samvirke.Transient, Code: "down", Safe: "down"}
	})
	openID, _ := r.admit(simulate.Admission{Person: 1, EventAt: "2026-02-10T22:15:00", Remark: gone.word("åpen")})
	r.until("waiting", func() bool {
		ds := r.deliveries(openID, samvirke.PurposeForward)
		return len(ds) == 1 && ds[0].Attempts > 0
	})
	if n := len(scan(t, r.dir, gone.texts...)); (n == 0) != encrypted && !encrypted {
		t.Fatal("the canaries are not in the store, so the test shows nothing")
	}
	if encrypted { // names of messages stay readable; what they say does not
		for _, f := range scan(t, r.dir, gone.texts...) {
			if strings.Contains(f, "KANARI") || strings.Contains(f, simulate.PersonNumber(1)) {
				t.Errorf("readable in a sealed store: %s", f)
			}
		}
	}
	if _, err := r.g.Erase(ctx, key(1), "admin", "asked for by the person"); err != nil {
		t.Fatal(err)
	}
	if d := r.one(openID, samvirke.PurposeForward); d.State != samvirke.DeliveryGivenUp {
		t.Errorf("the open delivery is %s", d.State)
	}
	if found := scan(t, r.dir, gone.texts...); len(found) > 0 {
		t.Errorf("left while the store is open: %q", found)
	}
	r.city.script(nil)

	t.Run("late duplicate", func(t *testing.T) {
		ans := r.receive("hospital", first)
		if !ans.Duplicate || ans.MessageID != id || ans.Fault != nil {
			t.Errorf("answer %+v, want a duplicate of %s", ans, id)
		}
	})
	t.Run("late change and withdrawal", func(t *testing.T) {
		for _, op := range []string{"M", "C"} {
			late, _ := r.admit(simulate.Admission{Person: 1, Op: op, Parent: msgID, Remark: gone.word("sen")})
			r.untilStatus(late, samvirke.MessageProcessed)
			r.until("content of "+op+" gone", func() bool {
				m := r.message(late)
				todo, err := seen.Settings(ctx, "late/", "", 1)
				return len(m.Raw) == 0 && m.Patient == "" && err == nil && len(todo) == 0
			})
			if got := r.deliveries(late, samvirke.PurposeReceipt); len(got) != 1 {
				t.Errorf("%s: %d receipts, want 1", op, len(got))
			}
			if got := r.deliveries(late, samvirke.PurposeForward); len(got) != 0 {
				t.Errorf("%s was sent on", op)
			}
			events, err := seen.Events(ctx, queue.EventFilter{MessageID: late})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(fmt.Sprint(events), string(samvirke.EventErasedReference)) {
				t.Errorf("%s: no event: %v", op, events)
			}
		}
		if _, err := seen.Plan(ctx, key(1), 0); !errors.Is(err, queue.ErrNotFound) {
			t.Errorf("a plan after erasure: %v", err)
		}
	})
	if after := planBody(t, seen, key(2)); !bytes.Equal(after, before) {
		t.Error("the plan of another person has changed")
	}
	if err := seen.VerifyAudit(ctx); err != nil {
		t.Errorf("audit: %v", err)
	}
	left, err := seen.Settings(ctx, "", "", queue.MaxPage)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(left); strings.Contains(text, simulate.PersonNumber(1)) || strings.Contains(text, r.g.PlanID(key(1))) {
		t.Error("a setting names the person")
	}
	if receipts, err := seen.Receipts(ctx, queue.ReceiptFilter{MessageID: id}); err != nil || len(receipts) < 2 || receipts[1].Status != samvirke.ReceiptPartial {
		t.Errorf("outcomes of receipts are not kept: %+v, %v", receipts, err)
	}
	if text := r.log.String(); strings.Contains(text, "KANARI") || strings.Contains(text, simulate.PersonNumber(1)) {
		t.Error("the log names the person")
	}
	// A new message of the person begins a new plan.
	fresh, _ := r.admit(simulate.Admission{Person: 3})
	r.untilStatus(fresh, samvirke.MessageProcessed)
	r.restart()
	if found := scan(t, r.dir, gone.texts...); len(found) > 0 {
		t.Errorf("left after a restart: %q", found)
	}
}

func planBody(t *testing.T, s queue.Reader, patient string) []byte {
	t.Helper()
	p, err := s.Plan(t.Context(), patient, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p.Body
}

// TestErasedPersonComesBack: what is written about a person later begins anew.
func TestErasedPersonComesBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, follower(&wire{})) // with one, the store is not the gateway's alone
	r.admitPerson(1)
	id, _ := r.admit(simulate.Admission{Person: 1, EventAt: "2026-03-10T22:15:00"})
	r.untilStatus(id, samvirke.MessageProcessed)
	if _, err := r.g.Erase(t.Context(), key(1), "admin", "a test"); err != nil {
		t.Fatal(err)
	}
	id, _ = r.admit(simulate.Admission{Person: 1, EventAt: "2026-04-10T22:15:00"})
	r.untilStatus(id, samvirke.MessageProcessed)
	p, err := r.store.Plan(t.Context(), key(1), 0)
	if err != nil || p.Version != 1 {
		t.Fatalf("version %d, %v", p.Version, err)
	}
	if strings.Contains(string(p.Body), "2026-03-10") || !strings.Contains(string(p.Body), "2026-04-10") {
		t.Errorf("the new plan is not made of the new message alone: %s", p.Body)
	}
}

// dyingEraser stops an erasure at one of its calls, as a crash would.
type dyingEraser struct {
	queue.Store
	left int
}

var errDied = errors.New("died")

func (d *dyingEraser) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	if d.left--; d.left < 0 {
		return queue.Outcome{}, errDied
	}
	return d.Store.Commit(ctx, u)
}

func (d *dyingEraser) Erase(ctx context.Context, e queue.Erasure) (queue.Erased, error) {
	if d.left--; d.left < 0 {
		return queue.Erased{}, errDied
	}
	return d.Store.(queue.Eraser).Erase(ctx, e)
}

func (d *dyingEraser) Heard(ctx context.Context, e queue.Erasure) ([]string, error) {
	return d.Store.(queue.Eraser).Heard(ctx, e)
}

func (d *dyingEraser) Wipe(ctx context.Context) error { return d.Store.(queue.Eraser).Wipe(ctx) }

func (d *dyingEraser) WasErased(ctx context.Context, k string) (bool, error) {
	return d.Store.(queue.Eraser).WasErased(ctx, k)
}

// TestErasureInterrupted: whatever step an erasure ends at, the next start goes on with it.
func TestErasureInterrupted(t *testing.T) {
	t.Parallel()
	for steps := 0; ; steps++ {
		r := newRig(t)
		var gone canaries
		course(r, 1, &gone)
		r.g.Stop()
		dying := &dyingEraser{Store: r.store, left: steps}
		_, err := gateway.Forget{Store: dying, Now: time.Now}.Erase(t.Context(), key(1), "admin", "a test")
		if err != nil && !errors.Is(err, errDied) {
			t.Fatal(err)
		}
		r.restart()
		if e := (gateway.Forget{Store: r.store, Now: time.Now}).Resume(t.Context()); e != nil {
			t.Fatal(e)
		}
		found := scan(t, r.dir, gone.texts...)
		if steps == 0 {
			if len(found) == 0 {
				t.Fatal("nothing was begun and all is gone")
			}
			continue
		}
		if len(found) > 0 {
			t.Errorf("stopped after %d steps: left %q", steps, found)
		}
		if err == nil {
			if steps < 2 {
				t.Fatal("an erasure of fewer than two steps")
			}
			return
		}
	}
}

// TestRetain: bodies go when their time is over and everything else stays; what is not at its end keeps its body.
func TestRetain(t *testing.T) {
	t.Parallel()
	// With a follower the store is not the gateway's alone. No clock of the plan runs out and makes a delivery more.
	r := newRig(t, follower(&wire{}), func(r *rig) { r.now = thatNight() })
	var c canaries
	_, id, _ := course(r, 1, &c)
	r.city.script(func(int, samvirke.Delivery) (connectors.Result, error) {
		return connectors.Result{}, &samvirke.Fault{Class: samvirke.Permanent, Code: "no", Safe: "no"}
	})
	openID, _ := r.admit(simulate.Admission{Person: 2})
	r.untilState(openID, samvirke.DeliveryStopped)
	for _, party := range []string{"hospital", "city", "stream"} {
		r.untilSent(party) // the answer to the hospital must be at its end too
	}
	if err := r.g.Retain(t.Context(), gateway.Retention{Payloads: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if len(r.message(id).Raw) == 0 {
		t.Fatal("a body went before its time")
	}
	if err := r.g.Retain(t.Context(), gateway.Retention{Payloads: time.Nanosecond, Audit: time.Nanosecond}); err != nil {
		t.Fatal(err)
	}
	m := r.message(id)
	if len(m.Raw) != 0 || m.Patient != key(1) || m.Checksum == "" {
		t.Errorf("%d bytes left, patient %q, checksum %q", len(m.Raw), m.Patient, m.Checksum)
	}
	if d := r.one(id, samvirke.PurposeForward); d.State != samvirke.DeliveryAcknowledged {
		t.Errorf("delivery is %s", d.State)
	}
	if full, err := r.store.Delivery(t.Context(), r.one(id, samvirke.PurposeForward).ID); err != nil || len(full.Body) != 0 {
		t.Errorf("body of a delivery: %d bytes, %v", len(full.Body), err)
	}
	if len(r.message(openID).Raw) == 0 {
		t.Error("the body of a message with a stopped delivery went")
	}
	if err := r.store.VerifyAudit(t.Context()); err != nil {
		t.Errorf("audit after dropping: %v", err)
	}
	if rows, err := r.store.Records(t.Context(), key(1)); err != nil || len(rows) == 0 {
		t.Errorf("records went: %v", err)
	}
}
