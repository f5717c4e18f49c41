package sqlite

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// crashDir names the store that the child of TestCrash works on; unset in the parent.
const crashDir = "SAMVIRKE_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		crashChild(dir, os.Getenv(crashDir+"_ROUND"))
		return
	}
	os.Exit(m.Run())
}

// crashChild commits and sends as fast as it can and prints what was acknowledged, until it is killed.
func crashChild(dir, round string) {
	s, err := Open(context.Background(), Options{Dir: dir, Logger: quiet(), InlineLimit: 4000})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var out sync.Mutex
	say := func(what, id string) {
		out.Lock()
		defer out.Unlock()
		fmt.Printf("%s %s\n", what, id)
	}
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("r%s-%d-%d", round, w, i)
				if _, err := s.Commit(context.Background(), crashUnit(id, i)); err != nil {
					say("error", err.Error())
					return
				}
				say("accepted", id)
			}
		}()
	}
	for {
		got, err := s.Lease(context.Background(), "gp", 4, time.Minute)
		if err != nil {
			say("error", err.Error())
			return
		}
		for _, d := range got {
			if !bytes.Equal(d.Body, crashBody(d.ID)) {
				say("error", "wrong bytes for "+d.ID)
			}
			_, err := s.Commit(context.Background(), &queue.Unit{Now: time.Now(), Steps: []queue.DeliveryStep{{ID: d.ID, Token: d.Token,
				From: []samvirke.DeliveryState{samvirke.DeliverySending}, To: samvirke.DeliverySent, Attempt: &samvirke.Attempt{Answer: "ok"}}},
				Events: []samvirke.Event{{MessageID: d.MessageID, DeliveryID: d.ID, Name: samvirke.EventSent}}})
			if err != nil {
				say("error", err.Error())
				return
			}
			say("sent", d.ID)
		}
	}
}

// veryLarge ends the ids whose bodies are files with the usual limit too.
const veryLarge = "large"

// crashBody is a body of its own for each id; every fourth is large enough for a file.
func crashBody(id string) []byte {
	n := 20
	if strings.HasSuffix(id, "3") {
		n = 400
	}
	if strings.HasSuffix(id, veryLarge) {
		n = DefaultInlineLimit/20 + 1000
	}
	return bytes.Repeat([]byte(fmt.Sprintf("%-20s", id)), n)
}

func crashUnit(id string, i int) *queue.Unit {
	lane := fmt.Sprint("p", i%5)
	return &queue.Unit{Now: time.Now(),
		Accept: &samvirke.Message{ID: id, Party: "hospital", ExternalID: id, Patient: lane, Raw: crashBody(id)},
		Deliveries: []samvirke.Delivery{{ID: id, MessageID: id, Party: "gp", Patient: lane, State: samvirke.DeliveryQueued,
			Body: crashBody(id)}},
		Events: []samvirke.Event{{MessageID: id, DeliveryID: id, Name: samvirke.EventReceived}},
		Audit:  []samvirke.Audit{{Who: "test", Action: "accept", Object: id}}}
}

// TestCrash kills a committing process at random moments, again and again on one store: whatever it said
// was committed is there with the right bytes, and the books balance.
//
// The page cache survives a kill, so this shows that commits are whole and ordered, not that they are
// synced; TestSyncBeforeAnswer shows that.
func TestCrash(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	total := 0
	for round := range rounds {
		accepted, sent := crashRound(t, dir, round, time.Duration(30+random.IntN(170))*time.Millisecond)
		total += len(accepted)
		crashCheck(t, dir, accepted, sent)
	}
	t.Logf("%d acknowledged units over %d crashes", total, rounds)
	if total == 0 {
		t.Fatal("no unit was committed in any round")
	}
}

// crashRound runs a child for a while, kills it and gives what it acknowledged.
func crashRound(t *testing.T, dir string, round int, wait time.Duration) (accepted, sent []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir, fmt.Sprint(crashDir, "_ROUND=", round))
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var timer *time.Timer
	lines := bufio.NewReader(pipe)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // a line without its end was cut off by the kill
		}
		if timer == nil {
			timer = time.AfterFunc(wait, func() { _ = cmd.Process.Kill() })
		}
		switch what, id, _ := strings.Cut(strings.TrimSpace(line), " "); what {
		case "accepted":
			accepted = append(accepted, id)
		case "sent":
			sent = append(sent, id)
		default:
			t.Errorf("child says %q", line)
		}
	}
	_ = cmd.Wait()
	if timer != nil {
		timer.Stop()
	}
	return accepted, sent
}

func crashCheck(t *testing.T, dir string, accepted, sent []string) {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: dir, Logger: quiet(), InlineLimit: 4000})
	if err != nil {
		t.Fatalf("open after a crash: %v", err)
	}
	defer s.Close()
	for _, id := range accepted {
		m, err := s.Message(t.Context(), id)
		d, err2 := s.Delivery(t.Context(), id)
		e, err3 := s.Events(t.Context(), queue.EventFilter{MessageID: id})
		if err := errors.Join(err, err2, err3); err != nil || len(e) == 0 || !bytes.Equal(m.Raw, crashBody(id)) ||
			!bytes.Equal(d.Body, crashBody(id)) {
			t.Fatalf("acknowledged message %s is not whole: %v", id, err)
		}
	}
	for _, id := range sent {
		if d, err := s.Delivery(t.Context(), id); err != nil || d.State != samvirke.DeliverySent || d.Attempts != 1 {
			t.Fatalf("delivery %s was reported sent, the store says %s, %v", id, d.State, err)
		}
	}
	if err := s.VerifyAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	off, err := s.countOff(t.Context())
	if err != nil || len(off) != 0 || s.unaccounted() != 0 {
		t.Fatalf("the books are off by %v, unaccounted %d, %v", off, s.unaccounted(), err)
	}
	var sound string
	if err := s.db.QueryRow(`PRAGMA quick_check`).Scan(&sound); err != nil || sound != "ok" {
		t.Fatalf("database is damaged: %s, %v", sound, err)
	}
}
