package nats

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
)

// DefaultTimeout is how long one attempt waits for the stream's acknowledgement.
const DefaultTimeout = 30 * time.Second

// Headers of a published message, beside Nats-Msg-Id (the delivery's id) and Content-Type.
const (
	HeaderMessage  = "Samvirke-Message"  // the gateway's id of the message it comes from
	HeaderExternal = "Samvirke-External" // the id inside the body
	HeaderKind     = "Samvirke-Kind"
	HeaderPurpose  = "Samvirke-Purpose"
)

// SenderOptions describe the way into one stream. Party, Servers and Subject are required.
type SenderOptions struct {
	// Party is the party id, for the connection's name.
	Party string
	// Servers are URLs, nats:// or tls://, without user information.
	Servers []string
	// Subject begins the subject of every message; purpose and kind follow, each a token of its own:
	// "samvirke" gives "samvirke.forward.LOG_INNLAGT".
	Subject string
	// Token, or Credentials (a file with JWT and seed), let us in; both may be empty.
	Token, Credentials string
	// Certificates are client certificates; CA the issuers of the servers' ones, nil means those of the system.
	Certificates []tls.Certificate
	CA           *x509.CertPool
	// Timeout is the limit of one attempt, 0 means 30 s.
	Timeout time.Duration
}

// Sender publishes deliveries into one stream. It is safe for concurrent use.
type Sender struct {
	opt     SenderOptions
	conn    *client.Conn
	stream  jetstream.JetStream
	refused atomic.Pointer[error] // why the last attempt to connect failed
}

// NewSender checks the options. Servers that are down are no error: the connection is tried in the background, and
// sending is transiently impossible until there is one.
func NewSender(opt SenderOptions) (*Sender, error) {
	if opt.Party == "" || len(opt.Servers) == 0 {
		return nil, errors.New("nats sender needs party and servers")
	}
	for _, s := range opt.Servers {
		u, err := url.Parse(s)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls":
			return nil, fmt.Errorf("servers of %s: want nats:// or tls:// and a host", opt.Party) // the text may hold a secret
		case u.User != nil:
			return nil, fmt.Errorf("servers of %s: no user or password in a URL; use token or credentials", opt.Party)
		}
	}
	if !validSubject(opt.Subject) {
		return nil, fmt.Errorf("subject of %s: want words of letters, digits, hyphen and underscore with dots between", opt.Party)
	}
	if opt.Timeout <= 0 {
		opt.Timeout = DefaultTimeout
	}
	s := &Sender{opt: opt}
	var err error
	if s.conn, err = client.Connect(strings.Join(opt.Servers, ","), s.options()...); err != nil {
		return nil, fmt.Errorf("stream of %s: %w", opt.Party, err)
	}
	if s.stream, err = jetstream.New(s.conn); err != nil {
		s.conn.Close()
		return nil, fmt.Errorf("stream of %s: %w", opt.Party, err)
	}
	return s, nil
}

func (s *Sender) options() []client.Option {
	opt := &s.opt
	out := []client.Option{
		client.Name("samvirke " + opt.Party), client.RetryOnFailedConnect(true), client.MaxReconnects(-1),
		client.ReconnectWait(time.Second), client.Timeout(10 * time.Second),
		// What is not on the wire fails and is tried again by its lane: a client that kept it would publish in an
		// order of its own, and lose it with the process.
		client.ReconnectBufSize(-1),
		// A credential is put right outside; until then every attempt says so.
		client.IgnoreAuthErrorAbort(),
		client.ReconnectErrHandler(func(_ *client.Conn, err error) { s.refused.Store(&err) }),
	}
	if opt.Token != "" {
		out = append(out, client.Token(opt.Token))
	}
	if opt.Credentials != "" {
		out = append(out, client.UserCredentials(opt.Credentials))
	}
	if len(opt.Certificates) > 0 || opt.CA != nil {
		out = append(out, client.Secure(&tls.Config{MinVersion: tls.VersionTLS12, Certificates: opt.Certificates, RootCAs: opt.CA}))
	}
	return out
}

// validSubject tells whether s can begin a subject: tokens without wildcards. Source: NATS, subject names.
func validSubject(s string) bool {
	for token := range strings.SplitSeq(s, ".") {
		if token == "" || token != clean(token) {
			return false
		}
	}
	return true
}

// clean makes one token of a word.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '_'
	}, s)
}

// subject is where a delivery goes: who reads only some kinds subscribes to those.
func (s *Sender) subject(d *samvirke.Delivery) string {
	kind := clean(d.Kind)
	if kind == "" {
		kind = "other"
	}
	return s.opt.Subject + "." + clean(string(d.Purpose)) + "." + kind
}

// Send publishes the delivery and waits for the stream's acknowledgement. A second attempt whose first one was
// stored is acknowledged as such and stored no second time.
func (s *Sender) Send(ctx context.Context, d samvirke.Delivery) (connectors.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opt.Timeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return connectors.Result{Answer: "not published"}, fault(ctx, err)
	}
	if !s.conn.IsConnected() {
		// Otherwise the client waits the whole time limit for an answer that nobody can give.
		return connectors.Result{Answer: "not published"}, fault(ctx, s.whyNot())
	}
	m := client.NewMsg(s.subject(&d))
	m.Data = d.Body
	for name, value := range map[string]string{
		client.MsgIdHdr: d.ID, "Content-Type": d.ContentType, HeaderMessage: d.MessageID, HeaderExternal: d.ExternalID,
		HeaderKind: d.Kind, HeaderPurpose: string(d.Purpose), "traceparent": d.TraceParent,
	} {
		if value != "" {
			m.Header[name] = []string{value} // as it is written: NATS headers have no canonical form
		}
	}
	ack, err := s.stream.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0)) // the queue owns retries
	if err != nil {
		return connectors.Result{Answer: "not published"}, fault(ctx, err)
	}
	answer := fmt.Sprintf("stream %s, sequence %d", ack.Stream, ack.Sequence)
	if ack.Duplicate {
		answer += ", there already"
	}
	return connectors.Result{Answer: answer}, nil
}

// whyNot is why there is no connection.
func (s *Sender) whyNot() error {
	if err := s.refused.Load(); err != nil {
		return *err
	}
	if err := s.conn.LastError(); err != nil {
		return err
	}
	return client.ErrDisconnected
}

// fault gives the outcome when the stream has not acknowledged. What can be put right outside, after which the lane
// goes on by itself, is transient: servers away, no stream bound to the subject yet, a stream or an account that is full.
func fault(ctx context.Context, err error) *samvirke.Fault {
	f := &samvirke.Fault{Class: samvirke.Transient, Code: "unreachable", Safe: "the stream's servers cannot be reached", Err: err}
	var refused *jetstream.APIError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, client.ErrTimeout):
		f.Code, f.Safe = "timeout", "the stream did not acknowledge in time"
	case ctx.Err() != nil:
		f.Code, f.Safe = "interrupted", "publishing was interrupted, it will be tried again"
	case errors.Is(err, client.ErrMaxPayload):
		f.Class, f.Code, f.Safe = samvirke.Permanent, "too-large", "the message is larger than the stream's servers take"
	case errors.Is(err, client.ErrAuthorization), errors.Is(err, client.ErrAuthExpired), errors.Is(err, client.ErrPermissionViolation):
		f.Class, f.Code, f.Safe = samvirke.Unauthorized, "not-authorized", "the stream's servers do not accept our credential"
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, client.ErrNoResponders):
		f.Code, f.Safe = "no-stream", "no stream takes messages of this subject"
	case errors.As(err, &refused) && refused.Code >= 400 && refused.Code < 500 && !passing(refused):
		f.Class, f.Code, f.Safe = samvirke.Permanent, fmt.Sprintf("stream-%d", refused.ErrorCode), "the stream refused the message"
	case errors.As(err, &refused):
		f.Code, f.Safe = "stream-unavailable", "the stream cannot take it right now"
	}
	return f
}

// passing tells whether a refusal of class 4xx says nothing about the message, so that the same one is taken later.
// Source: nats-server, server/errors.json.
func passing(e *jetstream.APIError) bool {
	switch e.ErrorCode {
	case 10002, // the account is over its limit of storage, although a stream that is full answers 503
		10120, // no limit of the account suits the stream's replicas
		10158, // an earlier attempt with this Nats-Msg-Id is still being stored
		10167: // too many requests
		return true
	}
	return false
}

// Close ends the connection. What is under way fails and is sent again after the next start.
func (s *Sender) Close() error {
	s.conn.Close()
	return nil
}
