package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/samvirke/samvirke/connectors/connectortest"
)

// stream is a JetStream stream on a real server, as its operator reads it.
type stream struct {
	js   jetstream.JetStream
	from jetstream.Stream
}

func openStream(t *testing.T, s *connectortest.NATS) *stream {
	t.Helper()
	conn, err := client.Connect(s.URL, client.Token(connectortest.NATSToken), client.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	from, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "CARE", Subjects: []string{"care.>"}, Duplicates: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return &stream{js, from}
}

func (s *stream) all(t *testing.T) (out []*jetstream.RawStreamMsg) {
	t.Helper()
	info, err := s.from.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for n := uint64(1); n <= info.State.LastSeq; n++ {
		m, err := s.from.GetMsg(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// streamConfig has two parties on one stream: whole messages and events for one, notices of changed plans for the other.
func streamConfig(t *testing.T, addr, silent, server string) string {
	t.Helper()
	file := writeConfig(t, addr, t.TempDir(), silent, silent, "  - {name: stream, to: [research, research-plans]}\n")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parties := ""
	for _, p := range []string{"id: research, events: all, accepts: [{format: fhir}]", "id: research-plans, accepts: [{format: fhir-notification}]"} {
		parties += fmt.Sprintf("  - {%s, role: other, retry: {first: 20ms, max: 200ms}, breaker: {failures: 5, open_for: 50ms}, "+
			"nats: {servers: [%q], subject: care, token: %s}}\n", p, server, connectortest.NATSToken)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "routes:", parties+"routes:", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestStreamOut: a real gateway and a real NATS server, both killed on the way. Every message that was accepted is in the
// stream once, with the events that tell of it in order and the notice that the plan has changed, which a party of its own gets. No
// subject, header or notice names a patient.
func TestStreamOut(t *testing.T) {
	server := connectortest.StartNATS(t, nil)
	openStream(t, server) // its operator makes it
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer silent.Close()
	addr := freeAddr(t)
	file := streamConfig(t, addr, silent.URL, server.URL)
	p, _ := startProcess(t, addr, file)
	var ids []string
	send := func(n int) {
		t.Helper()
		status, body, err := post(t.Context(), addr, hospitalToken, "application/xml", admission(uuid.NewString(), n, "no 1"))
		var answer struct{ ID string }
		if err != nil || status != http.StatusAccepted || json.Unmarshal([]byte(body), &answer) != nil || answer.ID == "" {
			t.Fatalf("%d %s %v", status, body, err)
		}
		ids = append(ids, answer.ID)
	}
	send(1)
	server.Stop()
	send(2)
	p.kill()
	p, _ = startProcess(t, addr, file)
	send(3)
	server = connectortest.StartNATS(t, server)
	read := openStream(t, server)
	var list []*jetstream.RawStreamMsg
	told := func(id, subject string) (out []*jetstream.RawStreamMsg) {
		for _, m := range list {
			if m.Subject == subject && m.Header.Get("Samvirke-Message") == id {
				out = append(out, m)
			}
		}
		return out
	}
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		list = read.all(t)
		if !slices.ContainsFunc(ids, func(id string) bool {
			return len(told(id, "care.forward.LOG_INNLAGT")) == 0 || len(told(id, "care.notice.plan-changed")) == 0 || !strings.Contains(fmt.Sprint(names(t, told(id, "care.event.message-events"))), "sent")
		}) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d in the stream\n%s", len(list), p.log)
		}
	}
	for i, id := range ids {
		checkTold(t, i+1, id, told)
	}
	seen := map[string]bool{}
	for _, m := range list {
		id := m.Header.Get(client.MsgIdHdr)
		if id == "" || seen[id] {
			t.Errorf("id %q is in the stream twice", id)
		}
		seen[id] = true
		head := m.Subject + fmt.Sprint(m.Header)
		if person := rePerson.FindSubmatch(admission("x", 1, "no 1")); person == nil || strings.Contains(head, string(person[1])) {
			t.Errorf("a patient is named in %s", head)
		}
	}
	if code := p.stop(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// checkTold looks at what the stream has of the n-th message: itself, the notice and the events.
func checkTold(t *testing.T, n int, id string, told func(id, subject string) []*jetstream.RawStreamMsg) {
	t.Helper()
	if times := len(told(id, "care.forward.LOG_INNLAGT")); times != 1 {
		t.Errorf("message %s is in the stream %d times", id, times)
	}
	notices := told(id, "care.notice.plan-changed")
	if len(notices) != 1 || !bytes.Contains(notices[0].Data, []byte(`"CarePlan/`)) {
		t.Errorf("message %s: notices %v", id, notices)
	}
	person := rePerson.FindSubmatch(admission("x", n, "no 1"))
	if slices.ContainsFunc(notices, func(m *jetstream.RawStreamMsg) bool { return person == nil || bytes.Contains(m.Data, person[1]) }) {
		t.Errorf("a notice names a patient: %s", notices[0].Data)
	}
	if got := names(t, told(id, "care.event.message-events")); len(got) < 4 || got[0] != "received" || !slices.Contains(got, "routed") {
		t.Errorf("message %s: events %v", id, got)
	}
}

// names are the events told, in the order of the stream.
func names(t *testing.T, list []*jetstream.RawStreamMsg) (out []string) {
	t.Helper()
	for _, m := range list {
		var body struct {
			Events []struct{ Name string }
		}
		if err := json.Unmarshal(m.Data, &body); err != nil {
			t.Fatal(err)
		}
		for _, e := range body.Events {
			out = append(out, e.Name)
		}
	}
	return out
}
