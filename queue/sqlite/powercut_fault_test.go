//go:build fault

package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// cutTally is what power cuts did. What was sent again had been sent, and the store was not told before the cut.
type cutTally struct{ rounds, acknowledged, lost, doubled, reordered, again int }

// cutBooks are what a store had acknowledged before its power was cut.
type cutBooks struct {
	mu       sync.Mutex
	off      bool
	accepted []string
	sent     []string         // in the order in which it was acknowledged
	out      map[string]int64 // handed to a sender: id -> number
	last     map[string]int64 // lane -> the greatest number that was acknowledged as sent
}

// TestFaultPowerCut keeps only what was synced, at -power.rounds moments while messages are accepted and deliveries are sent, and sends
// what is left from the store that the disk holds: nothing is lost, doubled or reordered.
func TestFaultPowerCut(t *testing.T) {
	sum, began := cutTally{}, time.Now()
	for round := range *powerRounds {
		// A test of its own: what it leaves is cleared away before the next.
		t.Run(fmt.Sprint("round", round+1), func(t *testing.T) {
			sum.rounds++
			shadow, b := cutWhileSending(t, round%6, &faultFiles{})
			b.judge(t, shadow, &sum)
		})
	}
	t.Logf("%d cuts in %s", sum.rounds, time.Since(began).Round(time.Second))
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "fault\trounds\tacknowledged\tlost\tdoubled\treordered\tsent again\t")
	fmt.Fprintf(w, "power cut\t%d\t%d\t%d\t%d\t%d\t%d\t\n", sum.rounds, sum.acknowledged, sum.lost, sum.doubled, sum.reordered, sum.again)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", text.String())
	if sum.lost+sum.doubled+sum.reordered > 0 || sum.acknowledged == 0 {
		t.Errorf("%+v", sum)
	}
	if *faultTable != "" {
		appendTable(t, "power cut: only what was synced is left, SQLite\n"+text.String()+"\n")
	}
}

func appendTable(t *testing.T, text string) {
	t.Helper()
	f, err := os.OpenFile(*faultTable, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Error(err)
	}
}

// cutWhileSending runs a store, cuts the power and gives the folder of what the disk holds then.
func cutWhileSending(t *testing.T, round int, j *faultFiles) (string, *cutBooks) {
	t.Helper()
	shadow, dir := t.TempDir(), t.TempDir()
	f := newFaultVFS(t, shadow)
	j.shadow = filepath.Join(shadow, "journal")
	if err := os.Mkdir(j.shadow, 0o700); err != nil {
		t.Fatal(err)
	}
	o := cutOptions(dir)
	o.vfs, o.files, o.CheckpointEvery = f.name, j, 3*time.Millisecond
	s := open(t, o)
	b := &cutBooks{out: map[string]int64{}, last: map[string]int64{}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	enough, ended := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	var failed atomic.Bool
	check := func(err error) bool {
		if err != nil && ctx.Err() == nil {
			failed.Store(true)
			t.Error(err)
		}
		return err == nil
	}
	for w := range 6 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := cutID(w, i)
				if _, err := s.Commit(context.Background(), crashUnit(id, i)); !check(err) || b.taken(id, 100*(round+1), enough) {
					return
				}
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			got, err := s.Lease(ctx, "gp", 4, time.Minute)
			if !check(err) || !check(b.send(s, got)) {
				return
			}
		}
	})
	go func() { wg.Wait(); close(ended) }()
	select {
	case <-enough:
	case <-ended:
	}
	if failed.Load() {
		t.FailNow()
	}
	// The power goes for both at one moment, and whatever was acknowledged by then counts. What the journal had not synced is gone.
	b.mu.Lock()
	cutPower(f, j)
	b.off = true
	b.mu.Unlock()
	j.leaveBodies(t, shadow, dir)
	cancel()
	<-ended
	return shadow, b
}

func cutOptions(dir string) Options {
	return Options{Dir: dir, InlineLimit: 3000, SegmentBytes: 60_000}
}

// taken notes an acknowledged message and says whether the power is off.
func (b *cutBooks) taken(id string, most int, enough chan struct{}) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.off {
		return true
	}
	if b.accepted = append(b.accepted, id); len(b.accepted) == most {
		close(enough)
	}
	return false
}

// send tells the store that deliveries were sent, and notes what it acknowledged.
func (b *cutBooks) send(s *Store, got []queue.Leased) error {
	b.mu.Lock()
	if !b.off {
		for i := range got {
			b.out[got[i].ID] = got[i].Seq
		}
	}
	b.mu.Unlock()
	if err := sentAll(s, got); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range got {
		if d := &got[i]; !b.off {
			b.sent = append(b.sent, d.ID)
			b.last[d.Patient] = d.Seq
		}
	}
	return nil
}

func sentAll(s *Store, got []queue.Leased) error {
	u := &queue.Unit{Now: time.Now()}
	for i := range got {
		d := &got[i]
		u.Steps = append(u.Steps, queue.DeliveryStep{ID: d.ID, Token: d.Token, From: []samvirke.DeliveryState{samvirke.DeliverySending},
			To: samvirke.DeliverySent, Attempt: &samvirke.Attempt{Answer: "ok"}})
		u.Events = append(u.Events, samvirke.Event{MessageID: d.MessageID, DeliveryID: d.ID, Name: samvirke.EventSent})
	}
	_, err := s.Commit(context.Background(), u)
	return err
}

// judge opens what the disk holds, counts, and looks whether the store is whole.
func (b *cutBooks) judge(t *testing.T, dir string, sum *cutTally) {
	t.Helper()
	s, err := Open(t.Context(), cutOptions(dir))
	if err != nil { // not even a store is left
		sum.acknowledged += len(b.accepted)
		sum.lost += len(b.accepted)
		t.Error(err)
		return
	}
	b.count(t, s, sum)
	if err := s.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	if off, err := s.countOff(t.Context()); err != nil || len(off) != 0 {
		t.Errorf("the books are off by %v, %v", off, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// count sends what is left and counts what was lost, doubled or reordered.
func (b *cutBooks) count(t *testing.T, s *Store, sum *cutTally) {
	t.Helper()
	sum.acknowledged += len(b.accepted)
	came := map[string]bool{}
	for _, id := range b.sent {
		came[id] = true
	}
	for {
		st, err := s.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		of := st.Deliveries["gp"]
		if of[samvirke.DeliveryQueued]+of[samvirke.DeliveryWaiting]+of[samvirke.DeliverySending] == 0 {
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), comes)
		got, err := s.Lease(ctx, "gp", 64, time.Hour)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			d := &got[i]
			switch {
			case came[d.ID]:
				sum.doubled++
				t.Logf("delivery %s, acknowledged as sent, is to be sent again", d.ID)
			case b.out[d.ID] != 0:
				sum.again++
			}
			if d.Seq <= b.last[d.Patient] {
				sum.reordered++
				t.Logf("delivery %s comes after number %d of its lane", d.ID, b.last[d.Patient])
			}
			came[d.ID], b.last[d.Patient] = true, d.Seq
			if !bytes.Equal(d.Body, crashBody(d.ID)) {
				sum.lost++
				t.Logf("delivery %s has other bytes", d.ID)
			}
		}
		if err := sentAll(s, got); err != nil {
			t.Fatal(err)
		}
	}
	for id := range b.out {
		// The store was told that it was sent, and the cut was faster than its answer.
		if d, err := s.Delivery(t.Context(), id); err == nil && d.State == samvirke.DeliverySent {
			came[id] = true
		}
	}
	for _, id := range b.accepted {
		if m, err := s.Message(t.Context(), id); err != nil || !bytes.Equal(m.Raw, crashBody(id)) || !came[id] {
			sum.lost++
			t.Logf("message %s was acknowledged: %d bytes, %v, delivered: %t", id, len(m.Raw), err, came[id])
		}
	}
}

// TestFaultPowerCutCanFail lets the journal or large bodies say that they are synced when they are not: then the same judge counts a loss,
// or there is not even a store to open. One that does not notice would show nothing.
func TestFaultPowerCutCanFail(t *testing.T) {
	for name, files := range map[string]*faultFiles{"segment": {forgetSync: true}, "folder": {forgetFolder: true}, "body": {forgetBody: bodyFile},
		"folder of a body": {forgetBody: bodyFolder}, "folder of the folders": {forgetBody: bodyRoot}} {
		t.Run(name, func(t *testing.T) {
			shadow, b := cutWhileSending(t, 0, files)
			s, err := Open(t.Context(), cutOptions(shadow))
			if err != nil {
				t.Logf("noticed: %v", err)
				return
			}
			defer s.Close()
			sum := cutTally{}
			if b.count(t, s, &sum); sum.lost == 0 {
				t.Errorf("nothing is lost though nothing was synced: %+v", sum)
			}
		})
	}
}
