package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// asked counts questions about deliveries.
type asked struct {
	queue.Store
	n int
}

func (a *asked) Deliveries(ctx context.Context, f queue.DeliveryFilter) ([]samvirke.Delivery, error) {
	a.n++
	return a.Store.Deliveries(ctx, f)
}

const deskPatient = "urn:oid:2.16.578.1.12.4.1.4.1|13116900216"

// stored is the patient's state as the store alone tells it.
func (d *desk) stored() *planState {
	d.tb.Helper()
	st, err := d.g.loader.load(d.tb.Context(), &workspace{}, deskPatient)
	if err != nil {
		d.tb.Fatal(err)
	}
	return st
}

// agree holds what the gateway remembers against what is stored.
func (d *desk) agree() {
	d.tb.Helper()
	e := d.g.plans.byKey[deskPatient]
	if e == nil {
		d.tb.Fatal("the plan is not remembered")
	}
	got, want := e.Value.(cached).state, d.stored()
	if got.version != want.version || got.sum != want.sum || got.shown != want.shown || got.records.Len() != want.records.Len() {
		d.tb.Fatalf("remembered version %d with %d records, stored %d with %d", got.version, got.records.Len(), want.version, want.records.Len())
	}
	var a, b careplan.Scratch
	records, fresh := got.records.Records(&a), want.records.Records(&b)
	if !bytes.Equal(careplan.Fold(records).JSON(), careplan.Fold(fresh).JSON()) {
		d.tb.Fatal("remembered records give another plan than stored ones")
	}
	if len(got.told) != len(records) {
		d.tb.Fatalf("told of %d records, want %d", len(got.told), len(records))
	}
	for i, told := range got.told {
		sent, err := d.g.sentTo(d.tb.Context(), records[i].MessageID)
		if err != nil {
			d.tb.Fatal(err)
		}
		slices.Sort(sent)
		if told != nil && !slices.Equal(slices.Sorted(slices.Values(told)), sent) {
			d.tb.Fatalf("record %d: remembered as told %v, stored %v", i, told, sent)
		}
	}
	if bytes := got.records.Size(); d.g.plans.bytes != bytes {
		d.tb.Fatalf("cache counts %d bytes, has %d", d.g.plans.bytes, bytes)
	}
}

// TestRememberedPlanIsTheStoredOne: after each message of a stay what the gateway remembers is what the store
// tells, with restarts in between; who was told is asked of the store only after a restart.
func TestRememberedPlanIsTheStoredOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	count := &asked{Store: d.store}
	d.store = count
	d.restart()
	parent := ""
	for n := range 8 {
		if n == 4 || n == 6 {
			d.restart()
		}
		body, id := d.report(n, parent)
		if n == 0 {
			parent = id
		}
		before := count.n
		d.run(body)
		if queries := count.n - before; n != 4 && n != 6 && queries > 0 {
			t.Errorf("message %d: %d questions who was told, want none", n, queries)
		} else if (n == 4 || n == 6) && queries != n {
			t.Errorf("message %d after a restart: %d questions who was told, want %d", n, queries, n)
		}
		d.agree()
	}
}

// hurtPlans is a store that cannot read the bodies of plans.
type hurtPlans struct{ queue.Store }

func (h hurtPlans) Plan(ctx context.Context, patient string, version int64) (queue.PlanVersion, error) {
	p, err := h.Store.Plan(ctx, patient, version)
	if err == nil {
		p.Body, err = nil, queue.ErrDamaged
	}
	return p, err
}

// TestDamagedPlanIsStoredAnew: a plan whose stored bytes are lost holds up no message; the next one stores it again.
func TestDamagedPlanIsStoredAnew(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	body, parent := d.report(0, "")
	d.run(body)
	whole := d.store
	d.store = hurtPlans{whole}
	d.restart()
	body, _ = d.report(1, parent)
	d.run(body)
	d.store = whole
	d.restart()
	p, err := whole.Plan(t.Context(), deskPatient, 0)
	if err != nil || p.Version != 2 || len(p.Body) == 0 {
		t.Errorf("version %d, %d bytes, %v", p.Version, len(p.Body), err)
	}
}

// TestStoredBytesAreThoseOfReflection: record and plan stand in the store as encoding/json writes them.
func TestStoredBytesAreThoseOfReflection(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	parent := ""
	for n := range 3 {
		body, id := d.report(n, parent)
		parent = id
		d.run(body)
	}
	rows, err := d.store.Records(t.Context(), deskPatient)
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d records, want 3; %v", len(rows), err)
	}
	var list []careplan.Record
	for _, row := range rows {
		r, err := careplan.ParseRecord(row.Body)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(r); err != nil || !bytes.Equal(again, row.Body) {
			t.Errorf("stored %s\nwant   %s %v", row.Body, again, err)
		}
		list = append(list, r)
	}
	v, err := d.store.Plan(t.Context(), deskPatient, 0)
	if err != nil || v.Version != 3 {
		t.Fatalf("version %d, want 3; %v", v.Version, err)
	}
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(careplan.Fold(list)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(v.Body, bytes.TrimSpace(want.Bytes())) {
		t.Errorf("stored %s\nwant   %s", v.Body, want.Bytes())
	}
}

// TestForwardedBytesHaveTheirChecksum: what goes on as it came bears the checksum and size of its bytes.
func TestForwardedBytesHaveTheirChecksum(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	body, _ := d.report(0, "")
	ds, err := d.store.Deliveries(t.Context(), queue.DeliveryFilter{MessageID: d.run(body)})
	if err != nil || len(ds) != 4 {
		t.Fatalf("%d deliveries, want two forwarded and two receipts; %v", len(ds), err)
	}
	for _, one := range ds {
		full, err := d.store.Delivery(t.Context(), one.ID)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(full.Body)
		if full.Checksum != hex.EncodeToString(sum[:]) || full.Size != int64(len(full.Body)) ||
			(full.Purpose == samvirke.PurposeForward) != bytes.Equal(full.Body, body) {
			t.Errorf("%s to %s: checksum %s and size %d do not fit its %d bytes", full.Purpose, full.Party, full.Checksum, full.Size, len(full.Body))
		}
	}
}

// TestLostRaceForgets: a unit that loses to another one leaves nothing in memory, and the next reads again
// who was told.
func TestLostRaceForgets(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first, parent := d.report(0, "")
	d.run(first)
	faster, _ := d.report(2, parent)
	early := d.take(faster)
	body, _ := d.report(1, parent)
	m := d.take(body)
	out, _ := d.g.parsed.take(m.ID)
	u, _, err := d.g.unitFor(t.Context(), m, out)
	if err != nil {
		t.Fatal(err)
	}
	other := d.g // another gateway on the same store is faster
	d.restart()
	d.g.process(t.Context(), early)
	if _, err := d.store.Commit(t.Context(), u); !errors.Is(err, queue.ErrPlanVersion) {
		t.Fatalf("commit of the loser: %v, want ErrPlanVersion", err)
	}
	d.g = other
	d.g.process(t.Context(), m) // parses again, loses once, reads again
	d.agree()
}

// TestTwoAtOnceAreForgotten: when two messages of a patient were processed at once and both were
// committed, neither state holds both records.
func TestTwoAtOnceAreForgotten(t *testing.T) {
	t.Parallel()
	c := &planCache{}
	d := newDesk(t)
	old, err := c.get(t.Context(), &d.g.loader, "p", &workspace{})
	if err != nil {
		t.Fatal(err)
	}
	one, other := *old, *old
	c.replace("p", old, &one)
	if again, _ := c.get(t.Context(), &d.g.loader, "p", &workspace{}); again != &one {
		t.Fatal("what was made of the old state is not kept")
	}
	c.replace("p", old, &other)
	if c.byKey["p"] != nil || c.lru.Len() != 0 {
		t.Fatal("a state that lacks a record is kept")
	}
	c.replace("p", old, &other)
	if c.byKey["p"] != nil {
		t.Fatal("what nobody asked for is kept")
	}
}

// TestPlanCacheIsBounded: by patients and by bytes.
func TestPlanCacheIsBounded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for limit, want := range map[int64]int{0: 1, 98 << 20: 1, 320 << 20: 4, 1 << 40: maxPlanTimes} {
		if got := planTimes(limit); got != want {
			t.Errorf("limit of %d bytes: %d times, want %d", limit, got, want)
		}
	}
	const times = 2
	c := &planCache{times: times}
	w := &workspace{}
	big := careplan.Pack([]careplan.Record{{Author: string(make([]byte, maxPlanBytes/4))}}, &w.scratch)
	most := 0
	for n := range maxPlans*times + 10 {
		key := fmt.Sprint("p", n)
		old, err := c.get(t.Context(), &d.g.loader, key, w)
		if err != nil {
			t.Fatal(err)
		}
		next := planState{}
		if n%100 == 99 {
			next.records = big
		}
		c.replace(key, old, &next)
		if len(c.byKey) != c.lru.Len() || c.lru.Len() > maxPlans*times || c.bytes > maxPlanBytes*times {
			t.Fatalf("%d plans, %d bytes", c.lru.Len(), c.bytes)
		}
		most = max(most, c.bytes)
	}
	if most <= maxPlanBytes {
		t.Errorf("never over %d bytes", most)
	}
	if c.byKey["p0"] != nil || c.byKey[fmt.Sprint("p", maxPlans*times+9)] == nil {
		t.Fatal("the oldest must go, the newest stay")
	}
}
