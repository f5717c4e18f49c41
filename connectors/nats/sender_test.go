package nats

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/connectors/connectortest"
	"github.com/samvirke/samvirke/internal/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

// server is a real one, as its operator sees it.
type server struct{ *connectortest.NATS }

func start(t *testing.T, before *server) *server {
	t.Helper()
	if before == nil {
		return &server{connectortest.StartNATS(t, nil)}
	}
	return &server{connectortest.StartNATS(t, before.NATS)}
}

// admin is a connection of the operator's.
func (s *server) admin(t *testing.T) (jetstream.JetStream, func()) {
	t.Helper()
	conn, err := client.Connect(s.URL, client.Token(connectortest.NATSToken), client.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	return js, conn.Close
}

// stream is how the operator keeps what comes; most is the largest message, 0 any.
func (s *server) stream(t *testing.T, most int32) {
	t.Helper()
	js, done := s.admin(t)
	defer done()
	if _, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "SAMVIRKE", Subjects: []string{"samvirke.>"}, MaxMsgSize: most, Duplicates: time.Hour}); err != nil {
		t.Fatal(err)
	}
}

// stored reads what is in the stream.
func (s *server) stored(t *testing.T) (out []*jetstream.RawStreamMsg) {
	t.Helper()
	js, done := s.admin(t)
	defer done()
	st, err := js.Stream(t.Context(), "SAMVIRKE")
	if err != nil {
		t.Fatal(err)
	}
	info, err := st.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for n := info.State.FirstSeq; n <= info.State.LastSeq && n > 0; n++ {
		m, err := st.GetMsg(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func (s *server) options() SenderOptions {
	return SenderOptions{Party: "research", Servers: []string{s.URL}, Subject: "samvirke", Token: connectortest.NATSToken}
}

func (s *server) sender(t *testing.T) *Sender {
	t.Helper()
	out, err := NewSender(s.options())
	if err != nil {
		t.Fatal(err)
	}
	connected(t, out)
	return out
}

// connected waits for the connection, which is made in the background.
func connected(t *testing.T, s *Sender) {
	t.Helper()
	for end := time.Now().Add(patience); !s.conn.IsConnected(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no connection")
		}
	}
}

// far makes the stream, or the credential, refuse a chosen delivery.
type far struct {
	*server
	fail  map[string]samvirke.Class
	other *Sender // with a wrong token
}

type scripted struct {
	*Sender
	t   *testing.T
	far *far
}

func (f *far) Sender(t *testing.T) connectors.Sender {
	o := f.options()
	o.Token = "another"
	var err error
	if f.other, err = NewSender(o); err != nil {
		t.Fatal(err)
	}
	return &scripted{f.sender(t), t, f}
}

// turnedAway waits until the server has said no to the wrong token; each attempt to connect says anew what it met.
func (f *far) turnedAway(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); !errors.Is(f.other.whyNot(), client.ErrAuthorization); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("a wrong token was not refused: %v", f.other.whyNot())
		}
	}
}

func (s *scripted) Send(ctx context.Context, d samvirke.Delivery) (connectors.Result, error) {
	class, ok := s.far.fail[d.ID]
	if !ok {
		return s.Sender.Send(ctx, d)
	}
	delete(s.far.fail, d.ID)
	switch class {
	case samvirke.Unauthorized:
		s.far.turnedAway(s.t)
		return s.far.other.Send(ctx, d)
	case samvirke.Permanent:
		s.far.stream(s.t, 10)
		defer s.far.stream(s.t, -1)
	default:
		js, done := s.far.admin(s.t)
		defer done()
		if err := js.DeleteStream(ctx, "SAMVIRKE"); err != nil {
			s.t.Fatal(err)
		}
		defer s.far.stream(s.t, -1)
	}
	return s.Sender.Send(ctx, d)
}

func (f *far) Taken(t *testing.T) (out [][]byte) {
	for _, m := range f.stored(t) {
		out = append(out, m.Data)
	}
	return out
}

func (f *far) Fail(_ *testing.T, d samvirke.Delivery, class samvirke.Class) bool {
	f.fail[d.ID] = class
	return true
}

func (f *far) Close() {
	if f.other != nil {
		_ = f.other.Close()
	}
	f.Stop()
}

// TestSuite: what every wire must do.
func TestSuite(t *testing.T) {
	connectortest.TestSender(t, func(t *testing.T) connectortest.Far {
		s := start(t, nil)
		s.stream(t, -1)
		return &far{server: s, fail: map[string]samvirke.Class{}}
	})
}

func delivery(n int) samvirke.Delivery {
	return samvirke.Delivery{
		ID: fmt.Sprintf("d%d", n), MessageID: "m1", Party: "research", Purpose: samvirke.PurposeNotice, ExternalID: fmt.Sprintf("5f3c1a2e-0000-4000-8000-%012d", n),
		Kind: "plan-changed", ContentType: "application/fhir+json", TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Body: fmt.Appendf(nil, `{"n":%d}`, n),
	}
}

// TestMessage: subject, id and trace go along; the same delivery again is in the stream once.
func TestMessage(t *testing.T) {
	s := start(t, nil)
	s.stream(t, -1)
	out := s.sender(t)
	defer out.Close()
	for range 2 {
		for i := range 5 {
			if _, err := out.Send(t.Context(), delivery(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	list := s.stored(t)
	if len(list) != 5 {
		t.Fatalf("%d messages", len(list))
	}
	for i, m := range list {
		d := delivery(i)
		for name, want := range map[string]string{client.MsgIdHdr: d.ID, "Content-Type": d.ContentType, HeaderMessage: "m1", HeaderExternal: d.ExternalID,
			HeaderKind: "plan-changed", HeaderPurpose: "notice", "traceparent": d.TraceParent} {
			if got := m.Header.Get(name); got != want {
				t.Errorf("%s %q, want %q", name, got, want)
			}
		}
		if m.Subject != "samvirke.notice.plan-changed" || string(m.Data) != string(d.Body) {
			t.Errorf("%s %s", m.Subject, m.Data)
		}
	}
}

// TestServerKilled: the server dies and comes back with what it kept. Sending fails transiently meanwhile and goes on
// after; nothing that was acknowledged is lost, nothing is stored twice.
func TestServerKilled(t *testing.T) {
	s := start(t, nil)
	s.stream(t, -1)
	out := s.sender(t)
	defer out.Close()
	if _, err := out.Send(t.Context(), delivery(1)); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if _, err := out.Send(t.Context(), delivery(2)); samvirke.ClassOf(err) != samvirke.Transient {
		t.Fatalf("got %v", err)
	}
	s = start(t, s)
	connected(t, out)
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // the stream is found again after the connection
		_, err := out.Send(t.Context(), delivery(2))
		if err == nil {
			break
		}
		if samvirke.ClassOf(err) != samvirke.Transient || time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if list := s.stored(t); len(list) != 2 || string(list[0].Data) != `{"n":1}` || string(list[1].Data) != `{"n":2}` {
		t.Errorf("%d messages", len(list))
	}
}

// TestNoServer: servers that are away are no error of the options, and an attempt is over at once.
func TestNoServer(t *testing.T) {
	// Port 1 is nobody's. One that was just given back may be another server's a moment later.
	out, err := NewSender(SenderOptions{Party: "research", Servers: []string{"nats://127.0.0.1:1"}, Subject: "samvirke"})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := out.Send(t.Context(), delivery(1)); samvirke.ClassOf(err) != samvirke.Transient {
		t.Errorf("got %v", err)
	}
}

// TestAccountFull: an account over its limit of storage is no reason to stop a delivery. When its operator has made room,
// the same delivery is taken.
func TestAccountFull(t *testing.T) {
	full := connectortest.StartSmallNATS(t, "200K")
	conn, err := client.Connect(full.URL, client.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SAMVIRKE", Subjects: []string{"samvirke.>"}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := NewSender(SenderOptions{Party: "research", Servers: []string{full.URL}, Subject: "samvirke"})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	connected(t, out)
	for n := 1; ; n++ {
		d := delivery(n)
		d.Body = make([]byte, 50_000)
		_, err := out.Send(t.Context(), d)
		if err == nil && n < 20 {
			continue
		}
		var answer *jetstream.APIError
		if f := new(samvirke.Fault); !errors.As(err, &answer) || answer.ErrorCode != 10002 || !errors.As(err, &f) || f.Class != samvirke.Transient {
			t.Fatalf("delivery %d of 50 KB: %v", n, err)
		}
		if err := stream.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Send(t.Context(), d); err != nil {
			t.Fatalf("with room again: %v", err)
		}
		return
	}
}

// TestFaults: what each failure means.
func TestFaults(t *testing.T) {
	t.Parallel()
	late, done := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer done()
	for name, c := range map[string]struct {
		ctx   context.Context
		err   error
		class samvirke.Class
		code  string
	}{
		"too large":   {t.Context(), client.ErrMaxPayload, samvirke.Permanent, "too-large"},
		"no stream":   {t.Context(), jetstream.ErrNoStreamResponse, samvirke.Transient, "no-stream"},
		"token":       {t.Context(), client.ErrAuthorization, samvirke.Unauthorized, "not-authorized"},
		"not allowed": {t.Context(), client.ErrPermissionViolation, samvirke.Unauthorized, "not-authorized"},
		"refused":     {t.Context(), &jetstream.APIError{Code: 400, ErrorCode: 10054}, samvirke.Permanent, "stream-10054"},
		"long header": {t.Context(), &jetstream.APIError{Code: 400, ErrorCode: 10097}, samvirke.Permanent, "stream-10097"},
		"full":        {t.Context(), &jetstream.APIError{Code: 503, ErrorCode: 10077}, samvirke.Transient, "stream-unavailable"},
		"server full": {t.Context(), &jetstream.APIError{Code: 503, ErrorCode: 10023}, samvirke.Transient, "stream-unavailable"},
		"no storage":  {t.Context(), &jetstream.APIError{Code: 500, ErrorCode: 10047}, samvirke.Transient, "stream-unavailable"},
		"account":     {t.Context(), &jetstream.APIError{Code: 400, ErrorCode: 10002}, samvirke.Transient, "stream-unavailable"},
		"no tier":     {t.Context(), &jetstream.APIError{Code: 400, ErrorCode: 10120}, samvirke.Transient, "stream-unavailable"},
		"in process":  {t.Context(), &jetstream.APIError{Code: 409, ErrorCode: 10158}, samvirke.Transient, "stream-unavailable"},
		"too fast":    {t.Context(), &jetstream.APIError{Code: 429, ErrorCode: 10167}, samvirke.Transient, "stream-unavailable"},
		"cut":         {t.Context(), errors.New("connection reset"), samvirke.Transient, "unreachable"},
		"time":        {late, context.DeadlineExceeded, samvirke.Transient, "timeout"},
	} {
		if f := fault(c.ctx, c.err); f.Class != c.class || f.Code != c.code || f.Safe == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// TestOptions: each mistake is told, without what was given as secret.
func TestOptions(t *testing.T) {
	t.Parallel()
	good := SenderOptions{Party: "p", Servers: []string{"nats://127.0.0.1:1"}, Subject: "a.b"}
	for name, change := range map[string]func(*SenderOptions){
		"no party":      func(o *SenderOptions) { o.Party = "" },
		"no servers":    func(o *SenderOptions) { o.Servers = nil },
		"another wire":  func(o *SenderOptions) { o.Servers = []string{"http://127.0.0.1:1"} },
		"user in URL":   func(o *SenderOptions) { o.Servers = []string{"nats://u:hemmelig@127.0.0.1:1"} },
		"no subject":    func(o *SenderOptions) { o.Subject = "" },
		"wildcard":      func(o *SenderOptions) { o.Subject = "a.>" },
		"empty token":   func(o *SenderOptions) { o.Subject = "a..b" },
		"no such creds": func(o *SenderOptions) { o.Credentials = filepath.Join(t.TempDir(), "absent.creds") },
	} {
		o := good
		change(&o)
		s, err := NewSender(o)
		if err == nil {
			_ = s.Close()
			if name != "no such creds" { // read when the server asks
				t.Errorf("%s: taken", name)
			}
		} else if strings.Contains(err.Error(), "hemmelig") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := (&Sender{opt: good}).subject(&samvirke.Delivery{Purpose: "forward", Kind: "Ett navn.*"}); got != "a.b.forward.Ett_navn__" {
		t.Errorf("subject %s", got)
	}
	if got := (&Sender{opt: good}).subject(&samvirke.Delivery{Purpose: "event"}); got != "a.b.event.other" {
		t.Errorf("subject %s", got)
	}
}
