//go:build fault

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// pointDir names the store that the child works on; unset in the parent.
const pointDir = "SAMVIRKE_TEST_POINT_DIR"

// pointOptions make a store that comes to every point soon: small segments, large bodies in files, many checkpoints.
func pointOptions(dir string) Options {
	return Options{Dir: dir, Logger: quiet(), InlineLimit: 4000, SegmentBytes: 60_000, CheckpointEvery: 3 * time.Millisecond}
}

// TestFaultPointChild is no test but the process that is crashed: it uses a store in every way until it ends.
func TestFaultPointChild(*testing.T) {
	dir := os.Getenv(pointDir)
	if dir == "" {
		return
	}
	c := &pointChild{dir: dir, round: os.Getenv(pointDir + "_ROUND")}
	s, err := Open(context.Background(), pointOptions(dir))
	if err != nil {
		c.say("error", err.Error())
		return
	}
	c.s = s
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() { c.accept(w) })
	}
	for _, f := range []func(int) error{c.send, c.drop, c.age, c.erase, c.copy} {
		wg.Go(func() {
			for n := 0; ; n++ {
				err := f(n)
				if errors.Is(err, queue.ErrClosed) {
					return
				}
				if err != nil {
					c.say("error", err.Error())
					return
				}
			}
		})
	}
	if os.Getenv(pointDir+"_CLOSE") != "" {
		time.Sleep(200 * time.Millisecond) // only so that there is something to close
		if err := s.Close(); err != nil {
			c.say("error", err.Error())
		}
	}
	wg.Wait()
}

// pointChild is the process that is crashed.
type pointChild struct {
	s          *Store
	dir, round string
	mu         sync.Mutex
	accepted   []string
}

// say tells the parent, in one write: half a line is none.
func (c *pointChild) say(what, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if what == "accepted" {
		c.accepted = append(c.accepted, id)
	}
	_, _ = fmt.Fprintf(os.Stdout, "%s %s\n", what, strings.ReplaceAll(id, "\n", " "))
}

// droppable says whether a message is processed, so that its body may go when it was sent.
func droppable(id string) bool { return strings.HasPrefix(id, "d") }

// keptOnes is how many messages of a child are kept for good by each odd worker. They are the first ones, so that later segments hold
// nothing but what goes, and go themselves.
const keptOnes = 20

// accept stores messages with a delivery each. Those of even workers are processed at once.
func (c *pointChild) accept(w int) {
	for i := 0; w%2 == 0 || i < keptOnes; i++ {
		id := fmt.Sprintf("k%s-%d-%d", c.round, w, i)
		if w%2 == 0 {
			id = "d" + id[1:]
		}
		u := crashUnit(id, i)
		if droppable(id) {
			u.Message = &queue.MessageStep{ID: id, To: samvirke.MessageProcessed}
			// Nobody processes the others, and what is behind one of its patient waits for it.
			u.Accept.Patient += "d"
			u.Deliveries[0].Patient = u.Accept.Patient
		}
		_, err := c.s.Commit(context.Background(), u)
		for errors.Is(err, queue.ErrOrder) { // what an earlier life left is not read yet
			time.Sleep(4 * time.Millisecond)
			_, err = c.s.Commit(context.Background(), u)
		}
		switch {
		case errors.Is(err, queue.ErrClosed):
			return
		case err != nil:
			c.say("error", err.Error())
			return
		}
		c.say("accepted", id)
		time.Sleep(4 * time.Millisecond) // leaves the processor to the others
	}
}

// send reports what is leased as sent.
func (c *pointChild) send(int) error {
	got, err := c.s.Lease(context.Background(), "gp", 4, time.Minute)
	if err != nil {
		return err
	}
	for i := range got {
		d := &got[i]
		if string(d.Body) != string(crashBody(d.ID)) {
			return fmt.Errorf("wrong bytes for %s", d.ID)
		}
		_, err := c.s.Commit(context.Background(), &queue.Unit{Now: time.Now(), Steps: []queue.DeliveryStep{{ID: d.ID, Token: d.Token,
			To: samvirke.DeliverySent, Attempt: &samvirke.Attempt{Answer: "ok"}}},
			Events: []samvirke.Event{{MessageID: d.MessageID, DeliveryID: d.ID, Name: samvirke.EventSent}}})
		if err != nil {
			return err
		}
		c.say("sent", d.ID)
	}
	return nil
}

// drop takes away what has served.
func (c *pointChild) drop(int) error {
	time.Sleep(20 * time.Millisecond)
	for after := int64(0); ; {
		_, next, err := c.s.DropPayloads(context.Background(), time.Now(), after, 100)
		if err != nil {
			return err
		}
		if after = next; next == 0 {
			break
		}
	}
	for after := int64(0); ; {
		_, next, err := c.s.DropTraces(context.Background(), time.Now(), after, 100)
		if err != nil {
			return err
		}
		if after = next; next == 0 {
			break
		}
	}
	_, err := c.s.DropAudits(context.Background(), time.Now().Add(-100*time.Millisecond), 50)
	return err
}

// age presses a step of what is a little old.
func (c *pointChild) age(int) error {
	time.Sleep(10 * time.Millisecond)
	_, err := c.s.Age(context.Background(), time.Now().Add(-10*time.Millisecond))
	return err
}

// erase forgets a person just written about. The bodies are of their own: large ones of the same content are one file.
func (c *pointChild) erase(n int) error {
	time.Sleep(30 * time.Millisecond)
	id := fmt.Sprintf("e%s-%d3", c.round, n)
	u := &queue.Unit{Now: time.Now(), Accept: &samvirke.Message{ID: id, Party: "hospital", ExternalID: id, Patient: id, Raw: crashBody(id)},
		Message: &queue.MessageStep{ID: id, To: samvirke.MessageProcessed, Patient: id},
		Records: []queue.Record{{Key: id, Hash: "h", Patient: id, MessageID: id, ReceivedAt: time.Now(), Body: []byte("{}")}},
		Plan:    &queue.PlanStep{Patient: id, MessageID: id, Body: []byte("{}")},
		Events:  []samvirke.Event{{MessageID: id, Patient: id, Name: samvirke.EventReceived}}}
	if _, err := c.s.Commit(context.Background(), u); errors.Is(err, queue.ErrOrder) {
		return nil // what an earlier life left is not read yet: again with the next
	} else if err != nil {
		return err
	}
	e := queue.Erasure{Patients: []string{id}}
	if n%2 == 1 { // as retention does it
		e.Silent, e.Traces, e.Unwiped = time.Now().Add(time.Second), time.Now().Add(time.Second), true
	}
	if _, err := c.s.Erase(context.Background(), e); err != nil {
		return err
	}
	c.say("erased", id)
	if e.Unwiped {
		return c.s.Wipe(context.Background())
	}
	return nil
}

// copy makes a backup and restores it: what was acknowledged before is in it.
func (c *pointChild) copy(n int) error {
	time.Sleep(100 * time.Millisecond)
	base := filepath.Join(filepath.Dir(c.dir), fmt.Sprintf("%s-%d", c.round, n))
	to, into := base+"-backup", base+"-restored"
	c.say("folder", to)
	c.say("folder", into)
	c.mu.Lock()
	want := append([]string(nil), c.accepted...)
	c.mu.Unlock()
	if _, err := Backup(context.Background(), c.dir, to); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if _, err := Restore(context.Background(), to, into); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	r, err := OpenReader(into)
	if err != nil {
		return err
	}
	for _, id := range want {
		if _, err := r.Message(context.Background(), id); err != nil {
			return errors.Join(fmt.Errorf("message %s, acknowledged before the backup: %w", id, err), r.Close())
		}
	}
	// Under other names first: what is half removed is neither a backup nor a store.
	return errors.Join(r.Close(), os.Rename(to, to+"-gone"), os.Rename(into, into+"-gone"), os.RemoveAll(to+"-gone"), os.RemoveAll(into+"-gone"))
}
